"""Runs under the Python of `.cache/packaging/charts`, never under the project's own.

Takes one JSON request on standard input and prints one JSON answer:

    {"do": "lint", "chart": DIR, "values": {}}           -> ["finding", ...]
    {"do": "render", "chart": DIR, "values": {}, ...}    -> {"documents": ..} or {"refused": ..}
    {"do": "package", "chart": DIR, "to": DIR}           -> "file.tgz"
    {"do": "parse", "text": YAML}                        -> [document, ...]
    {"do": "validate", "documents": [...], "versions": [...]} -> ["complaint", ...]

Helm 4 and Kubernetes' schemas are big and have dependencies of their own; in another process they
touch neither the project's environment nor its signal handlers.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Only the other environment has these, so the type checker knows nothing about them.
yaml: Any = importlib.import_module("yaml")


class Strict(yaml.SafeLoader):  # type: ignore[misc]  # no types here
    """Takes no map with a doubled key: YAML forbids it, and most readers silently keep the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        doubled = sorted({str(key) for key in keys if keys.count(key) > 1})
        if doubled:
            raise ValueError(f"doubled keys: {', '.join(doubled)}{node.start_mark}")
        return dict(super().construct_mapping(node, deep=deep))


def parse(text: str) -> list[Any]:
    """The documents in `text` that are not empty."""
    return [document for document in yaml.load_all(text, Strict) if document]


def lint(chart: str, values: dict[str, Any]) -> list[str]:
    """Everything above mere information that Helm 4 finds."""
    helm: Any = importlib.import_module("helm_python")
    result = helm.lint(chart, values, strict=True)
    found = [m["error"] for m in result["messages"] if m["severity"] > 1]
    return found + [str(error) for error in result["errors"]]


def render(chart: str, values: dict[str, Any], name: str, namespace: str) -> dict[str, Any]:
    """What Helm 4 makes of the chart, or the sentence with which it refuses."""
    helm: Any = importlib.import_module("helm_python")
    try:
        with helm.Chart.load(chart) as loaded:
            texts = loaded.render(values, name=name, namespace=namespace)
    except helm.HelmError as error:
        return {"refused": str(error)}
    notes = "".join(text for path, text in texts.items() if path.endswith("NOTES.txt"))
    documents = [
        document
        for path, text in texts.items()
        if not path.endswith("NOTES.txt")
        for document in parse(text)
    ]
    return {"documents": documents, "notes": notes}


def package(chart: str, to: str) -> str:
    """The archive that Helm 4 makes of the chart."""
    helm: Any = importlib.import_module("helm_python")
    return str(helm.package(chart, destination=to))


def validate(documents: list[dict[str, Any]], versions: list[str]) -> Iterator[str]:
    """What the schemas of those Kubernetes versions object to; unknown keys too."""
    schemas: Any = importlib.import_module("kubernetes_validate")
    for version in versions:
        if version not in {v.rsplit(".", 1)[0] for v in schemas.utils.all_versions()}:
            yield f"there is no schema of Kubernetes {version}"
            continue
        for document in documents:
            what = f"{document['kind']} {document['metadata']['name']} in {version}"
            try:
                schemas.validate(document, version, strict=True)
            except schemas.utils.SchemaNotFoundError as error:
                yield f"{what}: {error.message}"
            except schemas.utils.ValidationError as error:
                yield f"{what}: {'.'.join(map(str, error.path))}: {error.message}"


def answer(request: dict[str, Any]) -> Any:
    """The answer to one request."""
    match request.pop("do"):
        case "lint":
            return lint(**request)
        case "render":
            return render(**request)
        case "package":
            return package(**request)
        case "parse":
            return parse(**request)
        case "validate":
            return list(validate(**request))
        case other:
            raise ValueError(other)


if __name__ == "__main__":
    # Helm 4 logs to standard output's neighbour; the answer goes to a file of its own.
    Path(sys.argv[1]).write_text(json.dumps(answer(json.load(sys.stdin))))

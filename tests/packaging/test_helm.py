"""The chart in Helm 3 and Helm 4, against the schemas of Kubernetes."""

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.charts import (
    CHART,
    NEWEST,
    OLDEST,
    Document,
    Helm,
    Helm3,
    Helm4,
    Refused,
    Rendered,
    Values,
    bench,
    pod_of,
    read_yaml,
)
from tests.packaging.provision import ROOT

CASES = sorted(file.stem for file in (CHART / "ci").glob("*-values.yaml"))

OPERATOR_KINDS = {
    "ServiceMonitor": {"jobLabel", "selector", "endpoints"},
    "PodMonitor": {"jobLabel", "selector", "podMetricsEndpoints"},
    "PrometheusRule": {"groups"},
}
"""Kinds of the Prometheus operator, which Kubernetes' own schemas do not know, with the keys of
their `spec` that the chart uses (monitoring.coreos.com/v1)."""


@pytest.fixture(params=[Helm3, Helm4], ids=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest, tmp_path: Path) -> Helm:
    """Each version of Helm."""
    made: Helm = request.param(tmp_path)
    return made


def values_of(case: str, folder: Path) -> Values:
    """The values in `ci/`."""
    values: Values = read_yaml(folder, CHART / "ci" / f"{case}.yaml")
    return values


def agents(**more: Any) -> Values:
    """The smallest values with agents."""
    return {"agent": {"enabled": True, "directories": [{"path": "/srv/data/in"}], **more}}


@pytest.mark.parametrize("case", CASES)
def test_chart_is_lint_free_with_the_values_of_each_case(
    helm: Helm, case: str, tmp_path: Path
) -> None:
    """Strict linting has nothing to say."""
    assert helm.lint(values_of(case, tmp_path)) == []


@pytest.mark.parametrize("case", CASES)
def test_everything_rendered_fits_the_oldest_and_the_newest_kubernetes(
    helm: Helm, case: str, tmp_path: Path
) -> None:
    """No document has a wrong type or an unknown key."""
    rendered = helm.render(values_of(case, tmp_path))
    assert rendered.documents
    own = [d for d in rendered.documents if d["kind"] not in OPERATOR_KINDS]
    assert bench(tmp_path, do="validate", documents=own, versions=[OLDEST, NEWEST]) == []
    for document in rendered.documents:
        if document["kind"] in OPERATOR_KINDS:
            assert document["apiVersion"] == "monitoring.coreos.com/v1"
            assert OPERATOR_KINDS[document["kind"]] == set(document["spec"])


@pytest.mark.parametrize("case", CASES)
def test_both_helms_render_the_same(case: str, tmp_path: Path) -> None:
    """What is checked by one way holds for the other."""
    values = values_of(case, tmp_path)

    def sort(rendered: Rendered) -> list[str]:
        return sorted(json.dumps(d, sort_keys=True) for d in rendered.documents)

    assert sort(Helm3(tmp_path).render(values)) == sort(Helm4(tmp_path).render(values))


@pytest.mark.parametrize("case", CASES)
def test_names_and_labels_belong_together(case: str, tmp_path: Path) -> None:
    """Selectors find the pods, carry no version, and each name is used once for a kind."""
    rendered = Helm4(tmp_path).render(values_of(case, tmp_path))
    names = [(d["kind"], d["metadata"]["name"]) for d in rendered.documents]
    assert len(names) == len(set(names))
    pods = [
        d["spec"]["template"]["metadata"]["labels"]
        for d in rendered.documents
        if "template" in d["spec" if "spec" in d else "metadata"]
    ]
    for document in rendered.documents:
        labels = document["metadata"]["labels"]
        for key in ("name", "instance", "version", "part-of", "managed-by"):
            assert f"app.kubernetes.io/{key}" in labels
        selector = document.get("spec", {}).get("selector")
        if selector is None:
            continue
        wanted = selector.get("matchLabels", selector)
        assert not any("version" in key or "chart" in key for key in wanted)
        if document["kind"] == "ServiceMonitor":
            services = [s["metadata"]["labels"] for s in rendered.of_kind("Service")]
            assert len([s for s in services if wanted.items() <= s.items()]) == 1
        else:
            assert len([p for p in pods if wanted.items() <= p.items()]) == 1


@pytest.mark.parametrize("case", CASES)
def test_pods_keep_to_pod_security_restricted_but_for_the_agents_host_path(
    case: str, tmp_path: Path
) -> None:
    """The rules of Pod Security, as https://kubernetes.io/docs/concepts/security tells them."""
    rendered = Helm4(tmp_path).render(values_of(case, tmp_path))
    for document in rendered.documents:
        if document["kind"] not in ("Deployment", "DaemonSet", "Pod"):
            continue
        pod = pod_of(document)
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 65532
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
        kinds = {key for v in pod.get("volumes", []) for key in v if key != "name"}
        assert kinds == ({"hostPath"} if document["kind"] == "DaemonSet" else kinds - {"hostPath"})


def test_only_the_grpc_service_names_a_master_that_is_not_ready(tmp_path: Path) -> None:
    """Otherwise agents could not come back to a master that waits for them."""
    services = {
        s["metadata"]["name"]: s["spec"] for s in Helm4(tmp_path).render({}).of_kind("Service")
    }
    assert services["scout-scoutmaster-grpc"]["publishNotReadyAddresses"] is True
    assert "publishNotReadyAddresses" not in services["scout-scoutmaster"]


def test_master_is_never_there_twice(tmp_path: Path) -> None:
    """One replica, and the old pod goes before the new one comes."""
    spec = Helm4(tmp_path).render({}).one("Deployment")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_nothing_is_on_that_a_cluster_may_not_have(tmp_path: Path) -> None:
    """By default there is no kind of an operator, no agent, and nothing for the outside."""
    rendered = Helm4(tmp_path).render({})
    kinds = sorted(d["kind"] for d in rendered.documents)
    assert kinds == ["Deployment", "Pod", "Service", "Service", "ServiceAccount"]
    (container,) = pod_of(rendered.one("Deployment"))["containers"]
    assert "resources" not in container


def test_agent_sees_its_directory_through_the_parent(tmp_path: Path) -> None:
    """Read-only, at the same path, with later mounts of the node; the node's name is the host."""
    values = agents(
        directories=[
            {"path": "/srv/data/in", "options": {"requireMount": True}},
            {"path": "/data", "mount": "directory"},
            {"path": "/var/lib/x: {y", "options": {"pollInterval": "1m"}},
        ]
    )
    pod = pod_of(Helm4(tmp_path).render(values).one("DaemonSet"))
    mounted = [v["hostPath"] for v in pod["volumes"]]
    assert [m["path"] for m in mounted] == ["/srv/data", "/data", "/var/lib"]
    assert {m["type"] for m in mounted} == {"Directory"}
    first, second, third = pod["containers"]
    for container, volume in zip(pod["containers"], pod["volumes"], strict=True):
        (mount,) = container["volumeMounts"]
        assert mount == {
            "name": volume["name"],
            "mountPath": volume["hostPath"]["path"],
            "readOnly": True,
            "mountPropagation": "HostToContainer",
        }
        assert container["env"][0]["name"] == "SCOUT_HOST"
        assert container["env"][0]["valueFrom"]["fieldRef"]["fieldPath"] == "spec.nodeName"
    assert "--require-mount" in first["args"] and "--require-mount" not in second["args"]
    assert "--directory=/var/lib/x: {y" in third["args"]
    assert "--poll-interval=1m" in third["args"] and "--poll-interval=5s" in first["args"]
    assert "--master=scout-scoutmaster-grpc.ns.svc:3000" in first["args"]
    ports = [p["containerPort"] for c in pod["containers"] for p in c["ports"]]
    assert len(ports) == len(set(ports)) == 6


REFUSED: list[tuple[Values, str]] = [
    ({"master": {"replicas": 2}}, "master.replicas is 2, but there is one list"),
    (
        {"master": {"options": {"healthTimeout": "2s"}}},
        r"master.options.healthTimeout (2s) must be shorter than master.options.healthInterval (2s)",
    ),
    (
        {"master": {"options": {"healthInterval": "900ms"}}},
        "master.options.healthTimeout (1s) must be shorter",
    ),
    ({"master": {"options": {"settle": "soon"}}}, 'master.options.settle is "soon": write a dur'),
    ({"master": {"options": {"http": 3000}}}, "master.options.grpc and master.options.http are"),
    (
        {"master": {"options": {"expectClients": 30, "maxClients": 20}}},
        "master.options.expectClients (30) is more than master.options.maxClients (20)",
    ),
    ({"master": {"ingress": {"enabled": True}}}, "master.ingress is enabled without hosts"),
    ({"master": {"service": {"grpc": {"nodePort": 30000}}}}, "master.service.grpc.nodePort is set"),
    ({"master": {"enabled": False}}, "master.enabled and agent.enabled are both false"),
    ({"agent": {"enabled": True}}, "agent.enabled is true without directories"),
    (agents(directories=[{"path": "data/in"}]), 'agent.directories[0].path is "data/in": write an'),
    (agents(directories=[{"path": "/a/b/"}]), 'agent.directories[0].path is "/a/b/": write it as'),
    (agents(directories=[{"path": "/a/b"}] * 2), 'agent.directories[1].path is "/a/b", which is'),
    (agents(directories=[{"path": "/data"}]), "whose parent is the node's whole /"),
    (agents(directories=[{"path": "/usr/share"}]), "would be mounted over the container's own"),
    (agents(options={"pollInterval": "5"}), 'agent.options.pollInterval is "5": write a duration'),
    (agents(ports={"health": 9301}), "agent.ports.metrics (9301) and agent.ports.health (9301)"),
    ({**agents(), "master": {"enabled": False}}, "master.enabled is false and agent.master is em"),
    (
        {"monitoring": {"podMonitor": {"enabled": True}}},
        "monitoring.podMonitor is for the agents, which agent.enabled: false leaves out",
    ),
    (
        {
            **agents(master="m:3000"),
            "master": {"enabled": False},
            "monitoring": {"serviceMonitor": {"enabled": True}},
        },
        "monitoring.serviceMonitor is for the master",
    ),
]


@pytest.mark.parametrize(("values", "sentence"), REFUSED, ids=[s[:40] for _, s in REFUSED])
def test_contradiction_is_refused_with_a_sentence(
    helm: Helm, values: Values, sentence: str
) -> None:
    """The sentence names the value and ends with what to do."""
    with pytest.raises(Refused) as refused:
        helm.render(values)
    assert sentence in str(refused.value)


WRONG: list[tuple[Values, str, str]] = [
    ({"replicas": 2}, "", "replicas"),
    ({"master": {"option": {}}}, "master", "option"),
    ({"master": {"options": {"setle": "5s"}}}, "master.options", "setle"),
    ({"master": {"options": {"settle": 5}}}, "master.options.settle", "string"),
    ({"master": {"options": {"grpc": 80}}}, "master.options.grpc", "1"),
    ({"master": {"options": {"logLevel": "loud"}}}, "master.options.logLevel", "warning"),
    ({"master": {"service": {"http": {"type": "External"}}}}, "master.service.http.type", "NodePort"),
    ({"agent": {"directories": ["/srv/in"]}}, "agent.directories.0", "object"),
    ({"agent": {"directories": [{"dir": "/srv/in"}]}}, "agent.directories.0", "path"),
    ({"agent": {"options": {"pollOnly": "yes"}}}, "agent.options.pollOnly", "boolean"),
    ({"monitoring": {"serviceMonitor": {"enable": True}}}, "monitoring.serviceMonitor", "enable"),
]


@pytest.mark.parametrize(("values", "where", "word"), WRONG, ids=[f"{w}:{x}" for _, w, x in WRONG])
def test_wrong_value_is_refused_by_name(helm: Helm, values: Values, where: str, word: str) -> None:
    """What the schema does not know, or has another type, is named with its place."""
    with pytest.raises(Refused) as refused:
        helm.render(values)
    # Helm 3 writes a.b.c, Helm 4 /a/b/c.
    message = str(refused.value).replace("/", ".")
    assert where in message
    assert word in message


def test_big_numbers_reach_the_program_as_written(helm: Helm) -> None:
    """Helm holds numbers as floats, which print as 1.23456789e+08."""
    rendered = helm.render({"master": {"options": {"maxFiles": 123456789}}})
    (container,) = pod_of(rendered.one("Deployment"))["containers"]
    assert "--max-files=123456789" in container["args"]


def test_archive_holds_the_alerts_and_the_dashboard_themselves(helm: Helm, tmp_path: Path) -> None:
    """In the chart they are links to packaging/prometheus; an archive cannot lead out of itself."""
    with tarfile.open(helm.package(tmp_path)) as archive:
        for name in ("scout-rules.yaml", "dashboard.json"):
            member = archive.getmember(f"scoutmaster/files/{name}")
            assert member.isfile()
            stored = archive.extractfile(member)
            assert stored is not None
            assert (ROOT / "packaging" / "prometheus" / name).read_bytes() == stored.read()


def test_alerts_and_dashboard_come_through_the_templates_unchanged(
    helm: Helm, tmp_path: Path
) -> None:
    """Their own {{ }} is for Prometheus and Grafana; only the runbook's address is put in."""
    on: Values = {
        "monitoring": {"prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}}
    }
    rendered = helm.render(on)
    folder = ROOT / "packaging" / "prometheus"
    rules = read_yaml(tmp_path, folder / "scout-rules.yaml")
    assert rendered.one("PrometheusRule")["spec"] == rules
    board = json.loads((folder / "dashboard.json").read_text())
    assert json.loads(rendered.one("ConfigMap")["data"]["scout.json"]) == board

    on["monitoring"]["prometheusRule"]["runbook"] = "https://wiki.example.org/scout"
    text = json.dumps(helm.render(on).one("PrometheusRule"))
    assert "https://wiki.example.org/scout#scoutdrift" in text
    assert "docs/runbook.md" not in text


def test_notes_say_how_to_ask_and_what_is_missing(tmp_path: Path) -> None:
    """Address, port and the next command are those of the release."""
    notes = Helm4(tmp_path).render({"master": {"service": {"http": {"port": 80}}}}).notes
    assert "port-forward service/scout-scoutmaster 80" in notes
    assert "scout-scoutmaster-grpc.ns.svc:3000" in notes
    assert "helm test scout --namespace ns" in notes
    ingress: Document = {"enabled": True, "hosts": ["scout.example.org"], "tls": [{}]}
    notes = Helm4(tmp_path).render({"master": {"ingress": ingress}}).notes
    assert "curl https://scout.example.org/files" in notes


def flat(values: Values, prefix: str = "") -> dict[str, Any]:
    """Values by dotted name; what Kubernetes defines (security contexts, labels) stays whole."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        whole = key in ("podSecurityContext", "containerSecurityContext", "labels")
        if isinstance(value, dict) and value and not whole:
            found.update(flat(value, f"{name}."))
        else:
            found[name] = value
    return found


def test_readme_lists_every_value_with_its_default(tmp_path: Path) -> None:
    """None is missing, none is there that does not exist, and no default is out of date."""
    rows = re.findall(r"^\| `(\S+)` \| `(.+?)` \|", (CHART / "README.md").read_text(), re.M)
    listed = {name: json.loads(default) for name, default in rows}
    assert listed == flat(read_yaml(tmp_path, CHART / "values.yaml"))


def test_schema_knows_every_value_and_no_other(tmp_path: Path) -> None:
    """The schema closes each object that the chart defines."""
    schema = json.loads((CHART / "values.schema.json").read_text())

    def names(node: Document, prefix: str = "") -> set[str]:
        if "$ref" in node:
            node = schema["definitions"][node["$ref"].rsplit("/", 1)[1]]
        if "properties" not in node:
            return {prefix.rstrip(".")}
        assert node["additionalProperties"] is False, prefix
        return {n for k, v in node["properties"].items() for n in names(v, f"{prefix}{k}.")}

    # "global" is what Helm passes from a parent chart.
    known = names(schema) - {"global"}
    assert known == set(flat(read_yaml(tmp_path, CHART / "values.yaml")))


def test_full_case_sets_every_value_that_changes_something(tmp_path: Path) -> None:
    """So no value is left that was never rendered."""
    defaults = flat(read_yaml(tmp_path, CHART / "values.yaml"))
    set_somewhere = {
        name
        for case in CASES
        for name, value in flat(values_of(case, tmp_path)).items()
        if value != defaults.get(name)
    }
    left = {name for name in defaults if not any(s.startswith(name) for s in set_somewhere)}
    # Refused, or the same in every case by intent.
    assert left <= {"master.replicas", "serviceAccount.create", "test.enabled", "image.tag",
                    "master.podSecurityContext", "master.containerSecurityContext",
                    "agent.containerSecurityContext", "monitoring.dashboard.labels",
                    "master.ingress.tls"}  # fmt: skip

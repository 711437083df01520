"""The chart in Helm 3 and Helm 4, against the schemas of Kubernetes."""

import json
import tarfile
from pathlib import Path

import pytest

from tests.packaging.charts import (
    CASES,
    NEWEST,
    OLDEST,
    Document,
    Helm3,
    Helm4,
    MakeHelm,
    Rendered,
    Values,
    agents,
    bench,
    each_helm,
    pod_of,
    read_yaml,
    values_of,
)
from tests.packaging.provision import ROOT

OPERATOR_KINDS = {
    "ServiceMonitor": {"jobLabel", "selector", "endpoints"},
    "PodMonitor": {"jobLabel", "selector", "podMetricsEndpoints"},
    "PrometheusRule": {"groups"},
}
"""Kinds of the Prometheus operator, which Kubernetes' own schemas do not know, with the keys of
their `spec` that the chart uses (monitoring.coreos.com/v1)."""


@pytest.mark.parametrize("case", CASES)
@each_helm
def test_chart_is_lint_free_with_the_values_of_each_case(
    make: MakeHelm, case: str, tmp_path: Path
) -> None:
    """Strict linting has nothing to say."""
    helm = make(tmp_path)
    assert helm.lint(values_of(case, tmp_path)) == []


@pytest.mark.parametrize("case", CASES)
@each_helm
def test_everything_rendered_fits_the_oldest_and_the_newest_kubernetes(
    make: MakeHelm, case: str, tmp_path: Path
) -> None:
    """No document has a wrong type or an unknown key."""
    helm = make(tmp_path)
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
    assert "--require-mount" in first["args"]
    assert "--require-mount" not in second["args"]
    assert "--directory=/var/lib/x: {y" in third["args"]
    assert "--poll-interval=1m" in third["args"]
    assert "--poll-interval=5s" in first["args"]
    assert "--master=scout-scoutmaster-grpc.ns.svc:3000" in first["args"]
    ports = [p["containerPort"] for c in pod["containers"] for p in c["ports"]]
    assert len(ports) == len(set(ports)) == 6


@each_helm
def test_big_numbers_reach_the_program_as_written(make: MakeHelm, tmp_path: Path) -> None:
    """Helm holds numbers as floats, which print as 1.2345678e+07."""
    helm = make(tmp_path)
    rendered = helm.render({"master": {"options": {"maxFiles": 12345678}}})
    (container,) = pod_of(rendered.one("Deployment"))["containers"]
    assert "--max-files=12345678" in container["args"]


@each_helm
def test_archive_holds_the_alerts_and_the_dashboard_themselves(
    make: MakeHelm, tmp_path: Path
) -> None:
    """The same bytes that the Debian package has among its examples."""
    helm = make(tmp_path)
    with tarfile.open(helm.package(tmp_path)) as archive:
        for name in ("scout-rules.yaml", "dashboard.json"):
            member = archive.getmember(f"scoutmaster/files/{name}")
            assert member.isfile()
            stored = archive.extractfile(member)
            assert stored is not None
            assert (ROOT / "packaging" / "prometheus" / name).read_bytes() == stored.read()


@each_helm
def test_alerts_and_dashboard_come_through_the_templates_unchanged(
    make: MakeHelm, tmp_path: Path
) -> None:
    """Their own {{ }} is for Prometheus and Grafana; only the runbook's address is put in."""
    helm = make(tmp_path)
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


@pytest.mark.parametrize(
    ("path", "kind", "leads"),
    [
        ("/", "Prefix", True),
        ("/files", "Exact", True),
        ("/", "Exact", False),
        ("/scout", "Prefix", False),
        ("/scout(/|$)(.*)", "ImplementationSpecific", False),
    ],
)
def test_notes_name_only_an_address_that_answers(
    tmp_path: Path, path: str, kind: str, leads: bool
) -> None:
    """The master takes no prefix away; what an ingress controller rewrites is not known here."""
    ingress = {"enabled": True, "hosts": ["scout.example.org"], "path": path, "pathType": kind}
    notes = Helm4(tmp_path).render({"master": {"ingress": ingress}}).notes
    assert ("curl http://scout.example.org/files\n" in notes) is leads
    assert ("curl http://scout.example.org" in notes) is leads
    assert ("port-forward" in notes) is not leads

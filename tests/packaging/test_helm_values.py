"""Values of the chart: the wrong ones are refused with a sentence, and all are documented."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.charts import (
    CASES,
    CHART,
    Document,
    MakeHelm,
    Refused,
    Values,
    agents,
    each_helm,
    kebab,
    read_yaml,
    values_of,
)

NODE_PORT = {"type": "NodePort", "nodePort": 30000}

REFUSED: list[tuple[Values, str]] = [
    ({"master": {"replicas": 2}}, "master.replicas is 2, but there is one list"),
    (
        {"master": {"options": {"healthTimeout": "2s"}}},
        "healthTimeout (2s) must be shorter than master.options.healthInterval (2s)",
    ),
    (
        {"master": {"options": {"healthInterval": "900ms"}}},
        "master.options.healthTimeout (1s) must be shorter",
    ),
    ({"master": {"options": {"settle": "soon"}}}, 'master.options.settle is "soon": write a dur'),
    ({"master": {"options": {"healthInterval": "0s"}}}, "write a duration from 10ms to 24h"),
    ({"master": {"options": {"http": 3000}}}, "master.options.grpc and master.options.http are"),
    (
        {"master": {"options": {"expectClients": 30, "maxClients": 20}}},
        "master.options.expectClients (30) is more than master.options.maxClients (20)",
    ),
    ({"master": {"ingress": {"enabled": True}}}, "master.ingress is enabled without hosts"),
    ({"master": {"service": {"grpc": {"nodePort": 30000}}}}, "master.service.grpc.nodePort is set"),
    (
        {"master": {"service": {"grpc": NODE_PORT, "http": NODE_PORT}}},
        "master.service.grpc.nodePort and master.service.http.nodePort are both 30000",
    ),
    (
        {"master": {"service": {"http": {"externalTrafficPolicy": "Local"}}}},
        "nothing from outside comes through a Service of type ClusterIP: set master.service.http",
    ),
    (
        {"master": {"service": {"grpc": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}}}},
        "a Service of type ClusterIP has no load balancer",
    ),
    (
        {
            "master": {
                "service": {"http": {"type": "NodePort", "loadBalancerSourceRanges": ["::/0"]}}
            }
        },
        "a Service of type NodePort has no load balancer",
    ),
    ({"enabled": False}, "enabled is false, but only the condition of a parent chart's dependency"),
    (
        agents(extraEnv=[{"name": "SCOUT_HOST", "value": "x"}]),
        "agent.extraEnv has SCOUT_HOST, which the chart sets to the node's name",
    ),
    (
        {"master": {"extraEnv": [{"name": "TZ", "value": "UTC"}, {"name": "TZ", "value": "CET"}]}},
        "master.extraEnv has TZ twice",
    ),
    ({"master": {"enabled": False}}, "master.enabled and agent.enabled are both false"),
    ({"agent": {"enabled": True}}, "agent.enabled is true without directories"),
    (agents(directories=[{"path": "data/in"}]), 'agent.directories[0].path is "data/in": write an'),
    (agents(directories=[{"path": "/a/b/"}]), 'agent.directories[0].path is "/a/b/": write it as'),
    (agents(directories=[{"path": "/a/b"}] * 2), 'agent.directories[1].path is "/a/b", which is'),
    (agents(directories=[{"path": "/data"}]), "whose parent is the node's whole /"),
    (agents(directories=[{"path": "/opt/in"}]), "/opt of the node would be mounted over"),
    (agents(directories=[{"path": "/opt/scout/x/in"}]), "/opt/scout/x of the node would be"),
    (agents(directories=[{"path": "/usr/share"}]), "would be mounted over the container's own"),
    (
        agents(directories=[{"path": "/a", "mount": "directory"}], options={"requireMount": True}),
        "with requireMount and mount: directory",
    ),
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
@each_helm
def test_contradiction_is_refused_with_a_sentence(
    make: MakeHelm, values: Values, sentence: str, tmp_path: Path
) -> None:
    """The sentence names the value and ends with what to do."""
    helm = make(tmp_path)
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
    (
        {"master": {"service": {"http": {"type": "External"}}}},
        "master.service.http.type",
        "NodePort",
    ),
    ({"agent": {"directories": ["/srv/in"]}}, "agent.directories.0", "object"),
    ({"agent": {"directories": [{"dir": "/srv/in"}]}}, "agent.directories.0", "path"),
    ({"agent": {"options": {"pollOnly": "yes"}}}, "agent.options.pollOnly", "boolean"),
    ({"monitoring": {"serviceMonitor": {"enable": True}}}, "monitoring.serviceMonitor", "enable"),
    ({"enabled": "yes"}, "enabled", "boolean"),
    ({"tags": {"scout": True}}, "", "tags"),
    ({"commonLabels": {"team": "two words"}}, "commonLabels.team", "pattern"),
    (
        {"master": {"service": {"grpc": {"loadBalancerSourceRanges": ["10.0.0.1"]}}}},
        "master.service.grpc.loadBalancerSourceRanges.0",
        "pattern",
    ),
]


@pytest.mark.parametrize(("values", "where", "word"), WRONG, ids=[f"{w}:{x}" for _, w, x in WRONG])
@each_helm
def test_wrong_value_is_refused_by_name(
    make: MakeHelm, values: Values, where: str, word: str, tmp_path: Path
) -> None:
    """What the schema does not know, or has another type, is named with its place."""
    helm = make(tmp_path)
    with pytest.raises(Refused) as refused:
        helm.render(values)
    # Helm 3 writes a.b.c, Helm 4 /a/b/c.
    message = str(refused.value).replace("/", ".")
    assert where in message
    assert word in message


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
    rows = re.findall(r"^\| `(\S+)` \| `(.+?)` \|", (CHART / "README.md").read_text(), re.MULTILINE)
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

    # What Helm passes from a parent chart.
    known = names(schema) - {"enabled", "global"}
    assert known == set(flat(read_yaml(tmp_path, CHART / "values.yaml")))


def test_numbers_have_the_bounds_of_the_program(tmp_path: Path) -> None:
    """So `helm install` refuses what the program would refuse."""
    from scoutmaster.config import OPTIONS

    schema = json.loads((CHART / "values.schema.json").read_text())
    master = schema["properties"]["master"]["properties"]["options"]["properties"]
    parsers = {option.flag: option.parse for option in OPTIONS}
    bounded = {name: node for name, node in master.items() if "maximum" in node}
    assert len(bounded) == 6
    for name, node in bounded.items():
        parse = parsers[f"--{kebab(name)}"]
        for inside in (node["minimum"], node["maximum"]):
            assert parse(str(inside)) == inside
        for outside in (node["minimum"] - 1, node["maximum"] + 1):
            with pytest.raises(ValueError, match="a whole number from"):
                parse(str(outside))


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

"""The user's maps meet those of the chart: no doubled key, no selector that finds nothing."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.charts import (
    CHART,
    NEWEST,
    OLDEST,
    Helm3,
    Helm4,
    MakeHelm,
    Refused,
    Values,
    agents,
    bench,
    each_helm,
    pod_of,
    values_of,
)

OWN = [
    *("app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"),
    *("app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"),
]
"""Labels by which pods and Services are found, or that say who made what."""

PLACES = [
    *("commonLabels", "master.podLabels", "agent.podLabels"),
    *("monitoring.serviceMonitor.labels", "monitoring.podMonitor.labels"),
    *("monitoring.prometheusRule.labels", "monitoring.dashboard.labels"),
]
"""Where the chart takes labels from its user."""


def at(place: str, value: Any) -> Values:
    """The values that have this value there."""
    for word in reversed(place.split(".")):
        value = {word: value}
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("key", OWN)
@pytest.mark.parametrize("place", PLACES)
def test_a_label_that_the_chart_sets_itself_is_refused_wherever_labels_are_taken(
    place: str, key: str, tmp_path: Path
) -> None:
    with pytest.raises(Refused) as refused:
        Helm3(tmp_path).render(at(place, {key: "mine"}))
    assert f"{place} has {key}, which the chart sets itself: leave it out" in str(refused.value)


@each_helm
def test_no_key_is_there_twice_though_the_same_label_is_set_in_all_places(
    make: MakeHelm, tmp_path: Path
) -> None:
    """What is nearer to a thing wins over commonLabels; what belongs together says so once."""
    helm = make(tmp_path)
    values = values_of("full-values", tmp_path)
    values["commonLabels"] = {"team": "all", "app.kubernetes.io/part-of": "platform"}
    for place in PLACES[1:]:
        inner = values
        for word in place.split("."):
            inner = inner.setdefault(word, {})
        inner["team"] = place.split(".")[-2]
    rendered = helm.render(values)
    teams = {d["kind"]: d["metadata"]["labels"]["team"] for d in rendered.documents}
    assert teams["PodMonitor"] == "podMonitor"
    assert teams["ServiceMonitor"] == "serviceMonitor"
    assert teams["Deployment"] == "all"
    for document in rendered.documents:
        assert document["metadata"]["labels"]["app.kubernetes.io/part-of"] == "platform"
    for kind, program in (("Deployment", "scoutmaster"), ("DaemonSet", "scout")):
        spec = rendered.one(kind)["spec"]
        labels = spec["template"]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"].items() <= labels.items()
        assert labels["app.kubernetes.io/name"] == program
        assert labels["team"] == {"scoutmaster": "master", "scout": "agent"}[program]


@each_helm
def test_a_release_whose_name_is_a_number_stays_text(make: MakeHelm, tmp_path: Path) -> None:
    """A label, a namespace or a class that reads as a number is text to Kubernetes."""
    values: Values = {
        "commonLabels": {"year": "2030"},
        "master": {
            "priorityClassName": "100",
            "ingress": {"enabled": True, "hosts": ["x.example.org"], "className": "7"},
        },
    }
    rendered = make(tmp_path).render(values, release="123", namespace="456")
    assert bench(tmp_path, do="validate", documents=rendered.documents, versions=[NEWEST]) == []


def parent(folder: Path, condition: str = "") -> Path:
    """A chart that has this one as a dependency, copied into it as `helm dependency` would."""
    chart = folder / "platform"
    shutil.copytree(CHART, chart / "charts" / "scoutmaster")
    (chart / "templates").mkdir()
    depends = {"name": "scoutmaster", "version": "0.1.0"}
    about = {
        "apiVersion": "v2",
        "name": "platform",
        "version": "1.0.0",
        "dependencies": [depends | ({"condition": condition} if condition else {})],
    }
    # JSON is YAML.
    (chart / "Chart.yaml").write_text(json.dumps(about))
    (chart / "values.yaml").write_text(json.dumps({"tags": {"front": True}}))
    return chart


@each_helm
def test_a_parent_chart_switches_it_on_and_off_by_a_condition(
    make: MakeHelm, tmp_path: Path
) -> None:
    """Helm passes `enabled`, and its own `global`, on to the dependency."""
    helm = make(tmp_path)
    chart = parent(tmp_path, "scoutmaster.enabled")
    on = {"scoutmaster": {"enabled": True}, "global": {"registry": "example.org"}}
    assert helm.render(on, chart=chart).of_kind("Deployment")
    assert not helm.render({"scoutmaster": {"enabled": False}}, chart=chart).documents


@each_helm
def test_a_copy_of_the_chart_is_whole(make: MakeHelm, tmp_path: Path) -> None:
    """Alerts and dashboard are files of the chart: nothing in it leads out of it."""
    values = {"scoutmaster": {"monitoring": {"prometheusRule": {"enabled": True}}}}
    rendered = make(tmp_path).render(values, chart=parent(tmp_path))
    assert rendered.one("PrometheusRule")["spec"]["groups"]


def test_a_parent_chart_s_typing_error_is_refused_as_ever(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="enable"):
        Helm4(tmp_path).render({"scoutmaster": {"enable": True}}, chart=parent(tmp_path))


@each_helm
@pytest.mark.parametrize("policy", ["Cluster", "Local"])
def test_a_service_for_the_outside_says_who_may_come_and_by_which_way(
    make: MakeHelm, policy: str, tmp_path: Path
) -> None:
    ranges = ["10.0.0.0/8", "fd00::/8"]
    outside = {"externalTrafficPolicy": policy, "loadBalancerSourceRanges": ranges}
    values: Values = {
        "master": {
            "service": {
                "grpc": {"type": "LoadBalancer", **outside},
                "http": {"type": "NodePort", "externalTrafficPolicy": policy},
            }
        }
    }
    rendered = make(tmp_path).render(values)
    http, grpc = sorted(rendered.of_kind("Service"), key=lambda s: len(s["metadata"]["name"]))
    assert outside.items() <= grpc["spec"].items()
    assert http["spec"]["externalTrafficPolicy"] == policy
    assert "loadBalancerSourceRanges" not in http["spec"]
    services = rendered.of_kind("Service")
    assert bench(tmp_path, do="validate", documents=services, versions=[OLDEST, NEWEST]) == []


def test_only_the_outside_has_such_rules(tmp_path: Path) -> None:
    for service in Helm4(tmp_path).render({}).of_kind("Service"):
        assert not {"externalTrafficPolicy", "loadBalancerSourceRanges"} & set(service["spec"])


def test_variables_of_the_user_come_beside_those_of_the_chart(tmp_path: Path) -> None:
    values = agents(extraEnv=[{"name": "TZ", "value": "UTC"}])
    (container,) = pod_of(Helm4(tmp_path).render(values).one("DaemonSet"))["containers"]
    assert [variable["name"] for variable in container["env"]] == ["SCOUT_HOST", "TZ"]

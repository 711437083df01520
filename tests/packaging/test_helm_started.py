"""What the chart renders, started for real here: flags, environment, probes, test pod."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import scout.agent.config
import scoutmaster.config
from scout.process.options import Option
from tests.e2e.processes import Program, sum_metric, wait_until
from tests.packaging.charts import (
    CHART,
    Document,
    Helm4,
    Rendered,
    Values,
    kebab,
    pod_of,
    read_yaml,
)
from tests.packaging.loopback import free_port, get

NODE = "node-1"


def environment(container: Document) -> dict[str, str]:
    """The container's own variables, with what Kubernetes puts in for a pod on `NODE`."""
    found = {}
    for variable in container.get("env", []):
        field = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
        found[variable["name"]] = NODE if field == "spec.nodeName" else variable["value"]
    return found


def start(container: Document) -> Program:
    """The container's command line and environment as a process here."""
    (command,) = container["command"]
    return Program([command, *container["args"]], env=environment(container))


def port_of(container: Document, name: str) -> int:
    """The container's port of that name."""
    (port,) = [p["containerPort"] for p in container["ports"] if p["name"] == name]
    assert isinstance(port, int)
    return port


class Cluster:
    """A release with one master and one agent, as processes. End it with `close`."""

    def __init__(self, folder: Path) -> None:
        self.watched = folder / "data" / "in"
        self.watched.mkdir(parents=True)
        (self.watched / "a file").touch()
        grpc, http = free_port(), free_port()
        values: Values = {
            "master": {"options": {"grpc": grpc, "http": http, "settle": "0s", "maxFiles": 1000}},
            "agent": {
                "enabled": True,
                "master": f"127.0.0.1:{grpc}",
                "directories": [{"path": str(self.watched), "mount": "directory"}],
                "ports": {"metrics": free_port(), "health": free_port()},
            },
        }
        self.rendered: Rendered = Helm4(folder).render(values)
        (self.master_container,) = pod_of(self.rendered.one("Deployment"))["containers"]
        (self.agent_container,) = pod_of(self.rendered.one("DaemonSet"))["containers"]
        self.http = f"http://127.0.0.1:{port_of(self.master_container, 'http')}"
        self.programs: list[Program] = []
        try:
            self.programs.append(start(self.master_container))
            wait_until(lambda: get(f"{self.http}/-/healthy")[0] == 200, what="healthy")
            self.programs.append(start(self.agent_container))
            wait_until(self.names, what="the file in /files")
        except AssertionError as error:
            self.close()
            raise AssertionError("\n".join(p.log for p in self.programs)) from error

    def names(self) -> list[str]:
        """What is in /files."""
        return [entry["filename"] for entry in get(f"{self.http}/files")[1]["files"]]

    def close(self) -> None:
        """End both."""
        for program in self.programs:
            program.kill()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One for all tests here."""
    it = Cluster(tmp_path_factory.mktemp("cluster"))
    yield it
    it.close()


def test_file_on_the_node_is_in_the_list_under_the_nodes_name(cluster: Cluster) -> None:
    """Not under the pod's name, which changes, and at the node's own path."""
    assert cluster.names() == ["a file"]
    (client,) = get(f"{cluster.http}/clients")[1]["clients"]
    assert (client["host"], client["directory"]) == (NODE, str(cluster.watched))


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_probe_of_the_master_is_answered(cluster: Cluster, probe: str) -> None:
    """By 200 where the rendered probe asks."""
    asked = cluster.master_container[probe]["httpGet"]
    port = port_of(cluster.master_container, asked["port"])
    assert get(f"http://127.0.0.1:{port}{asked['path']}")[0] == 200


@pytest.mark.parametrize("probe", ["livenessProbe", "readinessProbe"])
def test_probe_of_the_agent_is_answered(cluster: Cluster, probe: str) -> None:
    """SERVING by grpc.health.v1 on the port, for the service, that the rendered probe names."""
    asked = cluster.agent_container[probe]["grpc"]
    assert asked["port"] == port_of(cluster.agent_container, "health-0")
    request = health_pb2.HealthCheckRequest(service=asked.get("service", ""))
    with grpc.insecure_channel(f"127.0.0.1:{asked['port']}") as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=30)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_agent_serves_metrics_where_the_pod_monitor_scrapes(cluster: Cluster) -> None:
    """On the port of that name."""
    port = port_of(cluster.agent_container, "metrics-0")
    text = get(f"http://127.0.0.1:{port}/metrics", plain=True)[1]
    assert sum_metric(text, "scout_files") == 1


def test_test_pod_asks_for_the_list(cluster: Cluster) -> None:
    """`helm test` succeeds on a list and fails without one, with nothing but the image's Python."""
    (container,) = pod_of(cluster.rendered.one("Pod"))["containers"]
    interpreter, flag = container["command"]
    code, address = container["args"]
    assert (interpreter, flag) == ("python3", "-c")
    assert re.fullmatch(r"http://scout-scoutmaster:3001/files", address)

    def ask(address: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", flag, code, address], capture_output=True, text=True, check=False
        )

    good = ask(f"{cluster.http}/files")
    assert good.returncode == 0, good.stderr
    assert good.stdout.startswith("1 files, complete: True")
    assert ask(f"{cluster.http}/clients").returncode != 0
    assert ask(f"http://127.0.0.1:{free_port()}/files").returncode != 0


@pytest.mark.parametrize(
    ("section", "options", "elsewhere"),
    [
        ("master", scoutmaster.config.OPTIONS, set()),
        # Those come from the directories, the release, the node and agent.ports.
        (
            "agent",
            scout.agent.config.OPTIONS,
            {"directory", "directories-from", "master", "host", "metrics", "health"},
        ),
    ],
    ids=["master", "agent"],
)
def test_every_option_of_the_program_is_a_value(
    section: str, options: tuple[Option, ...], elsewhere: set[str], tmp_path: Path
) -> None:
    """And no value is none, and no default differs without a reason."""
    values: dict[str, Any] = read_yaml(tmp_path, CHART / "values.yaml")[section]["options"]
    there = {option.flag[2:]: option for option in options if option.flag[2:] not in elsewhere}
    assert {kebab(name) for name in values} == set(there)
    for name, value in values.items():
        option = there[kebab(name)]
        assert option.default is not None
        if name != "logFormat":
            assert option.parse(str(value)) == option.parse(option.default)


def test_chart_installs_the_version_that_it_comes_with(tmp_path: Path) -> None:
    """The default tag of the image is the programs' version."""
    assert read_yaml(tmp_path, CHART / "Chart.yaml")["appVersion"] == scout.__version__

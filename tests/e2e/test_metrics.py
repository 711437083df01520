"""What both programs expose to Prometheus, after things have really happened to them."""

import http.client
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from scout.agent.metrics import CONNECTIONS
from tests.e2e.processes import LIMIT, AgentProgram, Stage, wait_until

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

QUICK = ("--poll-interval=200ms", "--metrics=127.0.0.1:0")


def parsed(text: str) -> Samples:
    """All samples; AssertionError where one comes twice, or a family has no help or type."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("gauge", "counter", "histogram")
        for it in family.samples:
            key = (it.name, frozenset(it.labels.items()))
            assert key not in found
            found[key] = it.value
    return found


def value(samples: Samples, name: str, **labels: str) -> float:
    """One sample; KeyError if it is not there."""
    return samples[name, frozenset(labels.items())]


def request(agent: AgentProgram, method: str, path: str) -> http.client.HTTPResponse:
    """Ask an agent's metrics server."""
    port = int(agent.wait_for_line(r"serving metrics.*address=127\.0\.0\.1:(\d+)")[1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    connection.request(method, path)
    return connection.getresponse()


def test_an_agent_s_numbers_tell_what_happened(stage: Stage, tmp_path: Path) -> None:
    """Files, how changes are noticed, what was noticed, and how the master is doing."""
    for name in ("a", "b"):
        (tmp_path / name).touch()
    master = stage.master()
    agent = stage.agent(tmp_path, master, *QUICK)
    wait_until(lambda: master.names() == ["a", "b"])
    (tmp_path / "c").touch()
    wait_until(lambda: master.names() == ["a", "b", "c"])
    wait_until(lambda: agent.metric("scout_changes_waiting") == 0)
    numbers = parsed(agent.metrics())
    where = {"directory": str(tmp_path)}
    assert value(numbers, "scout_files", **where) == 3
    assert value(numbers, "scout_directory_available", **where) == 1
    assert value(numbers, "scout_watching", **where, mode="events") == 1
    assert value(numbers, "scout_watching", **where, mode="poll") == 0
    assert value(numbers, "scout_events_total", **where) >= 1
    assert value(numbers, "scout_overflows_total", **where) == 0
    assert value(numbers, "scout_scans_total", **where, reason="start") == 1
    assert value(numbers, "scout_scan_seconds_count", **where) >= 1
    assert value(numbers, "scout_drift_names_total", **where) == 0
    assert value(numbers, "scout_master_connected", **where) == 1
    assert value(numbers, "scout_reconnects_total", **where) == 0
    assert value(numbers, "scout_resyncs_total", **where) == 0
    wait_until(lambda: agent.metric("scout_change_to_ack_seconds_count") == 1)
    assert {name for name, _ in numbers} >= {"scout_build_info", "process_open_fds"}
    tmp_path.rename(tmp_path.with_name("away"))
    wait_until(lambda: agent.metric("scout_directory_available") == 0)
    tmp_path.with_name("away").rename(tmp_path)
    wait_until(lambda: agent.metric("scout_directory_available") == 1)
    master.kill()
    wait_until(lambda: agent.metric("scout_master_connected") == 0)
    wait_until(lambda: agent.metric("scout_reconnects_total") >= 1)


def test_a_master_s_numbers_tell_what_happened(stage: Stage, tmp_path: Path) -> None:
    """An agent that came, changed and went, one that was refused, and readers."""
    (tmp_path / "a").touch()
    master = stage.master()
    agent = stage.agent(tmp_path, master, "--host=here")
    wait_until(lambda: master.names() == ["a"])
    assert stage.agent(tmp_path, master, "--host=here").wait() == 75
    (tmp_path / "b").touch()
    wait_until(lambda: master.names() == ["a", "b"])
    (tmp_path / "a").unlink()
    wait_until(lambda: master.names() == ["b"])
    master.get("/nothing")
    numbers = parsed(master.get("/metrics")[2].decode())
    claim = {"host": "here", "directory": str(tmp_path)}
    assert value(numbers, "scoutmaster_files") == 1
    assert value(numbers, "scoutmaster_complete") == 1
    assert value(numbers, "scoutmaster_clients", state="healthy") == 1
    assert value(numbers, "scoutmaster_client_healthy", **claim) == 1
    assert value(numbers, "scoutmaster_client_files", **claim) == 1
    assert value(numbers, "scoutmaster_changes_total", kind="snapshot") == 1
    assert value(numbers, "scoutmaster_changes_total", kind="added") == 1
    assert value(numbers, "scoutmaster_changes_total", kind="removed") == 1
    assert value(numbers, "scoutmaster_refusals_total", status="already_exists") == 1
    assert value(numbers, "scoutmaster_apply_seconds_count") >= 4
    requests = "scoutmaster_http_request_seconds_count"
    assert value(numbers, requests, route="/files", code="200") >= 3
    assert value(numbers, requests, route="other", code="404") == 1
    assert agent.stop() == 0
    wait_until(lambda: master.clients() == [])
    after = parsed(master.get("/metrics")[2].decode())
    assert value(after, "scoutmaster_deregistrations_total", reason="goodbye") == 1
    assert not [name for name, _ in after if name.startswith("scoutmaster_client_")]
    for key, before in numbers.items():
        if key[0].endswith(("_total", "_count", "_bucket")):
            assert after[key] >= before, key


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_an_agent_s_metrics_can_only_be_read(stage: Stage, tmp_path: Path, method: str) -> None:
    agent = stage.agent(tmp_path, stage.master(), *QUICK)
    answer = request(agent, method, "/metrics")
    assert (answer.status, answer.getheader("Allow")) == (405, "GET, HEAD")


def test_an_agent_s_metrics_server_knows_nothing_else(stage: Stage, tmp_path: Path) -> None:
    """HEAD is GET without the body."""
    agent = stage.agent(tmp_path, stage.master(), *QUICK)
    assert request(agent, "GET", "/").status == 404
    head = request(agent, "HEAD", "/metrics")
    assert (head.status, head.read()) == (200, b"")
    assert request(agent, "GET", "/metrics").status == 200


def test_an_agent_answers_as_many_at_once_as_it_says(stage: Stage, tmp_path: Path) -> None:
    agent = stage.agent(tmp_path, stage.master(), *QUICK)
    kept = [request(agent, "GET", "/metrics") for _ in range(CONNECTIONS)]
    assert {answer.status for answer in kept} == {200}


def test_metrics_on_a_port_in_use_end_the_agent_with_one_line(stage: Stage, tmp_path: Path) -> None:
    """Before it registers: nobody would see its numbers."""
    master = stage.master()
    agent = stage.agent(tmp_path, master, f"--metrics=127.0.0.1:{master.http}")
    assert agent.wait() == 69
    assert agent.lines[-1].startswith("scout: can't serve metrics")
    assert "--metrics" in agent.lines[-1]
    assert "Traceback" not in agent.log
    assert master.clients() == []

"""A real Prometheus that scrapes a real master with three agents."""

import json
import os
import re
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import AgentProgram, MasterProgram, Stage, wait_until
from tests.packaging.loopback import free_port, get
from tests.packaging.prometheus import FOLDER, Prometheus, promtool

NOTHING_YET = {
    # Has a series only while an alert fires.
    'ALERTS{alertname=~"Scout.*",alertstate="firing"}',
}


class Scene:
    """A master, three agents, and a Prometheus that scrapes all four each second."""

    def __init__(self, folder: Path, stage: Stage) -> None:
        # The shortest times that still leave a loaded machine its breath.
        self.master: MasterProgram = stage.master(
            "--health-interval=500ms", "--health-timeout=400ms", "--unhealthy-limit=3"
        )
        self.agents: dict[str, AgentProgram] = {}
        self.metrics: dict[str, str] = {}
        targets = []
        for host in ("a", "b", "c"):
            directory = folder / host
            directory.mkdir()
            (directory / "file").touch()
            address = f"127.0.0.1:{free_port()}"
            options = (f"--host={host}", f"--metrics={address}", "--poll-interval=1s")
            self.agents[host] = stage.agent(directory, self.master, *options)
            self.metrics[host] = f"http://{address}/metrics"
            targets.append({"targets": [address], "labels": {"host": host}})
        wait_until(lambda: len(self.master.names()) == 3, what="three files")
        self.prometheus = Prometheus(
            folder,
            impatient_rules(folder),
            {
                "scoutmaster": [{"targets": [f"127.0.0.1:{self.master.http}"]}],
                "scout": targets,
            },
        )

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What Prometheus answers."""
        return self.prometheus.query(expression)

    def all_are_one(self, expression: str) -> bool:
        """Three series, and each has the value 1."""
        return [row["value"][1] for row in self.query(expression)] == ["1"] * 3

    def firing(self) -> set[tuple[str, str]]:
        """Alerts that fire now, as (alert, host)."""
        return {
            (labels["alertname"], labels.get("host", ""))
            for labels in self.prometheus.series('ALERTS{alertstate="firing"}')
        }

    def hosts(self) -> set[str]:
        """Whose health Prometheus knows now."""
        return {s["host"] for s in self.prometheus.series("scoutmaster_client_healthy")}


def impatient_rules(folder: Path) -> Path:
    """The rules as shipped, but for their patience: each `for` is 1 s. All else, also the ranges
    that the expressions look back over, is as an operator has it."""
    text = (FOLDER / "scout-rules.yaml").read_text()
    rules = folder / "scout-rules.yaml"
    rules.write_text(re.sub(r"(?m)^( +for: ).*$", r"\g<1>1s", text))
    return rules


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One for all tests here, which run in the order of this file."""
    stage = Stage()
    it = None
    try:
        it = Scene(tmp_path_factory.mktemp("prometheus"), stage)
        yield it
    finally:
        if it is not None:
            it.prometheus.close()
        stage.close()


def expressions() -> list[tuple[str, str]]:
    """Title and expression of each query in the dashboard, as Grafana sends it."""
    board = json.loads((FOLDER / "dashboard.json").read_text())
    found = [
        (panel["title"], target["expr"])
        for panel in board["panels"]
        for target in panel.get("targets", [])
    ]
    found += [(note["name"], note["expr"]) for note in board["annotations"]["list"]]
    found += [
        (v["label"], re.sub(r"label_values\((\w+), \w+\)", r"\1", v["query"]["query"]))
        for v in board["templating"]["list"]
        if v["type"] == "query"
    ]
    # "All" is .* in each variable; a rate needs some scrapes, and there is one each second.
    return [
        (title, re.sub(r"\$(master|host|agent)\b", ".*", expr).replace("$__rate_interval", "10s"))
        for title, expr in found
    ]


def test_both_programs_expose_what_promtool_finds_no_fault_with(scene: Scene) -> None:
    """Names, types, units, help: all as Prometheus' conventions have it."""
    for address in (f"http://127.0.0.1:{scene.master.http}/metrics", scene.metrics["a"]):
        status, text = get(address, plain=True)
        assert status == 200
        assert promtool("check", "metrics", text=text) == ""


def test_all_four_are_scraped_and_agree(scene: Scene) -> None:
    """Each client of the master is healthy with one file, and so says each agent."""
    wait_until(lambda: len(scene.query("up == 1")) == 4, what="four targets")
    wait_until(lambda: scene.hosts() == {"a", "b", "c"}, what="three clients")
    for expression in ("scoutmaster_client_healthy", "scoutmaster_client_files", "scout_files"):
        wait_until(partial(scene.all_are_one, expression), what=expression)
    assert scene.query("scoutmaster_complete")[0]["value"][1] == "1"


@pytest.mark.parametrize(("title", "expression"), expressions())
def test_dashboard_asks_what_prometheus_can_answer(
    scene: Scene, title: str, expression: str
) -> None:
    """No error, and data where there is something to show."""
    if expression in NOTHING_YET:
        assert scene.query(expression) == []
    else:
        wait_until(lambda: scene.query(expression), what=f"data for {title}: {expression}")


def test_metrics_used_by_alerts_exist(scene: Scene) -> None:
    """An alert on a metric that nobody exposes would be quiet for ever."""
    text = (FOLDER / "scout-rules.yaml").read_text()
    used = set(re.findall(r"\b(?:scoutmaster|scout)_[a-z_]+\b", text))
    assert len(used) > 10
    for metric in sorted(used):
        assert scene.query(metric), metric
    for selector in ('scout_watching{mode="poll"}', "scoutmaster_deregistrations_total"):
        assert scene.query(selector), selector
    assert scene.query('scoutmaster_deregistrations_total{reason="unhealthy"}')


def test_no_alert_fires_while_all_is_well(scene: Scene) -> None:
    """Seen over ten seconds, in which each rule was evaluated ten times."""
    first = scene.query("timestamp(scoutmaster_complete)")[0]["value"][1]
    wait_until(
        lambda: (
            float(scene.query("timestamp(scoutmaster_complete)")[0]["value"][1]) > float(first) + 10
        ),
        what="ten more scrapes",
    )
    assert scene.firing() == set()


def test_client_that_was_stopped_leaves_no_series_and_no_alert(scene: Scene) -> None:
    """It said goodbye; in the master's metrics nothing is left of it."""
    assert scene.agents["b"].stop() == 0
    wait_until(lambda: scene.hosts() == {"a", "c"}, what="b has left")
    text = get(f"http://127.0.0.1:{scene.master.http}/metrics", plain=True)[1]
    assert 'host="b"' not in text
    assert not [f for f in scene.firing() if f[0] == "ScoutClientLost"]


def test_killed_agent_makes_its_alert_fire_and_leaves_no_series(scene: Scene) -> None:
    """ScoutClientLost names it, and the master forgets it."""
    scene.agents["a"].kill()
    wait_until(lambda: ("ScoutClientLost", "a") in scene.firing(), what="ScoutClientLost for a")
    assert ("ScoutClientLost", "c") not in scene.firing()
    assert scene.hosts() == {"c"}
    text = get(f"http://127.0.0.1:{scene.master.http}/metrics", plain=True)[1]
    assert 'host="a"' not in text


def test_unavailable_directory_makes_its_alert_fire_until_it_is_back(scene: Scene) -> None:
    """The agent stays up and says so; with the directory back all is well again."""
    agent = scene.agents["c"]
    directory = Path(os.fsdecode(agent.argv[agent.argv.index("--directory") + 1]))
    away = directory.with_name("away")
    directory.rename(away)
    # The range of the rule, a minute, must have nothing else in it.
    wait_until(
        lambda: ("ScoutDirectoryUnavailable", "c") in scene.firing(),
        limit=120,
        what="ScoutDirectoryUnavailable for c",
    )
    assert {("ScoutClientUnhealthy", "c"), ("ScoutListIncomplete", "")} & scene.firing()
    away.rename(directory)
    wait_until(
        lambda: ("ScoutDirectoryUnavailable", "c") not in scene.firing(), what="c is available"
    )


def test_master_that_is_gone_makes_its_alert_fire(scene: Scene) -> None:
    """And the lost client is not told once more for every client that it had."""
    scene.master.send(signal.SIGKILL)
    scene.master.wait()
    wait_until(
        lambda: "ScoutMasterAbsent" in {alert for alert, _ in scene.firing()},
        what="ScoutMasterAbsent",
    )
    wait_until(
        lambda: "ScoutClientLost" not in {alert for alert, _ in scene.firing()},
        what="no client is called lost",
    )

"""The files in packaging/prometheus by themselves: alerts, scrape example, dashboard, runbook."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.charts import read_yaml
from tests.packaging.prometheus import FOLDER, promtool
from tests.packaging.provision import ROOT


@pytest.fixture
def alerts(tmp_path: Path) -> list[dict[str, Any]]:
    """The alerts, in order."""
    rules = read_yaml(tmp_path, FOLDER / "scout-rules.yaml")
    return [rule for group in rules["groups"] for rule in group["rules"]]


def test_the_chart_has_these_very_files() -> None:
    """Copies, which `make chart` makes: nothing in a chart may lead out of it."""
    for copy in (ROOT / "helm" / "scoutmaster" / "files").iterdir():
        assert not copy.is_symlink()
        assert copy.read_bytes() == (FOLDER / copy.name).read_bytes(), "do: make chart"


def test_rules_are_valid() -> None:
    """promtool says so."""
    assert "SUCCESS" in promtool("check", "rules", str(FOLDER / "scout-rules.yaml"))


def test_scrape_example_is_valid_and_finds_the_rules() -> None:
    """It can be used as it stands."""
    said = promtool("check", "config", str(FOLDER / "scrape.yaml"))
    assert "1 rule files found" in said


def test_alerts_fire_when_they_should_and_only_then() -> None:
    """The cases in scout-rules.test.yaml."""
    promtool("test", "rules", str(FOLDER / "scout-rules.test.yaml"))


def test_each_alert_has_a_quiet_and_a_firing_case(
    alerts: list[dict[str, Any]], tmp_path: Path
) -> None:
    """None is without a test."""
    tests = read_yaml(tmp_path, FOLDER / "scout-rules.test.yaml")["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    names = {alert["alert"] for alert in alerts}
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names


def test_each_alert_says_what_it_means_and_where_to_read_on(alerts: list[dict[str, Any]]) -> None:
    """Severity, summary, description, and a heading of the runbook."""
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    assert [alert["alert"] for alert in alerts] == headings
    for alert in alerts:
        assert alert["labels"]["severity"] in ("critical", "warning")
        notes = alert["annotations"]
        assert notes["summary"]
        assert notes["description"]
        assert notes["runbook_url"] == f"docs/runbook.md#{alert['alert'].lower()}"


def test_runbook_tells_meaning_impact_and_three_commands_for_each_alert() -> None:
    """In the same order everywhere, because it is read in a hurry."""
    text = (ROOT / "docs" / "runbook.md").read_text()
    for section in text.split("\n## ")[1:]:
        meaning, impact = section.index("**Meaning.**"), section.index("**Impact.**")
        commands = re.search(r"```sh\n((?:.+\n)+)```", section)
        assert commands is not None, section
        assert meaning < impact < commands.start()
        assert len(commands[1].splitlines()) == 3, section


def test_dashboard_can_be_provisioned() -> None:
    """Any data source, no id of somebody's Grafana, panels that do not overlap."""
    board = json.loads((FOLDER / "dashboard.json").read_text())
    assert "id" not in board
    assert "__inputs" not in board
    assert board["templating"]["list"][0]["type"] == "datasource"
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
        for target in panel.get("targets", []):
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}

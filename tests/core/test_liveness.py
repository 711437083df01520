"""Liveness: a component without progress is found out, one that is excused is not."""

from scout.core.liveness import Liveness


def test_an_component_without_progress_is_stuck() -> None:
    vitals = Liveness()
    vitals.expect("watcher", 5.0, now=100.0)
    vitals.expect("poller", 10.0, now=100.0)
    assert vitals.stuck(105.0) == {}
    assert vitals.stuck(106.0) == {"watcher": 6.0}
    vitals.beat("watcher", 106.0)
    assert vitals.stuck(107.0) == {}
    assert vitals.stuck(112.0) == {"watcher": 6.0, "poller": 12.0}


def test_an_excused_component_is_not_missed_and_its_beats_do_no_harm() -> None:
    vitals = Liveness()
    vitals.expect("watcher", 5.0, now=0.0)
    vitals.excuse("watcher")
    vitals.beat("watcher", 1.0)
    assert vitals.stuck(100.0) == {}
    vitals.excuse("watcher")

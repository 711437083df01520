"""Liveness: a component without progress is found out, one that is excused is not."""

from scout.core.liveness import Liveness


def test_an_component_without_progress_is_stuck() -> None:
    liveness = Liveness()
    liveness.expect("watcher", 5.0, now=100.0)
    liveness.expect("poller", 10.0, now=100.0)
    assert liveness.stuck(105.0) == {}
    assert liveness.stuck(106.0) == {"watcher": 6.0}
    liveness.beat("watcher", 106.0)
    assert liveness.stuck(107.0) == {}
    assert liveness.stuck(112.0) == {"watcher": 6.0, "poller": 12.0}


def test_an_excused_component_is_not_missed_and_its_beats_do_no_harm() -> None:
    liveness = Liveness()
    liveness.expect("watcher", 5.0, now=0.0)
    liveness.excuse("watcher")
    liveness.beat("watcher", 1.0)
    assert liveness.stuck(100.0) == {}
    liveness.excuse("watcher")

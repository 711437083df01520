"""Whether the program stood still."""

from scout.agent.core.cost import Cost
from scout.agent.core.standstill import Standstill


def test_whoever_turns_first_after_a_standstill_is_told() -> None:
    it = Standstill()
    assert [it.turn(now, 3.0) for now in (10.0, 12.0, 15.0, 25.0, 25.0)] == [0, 0, 0, 10.0, 0]


def test_a_pause_keeps_reading_to_its_share_of_the_time() -> None:
    it = Cost()
    it.spend(2.0)
    assert it.pause(watched=False) == 40.0
    assert it.pause(watched=True) == 250.0


def test_a_machine_that_was_busy_for_a_moment_does_not_stretch_the_pause() -> None:
    it = Cost()
    for seconds in (0.5, 9.0, 0.6):
        it.spend(seconds)
    assert it.pause(watched=False) == 10.0
    for _ in range(3):
        it.spend(2.0)
    assert it.pause(watched=False) == 40.0

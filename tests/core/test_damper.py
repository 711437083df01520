"""What flaps is told now and then, and how it stands in the end is always told."""

from hypothesis import given
from hypothesis import strategies as st

from scout.core.damper import Damper


def test_the_last_event_held_back_is_told_when_the_period_ends() -> None:
    damper: Damper[str] = Damper(limit=2, period=10.0)
    told = [damper.admit(now, str(now)) for now in (0.0, 1.0, 2.0, 3.0, 9.0)]
    assert told == [0, 0, None, None, None]
    assert damper.due == 10.0
    assert damper.take(9.9) is None
    assert damper.take(10.0) == ("9.0", 2)
    assert damper.due is None
    assert damper.take(20.0) is None


def test_an_event_that_passes_makes_the_one_held_back_old() -> None:
    damper: Damper[str] = Damper(limit=1, period=10.0)
    assert [damper.admit(now, "x") for now in (0.0, 1.0)] == [0, None]
    assert damper.admit(11.0, "y") == 1
    assert (damper.due, damper.take(50.0)) == (None, None)


def test_what_is_told_late_counts_in_its_period() -> None:
    damper: Damper[str] = Damper(limit=1, period=10.0)
    assert [damper.admit(now, "x") for now in (0.0, 1.0)] == [0, None]
    assert damper.take(10.0) == ("x", 0)
    assert damper.admit(15.0, "y") is None
    assert damper.due == 20.0


@given(st.lists(st.floats(0.0, 30.0), max_size=60))
def test_nothing_is_lost_without_being_counted_and_the_last_is_told(steps: list[float]) -> None:
    damper: Damper[int] = Damper(limit=3, period=60.0)
    now, told, missing, last = 0.0, 0, 0, -1
    for number, step in enumerate(steps):
        now += step
        if damper.due is not None and damper.due <= now and (late := damper.take(now)):
            told, missing, last = told + 1, missing + late[1], late[0]
        held = damper.admit(now, number)
        if held is not None:
            told, missing, last = told + 1, missing + held, number
    if damper.due is not None and (late := damper.take(damper.due)):
        told, missing, last = told + 1, missing + late[1], late[0]
    assert told + missing == len(steps)
    assert last == len(steps) - 1
    assert told <= 3 * (now // 60.0 + 2)

"""The highest value of the last while."""

from hypothesis import given
from hypothesis import strategies as st

from scout.core.peak import SLOTS, Peak

WINDOW = 60.0
SLOT = WINDOW / SLOTS


def test_without_a_value_it_is_zero() -> None:
    assert Peak(WINDOW).highest(5.0) == 0.0


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 10)), max_size=60))
def test_a_value_is_shown_for_the_window_and_one_slot_more_at_most(
    steps: list[tuple[float, float]],
) -> None:
    """Whatever was read in between."""
    peak, now = Peak(WINDOW), 1000.0
    noted: list[tuple[float, float]] = []
    for step, value in steps:
        now += step
        peak.note(value, now)
        noted.append((now, value))
        shown = peak.highest(now)
        assert shown == peak.highest(now)
        assert shown >= max(it for at, it in noted if now - at < WINDOW)
        assert shown <= max(it for at, it in noted if now - at <= WINDOW + SLOT + 1e-6)


def test_any_number_of_readers_see_the_same_hold() -> None:
    """A second Prometheus, or somebody with curl, takes nothing away from the first."""
    peak = Peak(WINDOW)
    peak.note(0.25, 1000.0)
    first = peak.highest(1000.1)
    peak.note(0.001, 1000.2)
    assert [peak.highest(1000.3) for _ in range(3)] == [first] * 3 == [0.25] * 3


def test_it_holds_no_more_than_its_slots() -> None:
    peak = Peak(WINDOW)
    for second in range(10_000):
        peak.note(1.0, float(second))
    assert len(peak._slots) <= SLOTS + 1

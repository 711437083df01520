"""Whether what was published still holds, as time goes by and nobody looks."""

import pytest

from scoutmaster.core.registry import LATE
from scoutmaster.core.verdict import DEAD, HELD, Pulse, judge
from scoutmaster.core.view import View

AT = 100.0


def pulse(
    *, held: float = 0.0, due: float | None = None, serving: bool = True, settled: bool = True
) -> Pulse:
    """As it was at `AT`."""
    return Pulse(AT - held, due, serving, settled)


@pytest.mark.parametrize(
    ("held", "current", "unready", "ill"),
    [
        (0.0, True, False, False),
        (HELD, True, False, False),
        (HELD + 0.01, False, True, False),
        (DEAD, False, True, False),
        (DEAD + 0.01, False, True, True),
    ],
)
def test_a_loop_that_is_held_vouches_for_nothing_and_then_is_ill(
    held: float, current: bool, unready: bool, ill: bool
) -> None:
    verdict = judge(pulse(held=held), AT, AT)
    assert verdict.current is current
    assert (bool(verdict.unready), bool(verdict.ill)) == (unready, ill)


def test_the_list_is_vouched_for_until_the_first_client_is_late_and_nobody_has_looked() -> None:
    """A client has three seconds, and not one more because the master has not come to it."""
    assert judge(pulse(due=100.2), 100.2 + LATE, AT).current
    assert not judge(pulse(due=99.8), 99.8 + LATE + 0.01, AT).current
    assert judge(pulse(due=None), 100.9, AT).current


def test_a_host_that_was_suspended_is_noticed_before_the_loop_has_run() -> None:
    """The monotonic clock stood still, and says that nobody is late."""
    assert not judge(pulse(due=AT + 3.0), AT, AT + HELD + 0.1).current
    assert judge(pulse(due=AT + 3.0), AT, AT + HELD + 0.1).unready


def test_who_stops_or_settles_is_not_ready() -> None:
    assert "shutting down" in judge(pulse(serving=False), AT, AT).unready
    assert "just started" in judge(pulse(settled=False), AT, AT).unready
    assert judge(pulse(), AT, AT).unready == ""


def test_a_view_that_is_withdrawn_is_the_same_list_under_another_tag() -> None:
    view = View("e-1", (), 3, True, 2, 0)
    later = view.withdraw()
    assert (later.revision, later.files, later.healthy) == ("e-1", 3, 2)
    assert (view.complete, later.complete) == (True, False)
    assert view.tag != later.tag
    assert later.withdraw() is later


def test_a_view_that_was_not_complete_needs_no_second_tag() -> None:
    view = View("e-1", (), 3, False, 2, 1)
    assert view.withdraw() is view

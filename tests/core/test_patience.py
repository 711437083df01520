"""How long an agent waits for its line."""

import pytest

from scout.agent.core.patience import (
    CONNECT_LEAST,
    CONNECT_MOST,
    LINE_LEAST,
    LINE_MOST,
    Patience,
)


def test_a_near_master_is_tried_again_soon_however_long_it_is_away() -> None:
    """The attempt under way finds that the line has healed."""
    patience = Patience()
    patience.connected(0.002)
    lengths = []
    for _ in range(40):
        lengths.append(patience.attempt().whole)
        patience.unanswered()
    assert lengths.count(CONNECT_LEAST) == 31
    assert max(lengths) == CONNECT_MOST


def test_a_long_line_is_given_four_times_what_it_took() -> None:
    patience = Patience()
    patience.connected(1.25)
    assert patience.attempt().each == 5.0


def test_a_line_that_has_become_long_is_reached_in_the_end() -> None:
    """Two round trips of four seconds, behind somebody else's upload."""
    patience = Patience()
    patience.connected(0.01)
    for _ in range(40):
        if patience.attempt().each > 8.0:
            break
        patience.unanswered()
    assert patience.attempt().each > 8.0


def test_a_good_line_that_is_cut_is_found_out_as_soon_as_ever() -> None:
    patience = Patience()
    for _ in range(10):
        patience.ended(lasted=60.0, quiet=20.0, slowest=0.02)
        assert patience.line == LINE_LEAST


def test_a_slow_line_is_not_taken_for_cut() -> None:
    patience = Patience()
    patience.ended(lasted=300.0, quiet=3.0, slowest=2.0)
    assert patience.line == 8.0


def test_streams_that_end_in_silence_right_after_their_beginning_are_given_more_time() -> None:
    patience = Patience()
    lines = []
    for _ in range(7):
        lines.append(patience.line)
        patience.ended(lasted=2 * patience.line, quiet=patience.line, slowest=0.1)
    assert lines == [1.5, 3.0, 6.0, 12.0, 24.0, 30.0, LINE_MOST]
    patience.ended(lasted=3600.0, quiet=1.5, slowest=0.1)
    assert patience.line == LINE_LEAST


def test_a_master_that_ends_streams_itself_says_nothing_about_the_line() -> None:
    patience = Patience()
    for _ in range(10):
        patience.ended(lasted=1.0, quiet=0.01, slowest=0.01)
    assert patience.line == LINE_LEAST


@pytest.mark.parametrize("late", [0.5, 4.0])
def test_a_master_that_waits_longer_for_a_late_word_lets_the_line_be_slower(late: float) -> None:
    patience = Patience()
    patience.registered(late)
    patience.ended(lasted=60.0, quiet=0.0, slowest=0.01)
    assert patience.line == max(late, LINE_LEAST)

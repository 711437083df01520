"""A share of the time, saved up for a while."""

import pytest

from scout.agent.core.budget import Budget


def test_after_quiet_work_may_begin_several_times_at_once() -> None:
    budget = Budget(share=0.25, window=10.0)
    for second in range(3):
        assert budget.ready <= 100.0 + second
        budget.spend(1.0, 100.0 + second)


def test_what_never_ends_is_held_to_its_share() -> None:
    budget = Budget(share=0.25, window=10.0)
    now = spent = 100.0
    while now < 1100.0:
        now = max(now, budget.ready) + 1.0
        budget.spend(1.0, now)
        spent += 1.0
    assert spent - 100.0 == pytest.approx(0.25 * 1000.0, abs=0.25 * 10.0 + 1.0)


def test_one_that_is_longer_than_all_that_can_be_saved_begins_at_once_and_then_waits() -> None:
    budget = Budget(share=0.25, window=10.0)
    assert budget.ready <= 0.0
    budget.spend(5.0, 100.0)
    assert budget.ready == pytest.approx(110.0)


def test_no_more_is_saved_than_the_window() -> None:
    budget = Budget(share=0.5, window=10.0)
    budget.spend(1.0, 100.0)
    budget.spend(5.0, 10_000.0)
    assert budget.ready == pytest.approx(10_000.0)

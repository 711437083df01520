"""Backoff: the cap doubles up to its limit, the draw is anywhere below it."""

import random

import pytest

from scout.core.backoff import Backoff


@pytest.mark.parametrize(
    ("attempt", "cap"), [(0, 0.1), (1, 0.2), (3, 0.8), (4, 1.0), (5, 1.0), (10_000, 1.0)]
)
def test_the_cap(attempt: int, cap: float) -> None:
    assert Backoff(0.1, 1.0).cap(attempt) == pytest.approx(cap)


def test_the_jitter_is_full() -> None:
    dice = random.Random(1)
    draws = [Backoff(0.1, 1.0).delay(9, dice) for _ in range(2000)]
    assert min(draws) < 0.01
    assert 0.99 < max(draws) <= 1.0

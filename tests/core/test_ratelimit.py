"""A flood becomes a trickle, and says how much of it is missing."""

from scout.core.ratelimit import RateLimit


def test_what_is_over_the_limit_is_held_back_and_counted() -> None:
    trickle = RateLimit(limit=2, period=10.0)
    assert [trickle.admit(now) for now in (0.0, 1.0, 2.0, 9.9)] == [0, 0, None, None]
    assert [trickle.admit(now) for now in (10.0, 10.1, 10.2)] == [2, 0, None]
    assert trickle.admit(100.0) == 1

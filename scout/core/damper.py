"""At most so many lines about one thing in a while, of which the last is always told."""

from typing import Generic, TypeVar

from scout.core.ratelimit import RateLimit

T = TypeVar("T")


class Damper(Generic[T]):
    """A rate limit whose last word is always told: what was held back last comes at its end.

    For events of which the newest is how things are. Whoever uses it calls `take` at `due`.
    """

    def __init__(self, limit: int, period: float) -> None:
        self._limit = RateLimit(limit, period)
        self._period = period
        self._last: T | None = None
        self.due: float | None = None
        """When the event held back last is to be told; None if there is none."""

    def admit(self, now: float, event: T) -> int | None:
        """None if `event` is held back; else how many were since the last one that passed."""
        held = self._limit.admit(now)
        if held is not None:
            self._last = self.due = None
            return held
        self._last = event
        self.due = self._limit.ends
        return None

    def take(self, now: float) -> tuple[T, int] | None:
        """The event held back last, if it is due, and how many others were held back."""
        if self.due is None or now < self.due or self._last is None:
            return None
        event = self._last
        held = self._limit.admit(now) or 0
        self._last = self.due = None
        return event, max(0, held - 1)

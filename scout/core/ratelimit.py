"""At most so many lines in a while: what a hostile peer can cause must not fill the log."""


class RateLimit:
    """Lets `limit` events through in each `period` seconds, and counts those it held back."""

    def __init__(self, limit: int, period: float) -> None:
        self._limit = limit
        self._period = period
        self._began = float("-inf")
        self._passed = 0
        self._held = 0

    def admit(self, now: float) -> int | None:
        """None if an event at `now` is held back; else how many were since the last one passed."""
        if now >= self.ends:
            self._began, self._passed = now, 0
        if self._passed >= self._limit:
            self._held += 1
            return None
        self._passed += 1
        held, self._held = self._held, 0
        return held

    @property
    def ends(self) -> float:
        """When the period under way ends, and the next events pass again."""
        return self._began + self._period

"""How many lines about clients may stand in the log, whoever causes them.

Rules of this file:

1. Each client has `EACH` lines in `PERIOD` seconds. One that is well has one or two in its life.
2. All together have `ALL` in `WINDOW` seconds, and those that registered within the last `PERIOD`
   only `NEW` of them: names can be made up without end, time can't.
3. What is held back is counted, and said with the next line about anybody, or at `due`.

Times are monotonic seconds. Owned by one thread.
"""

from collections.abc import Hashable

EACH, PERIOD = 10, 60.0
ALL, NEW, WINDOW = 10_000, 8_000, 10.0
"""All clients of a large master may come or go at once, and each has its line."""


class Quota:
    """Which lines pass, and how many did not."""

    def __init__(self) -> None:
        self.held = 0
        """Lines held back that nobody has been told of."""
        self._since = float("-inf")
        self._began = float("-inf")
        self._passed = self._passed_new = 0
        self._each: dict[Hashable, tuple[float, int]] = {}

    def admit(self, key: Hashable, age: float, now: float) -> int | None:
        """None if a line about `key`, registered `age` seconds ago, is held back at `now`; else
        how many were since somebody was told."""
        if now - self._began >= WINDOW:
            self._begin(now)
        began, passed = self._each.get(key, (now, 0))
        if now - began >= PERIOD:
            began, passed = now, 0
        new = age < PERIOD
        if passed >= EACH or self._passed >= ALL or (new and self._passed_new >= NEW):
            if not self.held:
                self._since = now
            self.held += 1
            return None
        self._each[key] = (began, passed + 1)
        self._passed += 1
        self._passed_new += new
        return self.take()

    def take(self) -> int:
        """How many were held back; they count as told now."""
        held, self.held = self.held, 0
        return held

    def due(self) -> float | None:
        """When to say what was held back if nothing else is said, or None."""
        return self._since + WINDOW if self.held else None

    def _begin(self, now: float) -> None:
        """A new window. There are no more keys than lines that passed in a period."""
        self._began = now
        self._passed = self._passed_new = 0
        self._each = {k: it for k, it in self._each.items() if now - it[0] < PERIOD}

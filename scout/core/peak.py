"""The highest value of the last while, for any number of readers: reading changes nothing."""

SLOTS = 12
"""Parts of the window. A value is forgotten one part too late at most."""


class Peak:
    """Remembers values for `window` seconds. Times are monotonic, in seconds. One thread notes;
    any thread reads."""

    def __init__(self, window: float) -> None:
        self._length = window / SLOTS
        self._slots: dict[int, float] = {}

    def note(self, value: float, now: float) -> None:
        """This was measured at `now`."""
        slot = int(now // self._length)
        if slot in self._slots:
            self._slots[slot] = max(self._slots[slot], value)
            return
        # A new dict, so that a reader on another thread finds one that does not change its size.
        kept = {at: it for at, it in self._slots.items() if at >= slot - SLOTS}
        self._slots = {**kept, slot: value}

    def highest(self, now: float) -> float:
        """The highest value of the window that ends at `now`; 0 if there is none."""
        oldest = int(now // self._length) - SLOTS
        return max((it for at, it in self._slots.items() if at >= oldest), default=0.0)

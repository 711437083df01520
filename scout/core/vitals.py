"""Which organs of a program made progress lately: alive, or which one is stuck.

The watchdog is fed, and health is answered, from what is said here. A beat is recorded where the
organ's work is done, never by a timer beside it; so a loop that runs while an organ hangs is
found out.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class _Organ:
    limit: float
    beat: float


class Vitals:
    """The organs, each with the longest time in seconds that it may go without progress."""

    def __init__(self) -> None:
        self._organs: dict[str, _Organ] = {}

    def expect(self, organ: str, limit: float, now: float) -> None:
        """From `now` on, `organ` must beat at least every `limit` seconds."""
        self._organs[organ] = _Organ(limit, now)

    def excuse(self, organ: str) -> None:
        """`organ` has nothing to do and need not beat."""
        self._organs.pop(organ, None)

    def beat(self, organ: str, now: float) -> None:
        """`organ` made progress. One that is not expected to beat may do so."""
        if organ in self._organs:
            self._organs[organ].beat = now

    def stuck(self, now: float) -> dict[str, float]:
        """The organs over their limit, with the seconds since they last made progress."""
        return {
            name: now - organ.beat
            for name, organ in self._organs.items()
            if now - organ.beat > organ.limit
        }

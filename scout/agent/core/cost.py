"""What reading the directory costs, and how long a pause keeps it to its share of the time.

By the clock on the wall, since that is what a server feels. Owned by one thread.
"""

SHARE_WATCHED = 0.008
SHARE_POLLED = 0.05
"""How much of the time reading may take: a poll stretches itself beyond `--poll-interval` to stay
under. With events a scan is a safety net that finds nothing; without, it is all there is."""

REMEMBERED = 3
"""Scans of which the quickest counts: one may be slow because the machine was busy for a moment,
and that shall not stretch the pause. A slow server is slow each time."""


class Cost:
    """The times in seconds that the last scans took."""

    def __init__(self) -> None:
        self._seconds: tuple[float, ...] = ()

    def spend(self, seconds: float) -> None:
        """A scan took `seconds`."""
        self._seconds = (*self._seconds[1 - REMEMBERED :], seconds)

    def pause(self, *, watched: bool) -> float:
        """Seconds from the end of a scan to the beginning of the next one."""
        share = SHARE_WATCHED if watched else SHARE_POLLED
        return min(self._seconds, default=0.0) / share

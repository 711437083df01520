"""Did the program stand still for too long, stopped, suspended with its host, or held?"""


class Standstill:
    """Compares the times of turns of the event loop. Owned by one thread."""

    def __init__(self) -> None:
        self._last: float | None = None

    def turn(self, now: float, limit: float) -> float:
        """The loop turns at `now`, in seconds of a clock that goes on while the host is suspended.

        How long it stood still since the last turn if that is more than `limit`, else 0. Whoever
        turns first afterwards is told, so whatever may say something turns before it does.
        """
        last, self._last = self._last, now
        if last is None or now - last <= limit:
            return 0.0
        return now - last

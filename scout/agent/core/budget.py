"""How much of the time some work may take, as a budget and not as a pause."""


class Budget:
    """Lets work take `share` of the time. What is not spent is saved up, for `window` seconds.

    So work after a quiet time may begin at once, several times, and only what goes on and on is
    held to its share. (The generic cell rate algorithm, with the work's own cost.)
    """

    def __init__(self, share: float, window: float) -> None:
        self._share = share
        self._window = window
        self._even = float("-inf")

    def spend(self, seconds: float, now: float) -> None:
        """The work took `seconds`, until `now`."""
        self._even = max(self._even, now) + seconds / self._share

    @property
    def ready(self) -> float:
        """When work may begin again."""
        return self._even - self._window

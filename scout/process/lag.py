"""How long the event loop was held: the time by which it comes late to an appointment."""

import asyncio
import time

from scout.process.log import Log

STEP = 0.1
"""Seconds between two looks. 20 looks a second cost about 0.1 % of a core."""

ALARM = 0.1
"""Seconds of a hold that are worth a line in the log."""

QUIET = 10.0
"""Seconds between two such lines."""


class LagMonitor:
    """Measures the holds while `run` runs. `take_worst` may be called from any thread."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._worst = 0.0
        self._spoke = float("-inf")
        self.seen_at = time.monotonic()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            due = time.monotonic() + STEP
            await asyncio.sleep(STEP)
            now = self.seen_at = time.monotonic()
            lag = now - due
            self._worst = max(self._worst, lag)
            if lag > ALARM and now - self._spoke > QUIET:
                self._spoke = now
                self._log.warning("the event loop was held", seconds=round(lag, 3))

    def take_worst(self) -> float:
        """The longest hold in seconds since the last call."""
        worst, self._worst = self._worst, 0.0
        return worst

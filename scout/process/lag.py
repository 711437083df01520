"""How long the event loop was held: the time by which it comes late to an appointment."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from types import FrameType

from scout.core.peak import Peak
from scout.process.log import Log

STEP = 0.1
"""Seconds between two looks. 10 looks a second cost about 0.1 % of a core."""

ALARM = 0.1
"""Seconds of a hold that are worth a line in the log."""

QUIET = 10.0
"""Seconds between two such lines."""


WINDOW_SECONDS = 60.0
"""For so long a hold is shown: as long as Prometheus waits between two looks, by default."""

DEPTH = 3
"""Frames of whoever holds the loop that are named in that line."""


class LagMonitor:
    """Measures the holds while `run` runs. `worst` may be called from any thread."""

    def __init__(self, log: Log, on_look: Callable[[float], None] | None = None) -> None:
        """`on_look` is told the monotonic time of each look, on the event loop's thread."""
        self._log = log
        self._on_look = on_look
        self._holds = Peak(WINDOW_SECONDS)
        self._due = float("inf")
        self._spoke = float("-inf")
        self._holder = ""
        self.seen_at = time.monotonic()

    async def run(self) -> None:
        """Look for ever, on the main thread. Takes SIGALRM and its timer for itself."""
        signal.signal(signal.SIGALRM, self._caught)
        try:
            while True:
                # Moved on at each look, the alarm rings only while the loop is held, and finds out
                # by whom. A second thread would cost a wake-up for each look.
                signal.setitimer(signal.ITIMER_REAL, STEP + ALARM)
                due = self._due = time.monotonic() + STEP
                await asyncio.sleep(STEP)
                now = self.seen_at = time.monotonic()
                if self._on_look is not None:
                    self._on_look(now)
                self._note(now - due, now)
        finally:
            self._due = float("inf")
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _note(self, lag: float, now: float) -> None:
        self._holds.note(lag, now)
        holder, self._holder = self._holder, ""
        if lag > ALARM and now - self._spoke > QUIET:
            self._spoke = now
            self._log.warning(
                "the event loop was held", seconds=round(lag, 3), by=holder or "nothing of ours"
            )

    def _caught(self, _: int, frame: FrameType | None) -> None:
        """The alarm rang: `frame` is what runs on the main thread."""
        names: list[str] = []
        while frame is not None and len(names) < DEPTH:
            code = frame.f_code
            names.append(f"{os.path.basename(code.co_filename)}:{frame.f_lineno} {code.co_name}")
            frame = frame.f_back
        self._holder = " < ".join(names)

    def worst(self) -> float:
        """The longest hold of the last `WINDOW_SECONDS` in seconds, whoever asks and how often."""
        now = time.monotonic()
        return max(self._holds.highest(now), now - self._due)  # or one that goes on

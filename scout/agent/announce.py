"""Tells what may be said of the directory: to whoever listens, to the log, in figures.

Owned by the event loop's thread.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from scout.agent.core.actions import MonitorConfig, Verdict
from scout.agent.core.inventory import Inventory
from scout.agent.core.monitor import UNREAD, Life
from scout.core.histogram import Histogram
from scout.core.labels import cut
from scout.process.log import Log

SCAN_SECONDS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Bounds in seconds: a scan takes about 0.65 s for a million names on a local disk."""


@dataclass(slots=True)
class Figures:
    """What was done so far, for metrics and STATUS. Only the counters count up."""

    available: bool = False
    behind: bool = False
    mode: str = "none"
    scans: Counter[str] = field(default_factory=Counter)
    scan_seconds: Histogram = field(default_factory=lambda: Histogram(SCAN_SECONDS))
    overflows: int = 0
    drift: int = 0


class MonitorListener(Protocol):
    """Who is told what was found. Called on the loop's thread."""

    def news(self) -> None:
        """The inventory changed."""

    def judged(self, verdict: Verdict) -> None:
        """What may be said of the directory from now on."""

    def moved(self, path: bytes) -> None:
        """The path leads to another real path than before."""


class Announcer:
    """Compares what may be said now with what was said last."""

    def __init__(
        self,
        config: MonitorConfig,
        life: Life,
        inventory: Inventory,
        figures: Figures,
        listener: MonitorListener,
        log: Log,
    ) -> None:
        self._config = config
        self._life = life
        self._inventory = inventory
        self._figures = figures
        self._listener = listener
        # Whoever moves the directory away and back, or names files, causes these. The last of each
        # always comes through, since it is how things are.
        self._availability, self._modes, self._omissions = (log.limited() for _ in range(3))
        self._mode = self._omission = ""
        self.verdict = Verdict(available=False, behind=False, reason=UNREAD)

    def tell(self, now: float) -> None:
        """Say what changed: the way of watching, what is withheld, the verdict."""
        life, figures = self._life, self._figures
        if life.mode not in (self._mode, "none"):
            figures.mode = self._mode = life.mode
            self._log_mode()
        if self._inventory.omission != self._omission:
            self._omission = self._inventory.omission
            self._log_omission()
        before, self.verdict = self.verdict, life.verdict(now)
        if self.verdict == before:
            return
        figures.available, figures.behind = self.verdict.available, self.verdict.behind
        self._log_verdict(before)
        self._listener.judged(self.verdict)

    def _log_verdict(self, before: Verdict) -> None:
        verdict, directory = self.verdict, self._config.path
        if not verdict.available:
            self._availability.warning(
                "the directory is unavailable", reason=verdict.reason, directory=directory
            )
        elif not before.available and before.reason != UNREAD:
            self._availability.info("the directory is available", directory=directory)

    def _log_mode(self) -> None:
        directory = self._config.path
        if self._mode == "poll":
            every = f"{self._config.poll_interval:g}s"
            self._modes.warning(
                "going on by polling alone", why=self._life.why, every=every, directory=directory
            )
        else:
            self._modes.info("watching by events", directory=directory)

    def _log_omission(self) -> None:
        """One name stands for all."""
        inventory = self._inventory
        for example in (*islice(inventory.withheld, 1), *islice(inventory.unexamined, 1)):
            name = cut(example.decode("utf-8", "backslashreplace"), 100)
            self._omissions.warning(
                "entries are withheld",
                why=self._omission,
                example=name,
                directory=self._config.path,
            )
            return

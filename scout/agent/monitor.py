"""The directory's whole life: look, judge, watch, scan, poll, and look again.

A round looks at what the path leads to. Is it the directory we know? Then a scan is made if one
is due. Is it another one? Then it is watched first and scanned after, so that nothing falls
between. Is there nothing to serve? Then the agent says so, and looks again with backoff. An
unavailable directory never touches the inventory.

Owned by the event loop's thread; what may hang is done by the `Scanner`.
"""

import asyncio
import errno
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol, TypeVar

from scout.agent.core.budget import Budget
from scout.agent.core.identity import DirectoryIdentity, announces, replaced, unmounted
from scout.agent.core.inventory import Inventory
from scout.agent.inspect import Unavailable, explain
from scout.agent.scan import Scanner
from scout.agent.verify import Verifier
from scout.agent.watch import Watcher
from scout.core.backoff import Backoff
from scout.core.histogram import Histogram
from scout.core.liveness import Liveness
from scout.core.ratelimit import RateLimit
from scout.process.log import Log

T = TypeVar("T")

SHARE_WATCHED = 0.008
SHARE_POLLED = 0.05
"""How much of the time scans may take: a poll stretches itself beyond `--poll-interval` to stay
under. With events a scan is a safety net that finds nothing; without, it is all there is."""

SHARE_OVERFLOWED, SAVED = 0.25, 10.0
"""The same for scans because events were lost: the events of a storm need the rest. The share is
saved up for so many seconds: after a quiet time there is no pause between such scans."""

LINES, PERIOD = 3, 60.0
"""Lines that tell of overflows in so many seconds."""

PATIENCE = 1.0
"""Seconds between two looks at a scanner that has not finished."""

RETRY_WATCH = 60.0
"""Seconds until inotify is tried again where its limits were exhausted."""

SCAN_SECONDS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Bounds in seconds of processor time: a scan costs about 0.65 s for a million names."""

JITTER = 0.1
"""A poll comes up to this share early or late, so that agents on one host drift apart."""


@dataclass(slots=True)
class Figures:
    """What the patrol did so far, for metrics and STATUS. Only the counters count up."""

    available: bool = False
    mode: str = "none"
    scans: Counter[str] = field(default_factory=Counter)
    scan_seconds: Histogram = field(default_factory=lambda: Histogram(SCAN_SECONDS))
    overflows: int = 0
    drift: int = 0


class MonitorListener(Protocol):
    """Who is told what the patrol found. Called on the loop's thread."""

    def news(self) -> None:
        """The inventory changed."""

    def vouch(self) -> None:
        """The inventory is the directory's truth."""

    def doubt(self, reason: str) -> None:
        """The directory is unavailable."""

    def moved(self, path: bytes) -> None:
        """The path leads to another real path than before."""


@dataclass(frozen=True, slots=True)
class MonitorConfig:
    """What the operator decided. Durations in seconds."""

    path: bytes
    poll_interval: float
    scan_timeout: float
    include_hidden: bool
    require_mount: bool
    poll_only: bool


class Monitor:
    """Runs until it is cancelled."""

    def __init__(
        self,
        orders: MonitorConfig,
        inventory: Inventory,
        vitals: Liveness,
        guest: MonitorListener,
        log: Log,
        random: Random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._orders = orders
        self._inventory = inventory
        self._vitals = vitals
        self._guest = guest
        self._log = log
        self._random = random
        self._clock = clock
        self._scanner = Scanner()
        self._settler = Verifier(
            inventory, on_news=guest.news, on_lost=self._lost, on_flood=self._flood
        )
        self._backoff = Backoff(0.1, max(0.1, min(5.0, orders.poll_interval)))
        self._wake = asyncio.Event()
        self._place: DirectoryIdentity | None = None
        self._path: bytes | None = None
        self._must_be_mount = orders.require_mount
        self._watcher: Watcher | None = None
        self._watch_again = self._next_scan = 0.0
        self._scan_for = ""
        self._overflow_scans = Budget(SHARE_OVERFLOWED, SAVED)
        self._overflow_lines = RateLimit(LINES, PERIOD)
        self._doubts = ""
        self._failures = 0
        self.figures = Figures()

    @property
    def reason(self) -> str:
        """Why the directory is unavailable, if it is."""
        return self._doubts or "the first scan has not ended"

    @property
    def events(self) -> int:
        """inotify events read so far."""
        return self._settler.events

    async def run(self) -> None:
        """Go round until cancelled."""
        try:
            while True:
                self._wake.clear()
                try:
                    await self._round()
                    self._failures = 0
                    pause = self._pause()
                except Unavailable as reason:
                    self._away(str(reason))
                    pause = max(0.02, self._backoff.delay(self._failures, self._random))
                    self._failures += 1
                self._vitals.beat("poller", self._clock())
                try:
                    # `wait_for` would lose a cancellation that comes together with a wake-up.
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            self._settler.detach()

    def _pause(self) -> float:
        """Seconds until the next round."""
        pause = self._orders.poll_interval * self._random.uniform(1 - JITTER, 1 + JITTER)
        due = max(0.0, self._scan_at() - self._clock()) if self._scan_for else pause
        return min(pause, due)

    def _scan_at(self) -> float:
        """When the next scan is due."""
        due = {"": self._next_scan, "overflow": self._overflow_scans.ready}
        return due.get(self._scan_for, float("-inf"))

    async def _round(self) -> None:
        """One look, and a scan if one is due. Raises `Unavailable`."""
        place = await self._patiently(self._scanner.look(self._orders.path))
        bare = unmounted(place, must_be_mount=self._must_be_mount)
        if bare:
            raise Unavailable(bare)
        now = self._clock()
        if self._place is None:
            self._arrive(place)
        elif change := replaced(self._place, place):
            self._doubt(change)
            self._arrive(place)
        elif self._watcher is None and now >= self._watch_again:
            self._watch(place)
        self._probe()
        if now >= self._scan_at():
            await self._scan(place, self._scan_for or "poll")
        if self._place is place or self._place == place:
            self._vouch()

    def _arrive(self, place: DirectoryIdentity) -> None:
        """Begin to serve `place`: the watch first, so that the scan misses nothing."""
        if self._path is None:
            self._must_be_mount |= place.is_mount
        elif self._path != place.path:
            self._guest.moved(place.path)
        self._scan_for = "start" if self._path is None else "return"
        self._place, self._path = place, place.path
        self._watch(place)

    def _watch(self, place: DirectoryIdentity) -> None:
        """Set up inotify, or say once why it goes without."""
        self._leave()
        self._watch_again = float("inf")
        if self._orders.poll_only:
            self._set_mode("poll", "--poll-only is set")
        elif not announces(place.filesystem):
            self._set_mode("poll", f"{place.filesystem} does not tell of every change")
        else:
            try:
                self._watcher = Watcher(place, hidden=self._orders.include_hidden)
            except OSError as error:
                limit = {
                    errno.ENOSPC: "fs.inotify.max_user_watches is exhausted; raise this sysctl",
                    errno.EMFILE: "fs.inotify.max_user_instances is exhausted; raise this sysctl",
                }.get(error.errno or 0)
                if limit is None:
                    raise Unavailable(explain(error)) from error
                self._watch_again = self._clock() + RETRY_WATCH
                self._set_mode("poll", limit)
            else:
                self._settler.attach(self._watcher)
                self._vitals.expect("watcher", 3 * self._orders.poll_interval + 5.0, self._clock())
                self._set_mode("events", "")
                self._scan_for = self._scan_for or "watch"

    def _set_mode(self, mode: str, why: str) -> None:
        if self.figures.mode == mode:
            return
        self.figures.mode = mode
        if mode == "poll":
            self._log.warning(
                "going on by polling alone", why=why, every=f"{self._orders.poll_interval:g}s"
            )
        else:
            self._log.info("watching by events", directory=self._path)

    def _probe(self) -> None:
        """Let the watcher prove that events come through."""
        watcher = self._watcher
        if watcher is None:
            return
        if watcher.proven:
            self._vitals.beat("watcher", self._clock())
        try:
            watcher.provoke()
        except OSError:
            # No watch to spare for the canary; the directory's own watch goes on.
            self._vitals.beat("watcher", self._clock())

    async def _scan(self, place: DirectoryIdentity, reason: str) -> None:
        self._settler.begin_scan()
        self._scan_for = ""
        survey = await self._patiently(
            self._scanner.survey(place, self._inventory, hidden=self._orders.include_hidden)
        )
        changed = await self._settler.apply(survey)
        figures = self.figures
        figures.scans[reason] += 1
        figures.scan_seconds.observe(survey.seconds)
        if changed and reason == "poll" and self._watcher is not None and not self._scan_for:
            figures.drift += changed
            self._log.warning(
                "a poll found changes that no event had announced",
                names=changed,
                directory=place.path,
            )
        share = SHARE_POLLED if self._watcher is None else SHARE_WATCHED
        now = self._clock()
        if reason == "overflow":
            self._overflow_scans.spend(survey.seconds, now)
        self._next_scan = now + max(
            # A little less than the pause between two rounds, so that each round scans.
            self._orders.poll_interval * (1 - 2 * JITTER),
            survey.seconds / share,
        )

    async def _patiently(self, job: asyncio.Future[T]) -> T:
        """Wait for the scanner; if it hangs, say so and go on waiting: no second job is begun."""
        limit = self._orders.scan_timeout
        while True:
            await asyncio.wait({job}, timeout=min(PATIENCE, limit))
            # Progress, or a hang that is known and told: the poller itself does its work.
            self._vitals.beat("poller", self._clock())
            if job.done():
                return job.result()
            if self._watcher is not None and self._watcher.proven:
                self._probe()  # no round comes by to do it
            stuck = self._clock() - self._scanner.progress_at
            if stuck >= limit:
                self._doubt(f"the directory can't be read: no progress for {limit:g} s")

    def _lost(self, reason: str) -> None:
        """An event, or the lack of an entry, says that the directory may be gone: look now."""
        self._doubt(reason)
        self._place = None
        self._wake.set()

    def _flood(self, reason: str) -> None:
        self.figures.overflows += 1
        self._scan_for = "overflow"
        held_back = self._overflow_lines.admit(self._clock())
        if held_back is not None:
            self._log.warning(
                "everything is in doubt, scanning again",
                reason=reason,
                **({"others_not_logged": held_back} if held_back else {}),
            )
        self._wake.set()

    def _away(self, reason: str) -> None:
        self._doubt(reason)
        self._leave()
        self._place = None

    def _leave(self) -> None:
        """End the watch, if there is one."""
        self._settler.detach()
        self._watcher = None
        self._vitals.excuse("watcher")

    def _doubt(self, reason: str) -> None:
        if self._doubts != reason:
            self._doubts = reason
            self._log.warning(
                "the directory is unavailable", reason=reason, directory=self._orders.path
            )
        self.figures.available = False
        self._guest.doubt(reason)

    def _vouch(self) -> None:
        if self._scan_for and not self.figures.available:
            return  # the scan that would justify it was made void
        if self._doubts:
            self._doubts = ""
            self._log.info("the directory is available", directory=self._orders.path)
        self.figures.available = True
        self._guest.vouch()

"""The shell around `core/monitor.py`: does what the directory's life asks for, and tells whoever
listens what may be said of the directory.

Owned by the event loop's thread; what may hang is done by the `Scanner`.
"""

import asyncio
import errno
import time
from collections.abc import Callable
from random import Random
from typing import TypeVar

from scout.agent.announce import Announcer, Figures, MonitorListener
from scout.agent.core.actions import Action, Drain, Look, MonitorConfig, Scan, Scanned, Watch
from scout.agent.core.identity import REPLACED, DirectoryIdentity
from scout.agent.core.inventory import Inventory
from scout.agent.core.monitor import Life
from scout.agent.core.reconcile import Listing
from scout.agent.inspect import Unavailable, explain, look
from scout.agent.scan import Scanner
from scout.agent.shared import Shared, Turn
from scout.agent.verify import Verifier
from scout.agent.watch import Watcher
from scout.core.liveness import Liveness
from scout.core.ratelimit import RateLimit
from scout.process.log import Log

T = TypeVar("T")

LINES, PERIOD = 3, 60.0
"""Lines that tell of overflows in so many seconds."""

PATIENCE = 1.0
"""Seconds between two looks at a scanner that has not finished; after so long without any progress
it keeps no other from reading."""

GONE = frozenset(
    (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE, errno.ENOTCONN, errno.EIO)
)
"""What says that the directory is not there to be watched. Any other error is inotify's own."""

LIMITS = {
    errno.ENOSPC: "fs.inotify.max_user_watches is exhausted; raise this sysctl",
    errno.EMFILE: "fs.inotify.max_user_instances is exhausted; raise this sysctl",
}


class Monitor:
    """Runs until it is cancelled."""

    def __init__(
        self,
        config: MonitorConfig,
        inventory: Inventory,
        liveness: Liveness,
        listener: MonitorListener,
        log: Log,
        random: Random,
        clock: Callable[[], float] = time.monotonic,
        first: DirectoryIdentity | str | None = None,
        shared: Shared | None = None,
        scanner: Scanner | None = None,
        on_look: Callable[[DirectoryIdentity | None], str] = lambda _: "",
    ) -> None:
        """`first`: the look by which the directory was claimed, or why there was nothing to see.
        `on_look` is told of each look (None: it failed) and says why what was found must not be
        served, or nothing. `scanner` may be at work still."""
        self._config = config
        self._inventory = inventory
        self._liveness = liveness
        self._listener = listener
        self._log = log
        self._clock = clock
        self._shared = shared or Shared()
        self._life = Life(config, random, self._shared.shares)
        if isinstance(first, str):
            self._life.unseen(first)
        elif first is not None:
            self._life.first(first)
        self._scanner = scanner or Scanner()
        self._turn = Turn(self._shared.reading)
        self._on_look = on_look
        self._verifier = Verifier(
            inventory,
            on_news=listener.news,
            on_lost=self._lost,
            on_flood=self._flood,
            on_asked=self._asked,
        )
        self._watcher: Watcher | None = None
        self._wake = asyncio.Event()
        self.figures = Figures()
        self._announcer = Announcer(config, self._life, inventory, self.figures, listener, log)
        self._flood_lines = RateLimit(LINES, PERIOD)
        self._drift_lines = log.limited()

    @property
    def reason(self) -> str:
        """Why no more may be said of the directory; empty if all is well."""
        return self._announcer.verdict.reason

    @property
    def events(self) -> int:
        """inotify events read so far."""
        return self._verifier.events

    def held(self, seconds: float) -> None:
        """The program stood still for `seconds`, too long for what it believes to be current."""
        self._log.warning("the agent stood still", seconds=round(seconds, 1))
        self._life.held(self._clock(), seconds)
        self._tell()
        self._wake.set()

    def rejoined(self) -> None:
        """The master has us registered again."""
        if self._verifier.waiting:
            self._life.rejoined()
            self._tell()
            self._wake.set()

    async def run(self) -> None:
        """Do what is asked for until cancelled."""
        life = self._life
        try:
            self._tell()
            while True:
                self._wake.clear()
                action = life.next(self._clock())
                if action is not None:
                    try:
                        await self._perform(action)
                    except Unavailable as reason:
                        life.look_failed(self._clock(), str(reason))
                self._tell()
                self._liveness.beat("poller", self._clock())
                if action is not None:
                    continue
                # A slow directory is left alone for long: a planned sleep is no hang.
                pause = min(life.deadline() - self._clock(), self._config.poll_interval)
                try:
                    # `wait_for` would lose a cancellation that comes together with a wake-up.
                    async with asyncio.timeout(max(0.0, pause)):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            self._leave()

    async def _perform(self, action: Action) -> None:
        """Do `action` and tell the core how it ended. Raises `Unavailable`."""
        match action:
            case Look():
                await self._look()
            case Watch(directory):
                await self._watch(directory)
            case Drain():
                await self._verifier.catch_up()
                self._life.drained()
            case Scan():
                await self._scan(action)

    async def _look(self) -> None:
        watcher, path = self._watcher, self._config.path

        def job() -> tuple[DirectoryIdentity, bool, float]:
            began = time.monotonic()
            place = look(path)
            proven = watcher is None or watcher.proves()
            return place, proven, time.monotonic() - began

        try:
            place, proven, seconds = await self._patiently(self._scanner.do(job))
        except Unavailable:
            self._on_look(None)
            raise
        refused = self._on_look(place)
        if refused:
            raise Unavailable(refused)
        if self._life.looked(self._clock(), place, proven=proven, seconds=seconds):
            self._listener.moved(place.path)
        if self._life.watched:
            self._probe()

    async def _watch(self, place: DirectoryIdentity) -> None:
        self._leave()
        hidden = self._config.include_hidden
        try:
            watcher = await self._patiently(self._scanner.do(lambda: Watcher(place, hidden=hidden)))
        except OSError as error:
            if error.errno in GONE:
                raise Unavailable(explain(error)) from error
            why = LIMITS.get(error.errno or 0, f"inotify is not to be had: {error.strerror}")
            self._life.unwatchable(self._clock(), why)
            return
        self._watcher = watcher
        self._verifier.naming = self._life.naming
        self._verifier.attach(watcher)
        self._liveness.expect("watcher", 3 * self._config.poll_interval + 5.0, self._clock())
        self._life.watching()
        self._probe()

    async def _scan(self, scan: Scan) -> None:
        """Read the directory when its turn has come."""
        turn = self._turn.take()
        try:
            # While it waits another directory may come, or none be left.
            while not turn.done() and self._life.place is scan.directory:
                await asyncio.wait({turn}, timeout=PATIENCE)
                self._show_life()
            if self._life.place is scan.directory:
                self._turn.begin(self._clock())
                await self._read(scan)
        finally:
            self._turn.give(self._clock())

    async def _read(self, scan: Scan) -> None:
        place, watcher, hidden = scan.directory, self._watcher, self._config.include_hidden
        naming = self._life.naming
        await self._verifier.begin_scan()

        def job() -> Listing:
            listing = self._scanner.read(
                place, self._inventory, hidden=hidden, watched=watcher is not None, naming=naming
            )
            # What was listed is what is watched, even if the path led elsewhere for a moment.
            if watcher is not None and not watcher.proves():
                raise Unavailable(REPLACED)
            return listing

        listing = await self._patiently(self._scanner.do(job))
        if watcher is not self._watcher:
            return  # the directory was lost meanwhile
        found = await self._verifier.apply(listing)
        if watcher is not self._watcher:
            return
        figures = self.figures
        figures.scans[scan.reason] += 1
        figures.scan_seconds.observe(listing.seconds)
        changed, suspects = found or (0, 0)
        held = self._turn.give(self._clock())
        outcome = Scanned(listing.seconds, found is not None, suspects, listing.exact, held)
        self._life.scanned(self._clock(), outcome)
        self._verifier.naming = self._life.naming
        verdict = self._life.verdict(self._clock())
        if changed and scan.reason == "poll" and watcher is not None and not verdict.behind:
            figures.drift += changed
            self._drift_lines.warning(
                "a poll found changes that no event had announced",
                names=changed,
                directory=place.path,
            )

    def _probe(self) -> None:
        """Let the watcher prove that events come through."""
        watcher = self._watcher
        if watcher is None:
            return
        if watcher.proven:
            self._liveness.beat("watcher", self._clock())
        try:
            watcher.provoke()
        except OSError:
            # No watch to spare for the canary; the directory's own watch goes on.
            self._liveness.beat("watcher", self._clock())

    async def _patiently(self, job: asyncio.Future[T]) -> T:
        """Wait for the scanner; if it hangs, say so, give up the turn, and go on waiting: no second
        job is begun."""
        limit = self._config.scan_timeout
        while True:
            await asyncio.wait({job}, timeout=min(PATIENCE, limit))
            if job.done():
                self._liveness.beat("poller", self._clock())
                return job.result()
            self._show_life()
            idle = self._clock() - self._scanner.progress_at
            if idle >= PATIENCE:
                self._turn.give(self._clock())
            if idle >= limit:
                self._life.stuck()
            self._tell()

    def _show_life(self) -> None:
        """Progress, or a hang that is known and told: the poller itself does its work."""
        self._liveness.beat("poller", self._clock())
        if self._watcher is not None and self._watcher.proven:
            self._probe()  # no look comes by to do it

    def _lost(self, reason: str) -> None:
        """An event, or the lack of an entry, says that the directory may be gone."""
        self._life.lost(self._clock(), reason)
        self._tell()
        self._wake.set()

    def _flood(self, reason: str) -> None:
        self.figures.overflows += 1
        self._life.overflowed(self._clock())
        held_back = self._flood_lines.admit(self._clock())
        if held_back is not None:
            self._log.warning(
                "everything is in doubt, scanning again",
                reason=reason,
                **({"others_not_logged": held_back} if held_back else {}),
            )
        self._tell()
        self._wake.set()

    def _asked(self) -> None:
        self._life.asked()
        self._tell()
        self._wake.set()

    def _leave(self) -> None:
        """End the watch, if there is one."""
        self._verifier.detach()
        self._watcher = None
        self._liveness.excuse("watcher")

    def _tell(self) -> None:
        """Say what changed: the verdict, the way of watching, what is withheld."""
        if self._watcher is not None and not self._life.watched:
            self._leave()
        self._announcer.tell(self._clock())

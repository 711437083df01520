"""One directory, put together: its inventory, its session and stream with the master, its monitor.

Everything here belongs to the event loop's thread. An agent never ends by itself; what ends one of
its tasks is a bug, for its host to raise.
"""

import asyncio
import gc
import logging
import random
import secrets
import time
from collections.abc import Callable

from scout import __version__
from scout.agent.config import Config
from scout.agent.core.actions import MonitorConfig, Verdict
from scout.agent.core.identity import DirectoryIdentity, absolute
from scout.agent.core.inventory import Inventory
from scout.agent.core.session import Session
from scout.agent.core.standstill import Standstill
from scout.agent.core.start import reason, refusal
from scout.agent.core.summary import Situation
from scout.agent.directory_log import DirectoryLog
from scout.agent.first import First
from scout.agent.monitor import Monitor
from scout.agent.report import STREAM_LIMIT, Ended, Reporter
from scout.agent.scan import Scanner
from scout.agent.shared import Shared
from scout.agent.status import describe
from scout.core.liveness import Liveness
from scout.errors import ScoutError
from scout.process import log

POLLER_SLACK = 10.0
"""Seconds that a round of the monitor may come late on a loaded host before it counts as stuck."""

STANDSTILL_LEAST, STANDSTILL_POLLED = 0.4, 1.0
"""Seconds that are no standstill, however short the master's interval, or that of polling: an idle
loop turns each tenth of a second."""


class Agent:
    """One directory of a process."""

    def __init__(
        self,
        config: Config,
        directory: MonitorConfig,
        first: First,
        shared: Shared,
        on_state: Callable[[], None],
        scanner: Scanner | None = None,
    ) -> None:
        """`on_state` is called when something may have changed that the host should know.
        `scanner` is the one that took the first look, and may be at it still."""
        self.directory = directory.path
        self.alone = len(config.directories) == 1
        self.inventory = Inventory()
        self.liveness = Liveness()
        self.log = log.get("scout")
        if not self.alone:
            self.log = DirectoryLog(logging.getLogger("scout"), self.directory)
        self._moves = self.log.limited()  # whoever may switch a link may do so all day
        self.watching = self._told_waiting = False
        self._poll_interval = directory.poll_interval
        self._on_state = on_state
        self._shared = shared
        self._standstill = Standstill()
        self._registrations = 0
        self._seen = isinstance(first, DirectoryIdentity)
        self._trouble = "" if isinstance(first, DirectoryIdentity) else reason(first)
        dice = random.SystemRandom()
        self.session = Session(
            config.host,
            absolute(self.directory),
            secrets.randbits(64),
            __version__,
            self.inventory,
            first.path if isinstance(first, DirectoryIdentity) else b"",
        )
        if self._trouble:
            self.session.doubt(self._trouble)
        self.reporter = Reporter(
            str(config.master),
            self.session,
            self.liveness,
            self.log,
            dice,
            self._state,
            on_turn=self.turn,
            once=self.alone,
        )
        self.monitor = Monitor(
            directory,
            self.inventory,
            self.liveness,
            self,
            self.log,
            dice,
            first=first if isinstance(first, DirectoryIdentity) else self._trouble,
            shared=shared,
            scanner=scanner,
            on_look=self._looked,
        )

    def report(self) -> asyncio.Task[None]:
        """Begin to register with the master, and to report. `reporter.first` tells how it went."""
        self.liveness.expect("stream", STREAM_LIMIT, time.monotonic())
        return asyncio.create_task(self.reporter.run())

    def watch(self) -> asyncio.Task[None]:
        """Begin to watch the directory."""
        limit = 2 * self._poll_interval + POLLER_SLACK
        self.liveness.expect("poller", limit, time.monotonic())
        return asyncio.create_task(self.monitor.run())

    def refused(self, ended: Ended) -> ScoutError:
        """The error of an attempt to register that failed."""
        return refusal(ended.code.name, ended.reason, self.reporter.address, self.directory)

    # What the monitor found

    def news(self) -> None:
        """The inventory changed."""
        self.session.noticed(time.monotonic())
        self.reporter.nudge()

    def judged(self, verdict: Verdict) -> None:
        """What may be said of the directory from now on."""
        if verdict.available:
            self._trouble = ""
            self.session.vouch(
                behind=verdict.behind, reason=verdict.reason, settling=verdict.settling
            )
        else:
            self._trouble = verdict.reason
            self.session.doubt(verdict.reason)
        self._state()

    def moved(self, path: bytes) -> None:
        """The path leads to another directory: the claim stays, and is told where it leads."""
        self._moves.warning(
            "the path leads to another directory now",
            directory=self.session.directory,
            real_path=path,
        )
        self.reporter.move(path)

    def _looked(self, place: DirectoryIdentity | None) -> str:
        """Why the directory must not be served where it leads to, or nothing."""
        places = self._shared.places
        if place is None:
            places.leave(self.session.directory)
            return ""
        refused = places.admit(self.session.directory, place.path)
        if not refused and not self._seen:
            # The claim was made without knowing where the path leads.
            self._seen = True
            if place.path != self.session.real_path:
                self.reporter.move(place.path)
        return refused

    def turn(self) -> None:
        """The event loop turns. After a standstill nothing is vouched for until all is caught up
        with; so this comes before anything is said."""
        limit = max(self.session.grace, STANDSTILL_LEAST)
        if self.monitor.figures.mode == "poll":
            limit = min(limit, max(self._poll_interval, STANDSTILL_POLLED))
        # This clock goes on while the host is suspended.
        seconds = self._standstill.turn(time.clock_gettime(time.CLOCK_BOOTTIME), limit)
        if seconds:
            self.monitor.held(seconds)
        if self.session.registrations != self._registrations:
            self._registrations = self.session.registrations
            self.monitor.rejoined()

    # What the host is told

    @property
    def serving(self) -> bool:
        """The directory can be vouched for and the master has it."""
        return self.monitor.figures.available and self.reporter.connected

    @property
    def judged_once(self) -> bool:
        """The first verdict was given: vouched for, or its reason told."""
        waiting = self._trouble and self.reporter.connected  # so the reason is told next
        return bool(self.watching or waiting or (not self.alone and self.reporter.refusal))

    @property
    def status(self) -> str:
        """How it is doing, in a sentence."""
        return describe(self.session, self.reporter, self.monitor)

    @property
    def situation(self) -> Situation:
        """How it is doing, among others."""
        available, connected = self.monitor.figures.available, self.reporter.connected
        refused, trouble = self.reporter.refusal, self.reporter.trouble
        what = ""
        if refused:
            what = refused
        elif not available:
            what = self._trouble or self.monitor.reason
        elif trouble is not None:
            where = self.reporter.address
            what = f"orphaned: no master at {where} ({trouble.reason}), changes are held"
        elif not connected:
            what = f"connecting to {self.reporter.address}"
        elif not self.session.master_serving:
            what = f"{self.reporter.address} is not serving, changes are held"
        return Situation(self.directory, available, connected, bool(refused), what)

    def _state(self) -> None:
        """Something may have changed that the host should know."""
        self.reporter.nudge()
        held = self.session.acknowledged_at is not None
        if held and not self._trouble and not self.watching:
            self.watching = True
            gc.freeze()  # the names stay; the cyclic collector need not walk over them again
            self.log.info(
                "watching",
                directory=self.session.directory,
                files=len(self.inventory.names),
                master=self.reporter.address,
                host=self.session.host,
            )
        self._on_state()

    def tell_waiting(self) -> None:
        """Say, once, that the start is over although the directory is not there."""
        if self.watching or self._told_waiting or not self._trouble:
            return
        self._told_waiting = True
        self.log.info(
            "started, waiting for the directory",
            directory=self.session.directory,
            reason=self._trouble,
            master=self.reporter.address,
            host=self.session.host,
        )

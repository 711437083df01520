"""The agent, put together: patrol, inventory, session, reporter, and what the host is told.

Start: check the directory, check the master's health, register, then watch. A failure of any of
these ends the process with its exit code. The start is over when the first verdict about the
directory was given: the master holds its first snapshot, or knows why there is none. Once started,
the agent never ends because of the master or the directory.
"""

import asyncio
import gc
import random
import secrets
import time
from collections.abc import Coroutine
from typing import Protocol

import grpc

from scout import __version__
from scout.agent.config import Config, check_directory
from scout.agent.core.actions import MonitorConfig, Verdict
from scout.agent.core.identity import DirectoryIdentity, absolute
from scout.agent.core.inventory import Inventory
from scout.agent.core.session import Session
from scout.agent.core.standstill import Standstill
from scout.agent.health import LIVENESS, WHOLE, HealthServer, check_master
from scout.agent.inspect import Unavailable, look
from scout.agent.monitor import Monitor
from scout.agent.report import STREAM_LIMIT, Ended, Reporter
from scout.agent.scan import Scanner
from scout.agent.status import describe
from scout.core.liveness import Liveness
from scout.errors import (
    Claimed,
    ConfigError,
    DirectoryMissing,
    MasterUnavailable,
    NoPermission,
    ScoutError,
)
from scout.process import log, systemd
from scout.process.bugs import Bugs
from scout.process.lag import LagMonitor
from scout.process.signals import stop_event

GOODBYE = 2.0
"""Seconds that the goodbye may take: no operator waits longer for a stop."""

START_STEP = 60.0
"""Seconds for which systemd is asked to wait on while the start makes progress. Asked again long
before they are over: a first scan may take longer than any limit in a unit (TimeoutStartSec)."""

POLLER_SLACK = 10.0
"""Seconds that a round of the patrol may come late on a loaded host before it counts as stuck."""


STANDSTILL_LEAST, STANDSTILL_POLLED = 0.4, 1.0
"""Seconds that are no standstill, however short the master's interval, or that of polling: an idle
loop turns each tenth of a second."""


def run(config: Config) -> int:
    """Run the agent until it is told to stop. Returns the exit code; raises `ScoutError`."""
    asyncio.run(_main(config))
    return 0


async def _main(config: Config) -> None:
    """Work until told to stop, which is heard at any time, whatever is waited for."""
    bugs = Bugs(log.get("scout"))
    leaving = asyncio.create_task(stop_event().wait())
    work = asyncio.create_task(_work(config))
    await bugs.first_of(leaving, work)
    if not work.done():
        systemd.stopping()
        if not bugs.found.done():
            log.get("scout").info("stopping", directory=config.directory)
        work.cancel()
        await asyncio.wait({work})
    if not work.cancelled():
        work.result()  # it does not end by itself: raise what ended it
    if bugs.found.done():
        raise bugs.found.result()


async def _work(config: Config) -> None:
    # The operator's word on how long to wait counts, not the unit's.
    systemd.extend(config.start_timeout + START_STEP)
    place = await _first_look(config)
    systemd.extend(config.start_timeout + START_STEP)
    await check_master(str(config.master), config.start_timeout)
    await Agent(config, place).live()


async def _first_look(config: Config) -> DirectoryIdentity:
    """Check the directory. Raises the `ScoutError` that says what is wrong with it."""

    def check() -> DirectoryIdentity:
        check_directory(config.directory)
        return look(config.directory)

    try:
        # Not `wait_for`, which may lose a cancellation that comes with the result.
        async with asyncio.timeout(config.start_timeout):
            return await Scanner().do(check)
    except Unavailable as reason:
        raise DirectoryMissing("can't watch the directory", config.directory, str(reason)) from None
    except TimeoutError:
        raise DirectoryMissing(
            "the directory does not answer", config.directory, "does its file system work?"
        ) from None


class Server(Protocol):
    """Something that serves until it is closed."""

    def close(self) -> None:
        """Stop serving."""


class Agent:
    """One directory, one master. Everything here belongs to the event loop's thread."""

    def __init__(self, config: Config, place: DirectoryIdentity) -> None:
        """`place` is what `config.directory` leads to, by the look at the start."""
        self.config = config
        self.inventory = Inventory()
        self.vitals = Liveness()
        self.log = log.get("scout")
        self._moves = self.log.limited()  # whoever may switch a link may do so all day
        self.lag = LagMonitor(self.log, lambda _: self._turn())
        self._standstill = Standstill()
        self._registrations = 0
        self.health: HealthServer | None = None
        self._metrics: Server | None = None
        self._ready = False
        self._watching = False
        self._trouble = ""
        self._status = ""
        self._stuck: frozenset[str] = frozenset()
        self._tasks: list[asyncio.Task[None]] = []
        dice = random.SystemRandom()
        self.session = Session(
            config.host,
            absolute(config.directory),
            secrets.randbits(64),
            __version__,
            self.inventory,
            place.path,
        )
        self.reporter = Reporter(
            str(config.master),
            self.session,
            self.vitals,
            self.log,
            dice,
            self._state,
            on_turn=self._turn,
        )
        orders = MonitorConfig(
            path=config.directory,
            poll_interval=config.poll_interval,
            scan_timeout=config.scan_timeout,
            include_hidden=config.include_hidden,
            require_mount=config.require_mount,
            poll_only=config.poll_only,
        )
        self.patrol = Monitor(
            orders, self.inventory, self.vitals, self, self.log, dice, first=place
        )

    async def live(self) -> None:
        """Register, watch and report until cancelled. Raises `ScoutError` if the start fails."""
        try:
            await self._serve_probes()
            self._spawn(self.lag.run())
            self._spawn(self.reporter.run())
            self._spawn(self._feed_watchdog())
            self.vitals.expect("stream", STREAM_LIMIT, time.monotonic())
            if ended := await self.reporter.first:
                raise _start_failure(ended, str(self.config.master), self.config.directory)
            limit = 2 * self.config.poll_interval + POLLER_SLACK
            self.vitals.expect("poller", limit, time.monotonic())
            self._spawn(self.patrol.run())
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in self._tasks:
                if task.done():
                    task.result()  # none of them ends by itself: raise what ended it
        finally:
            await self._stop()

    # What the patrol found

    def news(self) -> None:
        """The inventory changed."""
        self.session.noticed(time.monotonic())
        self.reporter.nudge()

    def judged(self, verdict: Verdict) -> None:
        """What may be said of the directory from now on."""
        if verdict.available:
            self._trouble = ""
            self.session.vouch(behind=verdict.behind, reason=verdict.reason)
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

    def _turn(self) -> None:
        """The event loop turns. After a standstill nothing is vouched for until all is caught up
        with; so this comes before anything is said."""
        limit = max(self.session.grace, STANDSTILL_LEAST)
        if self.patrol.figures.mode == "poll":
            limit = min(limit, max(self.config.poll_interval, STANDSTILL_POLLED))
        # This clock goes on while the host is suspended.
        seconds = self._standstill.turn(time.clock_gettime(time.CLOCK_BOOTTIME), limit)
        if seconds:
            self.patrol.held(seconds)
        if self.session.registrations != self._registrations:
            self._registrations = self.session.registrations
            self.patrol.rejoined()

    # What the host is told

    def _state(self) -> None:
        """Something may have changed that the host should know."""
        self.reporter.nudge()
        status = describe(self.session, self.reporter, self.patrol)
        if status != self._status:
            self._status = status
            systemd.status(status)
        self._announce()
        if self.health is not None:
            serving = self.patrol.figures.available and self.reporter.connected
            self.health.set(WHOLE, serving=serving and not self._stuck)
            self.health.set(LIVENESS, serving=not self._stuck)

    def _announce(self) -> None:
        """Say it, once each, when the directory is watched and when the start is over.

        An agent that waits for its directory does its job: a service manager that took it for one
        that does not come up would end it again and again.
        """
        held = self.session.acknowledged_at is not None
        if held and not self._trouble and not self._watching:
            self._watching = True
            gc.freeze()  # the names stay; the cyclic collector need not walk over them again
            self.log.info(
                "watching",
                directory=self.session.directory,
                files=len(self.inventory.names),
                master=self.reporter.address,
                host=self.session.host,
            )
        waiting = self._trouble and self.reporter.connected  # so the reason is told next
        if not self._ready and (self._watching or waiting):
            self._ready = True
            systemd.ready()
            if not self._watching:
                self.log.info(
                    "started, waiting for the directory",
                    directory=self.session.directory,
                    reason=self._trouble,
                    master=self.reporter.address,
                    host=self.session.host,
                )

    async def _feed_watchdog(self) -> None:
        """Tell systemd that we live, as long as every component made progress lately, and that
        the start may take longer while it does."""
        interval = systemd.watchdog_interval()
        while True:
            if not self._ready and not self._stuck:
                systemd.extend(START_STEP)
            await asyncio.sleep((interval or 10.0) / 3)
            stuck = self.vitals.stuck(time.monotonic())
            if frozenset(stuck) != self._stuck:
                self._stuck = frozenset(stuck)
                for component, seconds in stuck.items():
                    self.log.error("no progress", component=component, seconds=round(seconds, 1))
                self._state()
            if interval is not None and not stuck:
                systemd.watchdog()

    # Beginning and end

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def _serve_probes(self) -> None:
        """Open what was asked for: health checks, metrics."""
        if self.config.health is not None:
            self.health = HealthServer()
            port = await self.health.start(self.config.health)
            self.log.info("serving health checks", address=self.health.address, port=port)
        if self.config.metrics is not None:
            # Only here: it costs 30 ms at the start, and most agents are not scraped.
            from scout.agent.metrics import MetricsServer  # noqa: PLC0415

            self._metrics = MetricsServer(self, self.config.metrics)
            self.log.info("serving metrics", address=self._metrics.address)

    async def _stop(self) -> None:
        await self.reporter.leave(GOODBYE)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.health is not None:
            await self.health.stop()
        if self._metrics is not None:
            self._metrics.close()


def _start_failure(ended: Ended, master: str, directory: bytes) -> ScoutError:
    """The error for an attempt to register that failed at the start."""
    match ended.code:
        case grpc.StatusCode.ALREADY_EXISTS:
            return Claimed("the directory is claimed by another agent", directory, ended.reason)
        case grpc.StatusCode.PERMISSION_DENIED | grpc.StatusCode.UNAUTHENTICATED:
            return NoPermission("the master refuses this agent", master, ended.reason)
        case grpc.StatusCode.INVALID_ARGUMENT:
            return ConfigError("the master refuses the registration", master, ended.reason)
    return MasterUnavailable("can't register with the master", master, ended.reason)

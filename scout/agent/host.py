"""All directories of a process: start, READY, STATUS, watchdog, probes, metrics, and the stop.

The start is over when the first verdict about each directory was given: the master holds its first
snapshot, or knows why there is none. Everything here belongs to the event loop's thread.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Protocol

from scout.agent.agent import Agent
from scout.agent.config import Config
from scout.agent.core.start import REGISTRATION_STATES, ending
from scout.agent.core.summary import summarize
from scout.agent.first import First
from scout.agent.health import LIVENESS, WHOLE, HealthServer, service
from scout.agent.scan import Scanner
from scout.agent.shared import Shared
from scout.errors import ScoutError
from scout.process import log, systemd
from scout.process.lag import LagMonitor

GOODBYE = 2.0
"""Seconds that the goodbyes may take: no operator waits longer for a stop."""

START_STEP = 60.0
"""Seconds for which systemd is asked to wait on while the start makes progress. Asked again long
before they are over: a first scan may take longer than any limit in a unit (TimeoutStartSec)."""


class Server(Protocol):
    """Something that serves until it is closed."""

    def close(self) -> None:
        """Stop serving."""


class Host:
    """The process around its agents."""

    def __init__(
        self, config: Config, firsts: Sequence[First], scanners: Sequence[Scanner | None] = ()
    ) -> None:
        """`firsts`: what the look at the start found, for each of the directories, and `scanners`
        who took it."""
        self.config = config
        self.log = log.get("scout")
        self.shared = Shared()
        self.agents = [
            Agent(config, directory, first, self.shared, self._state, scanner)
            for directory, first, scanner in zip(
                config.directories, firsts, scanners or [None] * len(firsts), strict=True
            )
        ]
        self.lag = LagMonitor(self.log, lambda _: self._turn())
        self.health: HealthServer | None = None
        self._metrics: Server | None = None
        self._alone = len(self.agents) == 1
        self._telling: asyncio.Handle | None = None
        self._ready = False
        self._status = ""
        self._stuck: frozenset[tuple[bytes, str]] = frozenset()
        self._tasks: list[asyncio.Task[None]] = []

    async def live(self) -> None:
        """Register, watch and report until cancelled. Raises `ScoutError` if the start fails."""
        try:
            await self._serve_probes()
            self._spawn(self.lag.run())
            self._tasks += [agent.report() for agent in self.agents]
            self._spawn(self._feed_watchdog())
            await self._register()
            self._tasks += [agent.watch() for agent in self.agents]
            await self._work_until()
        finally:
            await self._stop()

    async def _register(self) -> None:
        """Wait for the master's first answer to each. Raises the `ScoutError` that ends the
        process."""
        outcomes: dict[Agent, ScoutError | None] = {}
        while len(outcomes) < len(self.agents):
            open_ones = [agent for agent in self.agents if agent not in outcomes]
            await self._work_until(agent.reporter.first for agent in open_ones)
            for agent in open_ones:
                if agent.reporter.first.done():
                    ended = agent.reporter.first.result()
                    outcomes[agent] = agent.refused(ended) if ended else None
            known = [outcomes.get(agent) for agent in self.agents]
            if error := ending(known, REGISTRATION_STATES):
                raise error

    async def _work_until(self, futures: Iterable[asyncio.Future[Any]] = ()) -> None:
        """Wait for one of `futures`. Raises what ended a task: none of them ends by itself."""
        waited: list[asyncio.Future[Any]] = [*futures, *self._tasks]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        for task in self._tasks:
            if task.done():
                task.result()

    def _turn(self) -> None:
        for agent in self.agents:
            agent.turn()

    # What the service manager and probes are told

    def _state(self) -> None:
        """Something may have changed. Several directories are summed up once in a turn."""
        if self._alone:
            self._tell()
        elif self._telling is None:
            self._telling = asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        self._telling = None
        status = self._summary()
        if status != self._status:
            self._status = status
            systemd.status(status)
        self._announce()
        if self.health is not None:
            stuck = {directory for directory, _ in self._stuck}
            for agent in self.agents:
                serving = agent.serving and agent.directory not in stuck
                self.health.set(service(agent.directory), serving=serving)
            whole = all(agent.serving for agent in self.agents)
            self.health.set(WHOLE, serving=whole and not self._stuck)
            self.health.set(LIVENESS, serving=not self._stuck)

    def _summary(self) -> str:
        if self._alone:
            return self.agents[0].status
        situations = [agent.situation for agent in self.agents]
        return summarize(situations, str(self.config.master))

    def _announce(self) -> None:
        """Say once that the start is over.

        An agent that waits for its directory does its job: a service manager that took it for one
        that does not come up would end it again and again.
        """
        if self._ready or not all(agent.judged_once for agent in self.agents):
            return
        self._ready = True
        systemd.ready()
        for agent in self.agents:
            agent.tell_waiting()
        if not self._alone:
            watched = sum(agent.watching for agent in self.agents)
            self.log.info("started", directories=len(self.agents), watching=watched)

    async def _feed_watchdog(self) -> None:
        """Tell systemd that we live, as long as every component made progress lately, and that
        the start may take longer while it does."""
        interval = systemd.watchdog_interval()
        while True:
            if not self._ready and not self._stuck:
                systemd.extend(START_STEP)
            await asyncio.sleep((interval or 10.0) / 3)
            now = time.monotonic()
            stuck = {agent: it for agent in self.agents if (it := agent.liveness.stuck(now))}
            names = frozenset((agent.directory, name) for agent, it in stuck.items() for name in it)
            if names != self._stuck:
                self._stuck = names
                for agent, components in stuck.items():
                    for component, seconds in components.items():
                        agent.log.error(
                            "no progress", component=component, seconds=round(seconds, 1)
                        )
                self._tell()
            if interval is not None and not stuck:
                systemd.watchdog()

    # Beginning and end

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def _serve_probes(self) -> None:
        """Open what was asked for: health checks, metrics."""
        if self.config.health is not None:
            self.health = HealthServer()
            for agent in self.agents:
                self.health.set(service(agent.directory), serving=False)
            port = await self.health.start(self.config.health)
            self.log.info("serving health checks", address=self.health.address, port=port)
        if self.config.metrics is not None:
            # Only here: it costs 30 ms at the start, and most agents are not scraped.
            from scout.agent.metrics import MetricsServer  # noqa: PLC0415

            self._metrics = MetricsServer(self.agents, self.lag, self.config.metrics)
            self.log.info("serving metrics", address=self._metrics.address)

    async def _stop(self) -> None:
        """Say goodbye for all, together within `GOODBYE` seconds."""
        await asyncio.gather(*(agent.reporter.leave(GOODBYE) for agent in self.agents))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._telling is not None:
            self._telling.cancel()
        if self.health is not None:
            await self.health.stop()
        if self._metrics is not None:
            self._metrics.close()

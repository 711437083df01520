"""The master, put together: gRPC and HTTP around one `Master`, and what the host is told.

The event loop owns the master. HTTP threads read its published view without a lock; what else
they want to know they ask the loop for.
"""

import asyncio
import gc
import secrets
import time
from collections.abc import Coroutine

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from scout.core.liveness import Liveness
from scout.process import descriptors, listen, log, systemd
from scout.process.bugs import Bugs
from scout.process.clock import boottime
from scout.process.grpc_port import add_port
from scout.process.lag import LagMonitor
from scout.process.signals import stop_event
from scout.process.wsgi import HttpServer
from scout.wire.codec import SERVICE
from scoutmaster.config import Config
from scoutmaster.core.master import Master
from scoutmaster.core.policy import Policy
from scoutmaster.core.refusal import Ending, Status
from scoutmaster.metrics import Metrics
from scoutmaster.reader import MasterReader
from scoutmaster.rpc import OPTIONS, Streams
from scoutmaster.web import App

DRAIN = 0.2
"""Seconds between telling the agents that the master stops serving and ending their streams."""

HTTP_LIMIT = 20.0
"""Seconds without progress of our own HTTP server before it counts as stuck."""


DESCRIPTORS = 50
"""What the master has open beside its connections: its own sockets, pipes and files."""


def run(config: Config) -> int:
    """Run the master until it is told to stop. Returns the exit code; raises `ScoutError`."""
    return asyncio.run(Server(config).live())


class Server:
    """One master with its listeners. Owned by the event loop's thread."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._log = log.get("scoutmaster")
        self._liveness = Liveness()
        self._tasks: list[asyncio.Task[None]] = []
        self._status = ""
        self._servicer = health.aio.HealthServicer()
        policy = Policy(
            interval=config.health_interval,
            timeout=config.health_timeout,
            limit=config.unhealthy_limit,
            settle=config.settle,
            expected=config.expect_clients,
            max_clients=config.max_clients,
            max_files=config.max_files,
        )
        self.master = Master(policy, secrets.randbits(64), time.monotonic(), boottime())
        self._lag = LagMonitor(self._log, lambda now: self.master.looked(now, boottime()))

    async def live(self) -> int:
        """Listen, serve until told to stop, drain. Raises `ScoutError` if it can't listen."""
        config = self._config
        limit = descriptors.raise_limit()
        stop = stop_event()
        bugs = Bugs(self._log)
        desk = MasterReader(self.master, asyncio.get_running_loop())
        metrics = Metrics(desk, self.master.tally, self._lag)
        streams = Streams(self.master, self._log, metrics.applied)
        rpc = grpc.aio.server(options=OPTIONS)
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, rpc)
        rpc.add_generic_rpc_handlers((streams.handler(),))
        where = add_port(rpc, config.grpc, "agents", "--grpc")
        app = App(desk, metrics.text, metrics.requested, self._log)
        http = HttpServer(
            app,
            listen.listen(config.http, "HTTP", "--http"),
            "scoutmaster",
            threads=config.http_threads,
            connections=config.http_connections,
            refused=metrics.refused,
            at_once=app.at_once,
        )
        try:
            await self._set_health(serving=True)
            # What was imported stays: the cyclic collector need not walk over it ever again.
            gc.freeze()
            await rpc.start()
            streams.after()
            self._spawn(self._lag.run())
            self._spawn(self._report(desk))
            self._spawn(self._feed_watchdog(http))
            systemd.ready()
            self._log.info(
                "serving",
                grpc=where,
                http=http.address,
                settle=f"{config.settle:g}s",
            )
            needed = config.max_clients + config.http_connections + DESCRIPTORS
            if limit < needed:
                self._log.warning(
                    "too few descriptors for all connections",
                    limit=limit,
                    needed=needed,
                    hint="raise the hard limit, or lower --max-clients or --http-connections",
                )
            leaving = asyncio.create_task(stop.wait())
            await bugs.first_of(leaving, *self._tasks)
            if bugs.found.done():
                raise bugs.found.result()
            for task in self._tasks:
                if task.done():
                    task.result()  # none of them ends by itself: raise what ended it
            await self._drain(streams, rpc)
        finally:
            for task in self._tasks:
                task.cancel()
            await rpc.stop(None)
            http.close()
        return 0

    async def _drain(self, streams: Streams, rpc: grpc.aio.Server) -> None:
        """Stop serving without losing an agent: they are told, then their streams end."""
        systemd.stopping()
        self._log.info("draining", clients=len(self.master.registry.clients))
        self.master.drain()
        await self._set_health(serving=False)
        streams.after()
        await asyncio.sleep(DRAIN)
        streams.end_all(Ending(Status.UNAVAILABLE, "the master is shutting down"))
        await rpc.stop(DRAIN)

    async def _set_health(self, *, serving: bool) -> None:
        answer = health_pb2.HealthCheckResponse
        status = answer.SERVING if serving else answer.NOT_SERVING
        for service in ("", SERVICE):
            await self._servicer.set(service, status)

    async def _report(self, desk: MasterReader) -> None:
        """Keep `systemctl status` up to date; once a second is enough for a person."""
        while True:
            view = desk.view()
            state = "complete" if view.complete else "not complete"
            status = f"The list is {state}: {view.healthy} healthy, {view.unhealthy} unhealthy"
            if status != self._status:
                self._status = status
                systemd.status(status)
            await asyncio.sleep(1.0)

    async def _feed_watchdog(self, http: HttpServer) -> None:
        """Tell systemd that we live as long as HTTP does. That this runs at all shows that the
        loop does."""
        interval = systemd.watchdog_interval()
        if interval is None:
            await asyncio.Event().wait()
            return
        self._liveness.expect("http", HTTP_LIMIT, time.monotonic())
        while True:
            http.prod()
            await asyncio.sleep(interval / 3)
            self._liveness.beat("http", http.served_at)
            stuck = self._liveness.stuck(time.monotonic())
            if stuck:
                self._log.error("no progress", component="http", seconds=round(stuck["http"], 1))
            else:
                systemd.watchdog()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

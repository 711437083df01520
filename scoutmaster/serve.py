"""The master, put together: gRPC and HTTP around one `Master`, and what the host is told.

The event loop owns the master. HTTP threads read its published view without a lock; what else
they want to know they ask the loop for.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TypeVar

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from scout.core.vitals import Vitals
from scout.process import log, systemd
from scout.process.lag import LagMonitor
from scout.process.signals import stop_event
from scout.wire.codec import SERVICE
from scoutmaster.config import Config
from scoutmaster.core.master import Master, Policy
from scoutmaster.core.refusal import Refused, Status
from scoutmaster.core.view import ClientRow, View
from scoutmaster.metrics import Metrics
from scoutmaster.rpc import OPTIONS, Streams, bind
from scoutmaster.web import App, serve_http

T = TypeVar("T")

ASK_LIMIT = 2.0
"""Seconds that an HTTP request waits for the event loop."""

DRAIN = 0.2
"""Seconds between telling the agents that the master stops serving and ending their streams."""


def run(config: Config) -> int:
    """Run the master until it is told to stop. Returns the exit code; raises `ScoutError`."""
    return asyncio.run(Server(config).live())


class Server:
    """One master with its listeners. Owned by the event loop's thread, but for `Desk`."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._log = log.get("scoutmaster")
        self._lag = LagMonitor(self._log)
        self._vitals = Vitals()
        policy = Policy(
            interval=config.health_interval,
            timeout=config.health_timeout,
            limit=config.unhealthy_limit,
            settle=config.settle,
            expected=config.expect_clients,
            max_clients=config.max_clients,
            max_files=config.max_files,
        )
        self.master = Master(policy, secrets.randbits(64), time.monotonic())

    async def live(self) -> int:
        """Listen, serve, drain. Raises `ScoutError` if a listener can't be opened."""
        stop = stop_event()
        loop = asyncio.get_running_loop()
        desk = Desk(self.master, self._lag, loop)
        metrics = Metrics(desk, self.master.tally, self._lag)
        streams = Streams(self.master, self._log, metrics.applied)
        server = grpc.aio.server(options=OPTIONS)
        servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        server.add_generic_rpc_handlers((streams.handler(),))
        port = bind(server, str(self._config.grpc))
        web = serve_http(
            App(desk, metrics.registry),
            self._config.http,
            threads=self._config.http_threads,
            connections=self._config.http_connections,
        )
        await server.start()
        streams.after()
        return 0

"""Health checks by real gRPC: asking the master, answering probes."""

import asyncio
import os
import time
from pathlib import Path

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from scout.agent import inspect
from scout.agent.config import read
from scout.agent.health import NOT_SERVING, SERVING, HealthServer, check_master
from scout.agent.host import Host
from scout.errors import AddressInUse
from scout.process.values import Address

ANY = Address("127.0.0.1", 0)

LIMIT = 30.0
"""Seconds that an answer may take to change. It bounds a failure, nothing else."""


def test_a_proxy_in_the_environment_does_not_come_between_agent_and_master(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ask() -> None:
        server = HealthServer()
        port = await server.start(ANY)
        await server._servicer.set("scout.v1.ScoutMaster", 1)
        try:
            await check_master(f"127.0.0.1:{port}", 5.0)
        finally:
            await server.stop()

    for name in ("http_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "no_grpc_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    asyncio.run(ask())


def test_two_agents_do_not_share_an_address_for_probes() -> None:
    async def serve() -> None:
        first, second = HealthServer(), HealthServer()
        port = await first.start(ANY)
        try:
            with pytest.raises(AddressInUse):
                await second.start(Address("127.0.0.1", port))
        finally:
            await first.stop()
            await second.stop()

    asyncio.run(serve())


def test_an_agent_that_makes_no_progress_is_not_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same signs as the watchdog's; that it has no master yet does not matter."""

    async def look() -> None:
        _, settings = read(["--directory", str(tmp_path)], {})
        assert settings
        host = Host(settings, [inspect.look(os.fsencode(tmp_path))])
        host.health = HealthServer()
        port = await host.health.start(ANY)
        looking = asyncio.create_task(host._feed_watchdog())
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            check = health_pb2_grpc.HealthStub(channel).Check

            async def answers(service: str, status: int) -> None:
                request = health_pb2.HealthCheckRequest(service=service)
                async with asyncio.timeout(LIMIT):
                    while (await check(request)).status != status:
                        pass

            await answers("liveness", SERVING)
            await answers("", NOT_SERVING)
            host.agents[0].liveness.expect("component", 0.0, time.monotonic())
            await answers("liveness", NOT_SERVING)
            host.agents[0].liveness.excuse("component")
            await answers("liveness", SERVING)
        looking.cancel()
        await host.health.stop()

    monkeypatch.setenv("WATCHDOG_USEC", "30000")
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    asyncio.run(look())

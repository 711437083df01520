"""Health checks by real gRPC: asking the master, answering probes."""

import asyncio

import pytest

from scout.errors import AddressInUse
from scout.health import HealthServer, check_master


def test_a_proxy_in_the_environment_does_not_come_between_agent_and_master(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ask() -> None:
        server = HealthServer()
        port = await server.start("127.0.0.1:0")
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
        port = await first.start("127.0.0.1:0")
        try:
            with pytest.raises(AddressInUse):
                await second.start(f"127.0.0.1:{port}")
        finally:
            await first.stop()
            await second.stop()

    asyncio.run(serve())

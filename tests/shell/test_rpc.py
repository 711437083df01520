"""The gRPC shell of the master, in this process, over a real socket."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest

from scout.process import log
from scout.wire import codec
from scoutmaster.core.master import Master
from scoutmaster.core.policy import Policy
from scoutmaster.rpc import Streams


@asynccontextmanager
async def listening(
    greeting: float, policy: Policy | None = None
) -> AsyncIterator[tuple[Streams, str]]:
    """A master's streams on a free port, and their address."""
    master = Master(policy or Policy(), epoch=1, now=time.monotonic())
    streams = Streams(master, log.get("test.rpc"), lambda _: None, greeting=greeting)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((streams.handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield streams, f"127.0.0.1:{port}"
    await server.stop(None)


@asynccontextmanager
async def serving(
    greeting: float, policy: Policy | None = None
) -> AsyncIterator[tuple[Streams, grpc.aio.Channel]]:
    """The same, and a channel to them."""
    async with (
        listening(greeting, policy) as (streams, address),
        grpc.aio.insecure_channel(address) as channel,
    ):
        yield streams, channel


async def test_a_stream_that_never_speaks_is_ended() -> None:
    """Nobody may hold a stream open without registering."""
    async with serving(greeting=0.05) as (_, channel):
        call = channel.stream_stream(codec.REPORT)()  # type: ignore[call-arg]  # all have defaults
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "no registration" in str(caught.value.details())

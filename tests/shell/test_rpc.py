"""The gRPC shell of the master, in this process, over a real socket."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import grpc
import grpc.aio
import pytest

from scout.core.messages import (
    Ack,
    AgentMessage,
    Changes,
    MasterMessage,
    Part,
    Register,
    Registered,
)
from scout.core.names import MASK, digest
from scout.process import log
from scout.wire import codec
from scoutmaster.core.master import Master
from scoutmaster.core.policy import Policy
from scoutmaster.rpc import Streams

LIMIT = 30.0
"""Seconds that anything may take. It bounds a failure, nothing else."""


@asynccontextmanager
async def serving(greeting: float) -> AsyncIterator[tuple[Streams, grpc.aio.Channel]]:
    """A master's streams on a free port, and a channel to them."""
    master = Master(Policy(), epoch=1, now=time.monotonic())
    streams = Streams(master, log.get("test.rpc"), lambda _: None, greeting=greeting)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((streams.handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield streams, channel
    await server.stop(None)


async def test_a_stream_that_never_speaks_is_ended() -> None:
    """Nobody may hold a stream open without registering."""
    async with serving(greeting=0.05) as (_, channel):
        call = channel.stream_stream(codec.REPORT)()  # type: ignore[call-arg]  # all have defaults
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "no registration" in str(caught.value.details())


async def test_who_stops_speaking_right_after_a_change_still_hears_that_it_was_taken() -> None:
    """The Ack of a small delta may wait a moment; it is not lost with the stream."""
    names = [b"a"]
    half = digest(names)
    said: list[AgentMessage] = [
        Register("h", b"/d", 1, 0, "1"),
        Changes(Part.ONLY, 1, names, [], 1, half),
        Changes(Part.DELTA, 2, [b"b"], [], 2, (half + digest([b"b"])) & MASK),
    ]
    heard: list[MasterMessage] = []
    async with serving(greeting=LIMIT) as (_, channel), asyncio.timeout(LIMIT):
        call = channel.stream_stream(codec.REPORT)()  # type: ignore[call-arg]  # all have defaults
        for message in said:
            await call.write(codec.encode_agent(message))
            if message is not said[-1]:
                heard.append(codec.decode_master(cast(bytes, await call.read())))
        await call.done_writing()
        while (data := await call.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]
            heard.append(codec.decode_master(cast(bytes, data)))
    assert isinstance(heard[0], Registered)
    assert heard[1:] == [Ack(1), Ack(2)]

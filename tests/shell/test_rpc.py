"""The gRPC shell of the master, in this process, over a real socket."""

import asyncio
import logging
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
from scout.process.clock import boottime
from scout.wire import codec
from scoutmaster.core.master import Master
from scoutmaster.core.policy import Policy
from scoutmaster.rpc import Streams

LIMIT = 30.0
"""Seconds that anything may take. It bounds a failure, nothing else."""


@asynccontextmanager
async def listening(
    greeting: float, policy: Policy | None = None
) -> AsyncIterator[tuple[Streams, str]]:
    """A master's streams on a free port, and their address."""
    master = Master(policy or Policy(), epoch=1, now=time.monotonic(), boot=boottime())
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


async def told(call: grpc.aio.StreamStreamCall[bytes, bytes], host: str) -> MasterMessage:
    """The master's first word to an agent of that host."""
    await call.write(codec.encode_agent(Register(host, b"/d", 1, 0, "1")))
    return codec.decode_master(cast(bytes, await call.read()))


@pytest.mark.parametrize("where", ["listening", "speaking"])
async def test_a_bug_in_one_stream_ends_that_stream_alone_and_is_logged(
    where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    decode, encode = codec.decode_agent, codec.encode_master

    def buggy_decode(data: bytes) -> object:
        message = decode(data)
        if where == "listening" and isinstance(message, Changes):
            raise ZeroDivisionError("a bug")
        return message

    def buggy_encode(message: MasterMessage) -> bytes:
        if where == "speaking" and not isinstance(message, Registered):
            raise ZeroDivisionError("a bug")
        return encode(message)

    monkeypatch.setattr(codec, "decode_agent", buggy_decode)
    async with serving(greeting=30.0) as (_, channel):
        other = channel.stream_stream(codec.REPORT)()  # type: ignore[call-arg]  # all have defaults
        call = channel.stream_stream(codec.REPORT)()  # type: ignore[call-arg]  # all have defaults
        assert isinstance(await told(other, "other"), Registered)
        assert isinstance(await told(call, "one"), Registered)
        monkeypatch.setattr(codec, "encode_master", buggy_encode)
        with caplog.at_level(logging.ERROR):
            await call.write(codec.encode_agent(Changes(Part.ONLY, 1, [], [], 0, 0)))
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call.read()
        assert caught.value.code() is grpc.StatusCode.INTERNAL
        assert "bug in the master" in str(caught.value.details())
        [record] = [it for it in caplog.records if it.exc_info]
        assert "ZeroDivisionError" in str(record.exc_info)
        assert not other.done()

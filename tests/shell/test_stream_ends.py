"""What is left of a stream that has ended: nothing, and not only once the collector has run.

A master takes the names that it holds from the cyclic collector's sight, and with them whatever
else there is at that moment. What is garbage by a circle later on would then stay for good.
"""

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

import grpc
import grpc.aio
import pytest

from scout.agent.core.inventory import Inventory
from scout.agent.core.session import Session
from scout.agent.report import Reporter
from scout.core.liveness import Liveness
from scout.core.messages import Deregister, Part
from scout.process import log
from scoutmaster.core.policy import Policy
from tests.e2e.streams import RawStream, snapshot
from tests.shell.test_rpc import listening, serving

KINDS = {
    "RPCState",
    "_ServicerContext",
    "AbortError",
    "CancelledError",
    "Session",
    "Refused",
    "_Stream",
    "_Incoming",
    "frame",
}
"""What a stream consists of, as the collector knows it: ours and gRPC's."""

MANY = 10


def alive() -> Counter[str]:
    """How many objects of each kind there are."""
    return Counter(name for it in gc.get_objects() if (name := type(it).__name__) in KINDS)


Story = Callable[[grpc.aio.Channel, int], Awaitable[None]]


async def malformed(channel: grpc.aio.Channel, _: int) -> None:
    stream = RawStream(channel)
    await stream.send(b"\xff")
    await stream.status()


async def never_registered(channel: grpc.aio.Channel, _: int) -> None:
    await RawStream(channel).status()


async def too_large(channel: grpc.aio.Channel, number: int) -> None:
    stream = await RawStream(channel).greet(f"{number}")
    await stream.send(snapshot(*(b"%d" % it for it in range(9)), part=Part.FIRST))
    await stream.status()


async def replaced(channel: grpc.aio.Channel, number: int) -> None:
    old = await RawStream(channel).greet(f"{number}")
    await old.send(snapshot(b"a", part=Part.FIRST))
    await RawStream(channel).greet(f"{number}")
    await old.status()


async def silent(channel: grpc.aio.Channel, number: int) -> None:
    stream = await RawStream(channel).greet(f"{number}")
    await stream.send(snapshot(b"a", part=Part.FIRST))
    await stream.status()


async def cancelled(channel: grpc.aio.Channel, number: int) -> None:
    stream = await RawStream(channel).greet(f"{number}")
    await stream.send(snapshot(b"a", part=Part.FIRST))
    stream.call.cancel()


async def goodbye(channel: grpc.aio.Channel, number: int) -> None:
    stream = await RawStream(channel).greet(f"{number}")
    await stream.send(Deregister())
    await stream.status()


@pytest.mark.parametrize(
    "story", [malformed, never_registered, too_large, replaced, silent, cancelled, goodbye]
)
async def test_a_stream_that_has_ended_leaves_no_garbage_in_circles(story: Story) -> None:
    policy = Policy(settle=0.0, max_files=5, interval=0.2, timeout=0.1, limit=1)
    async with serving(greeting=0.2, policy=policy) as (streams, channel):

        async def run(numbers: range) -> None:
            await asyncio.gather(*(story(channel, number) for number in numbers))
            while streams.open:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)  # gRPC's own tasks end after ours

        await run(range(MANY))
        gc.collect()
        gc.disable()
        try:
            before = alive()
            await run(range(MANY, 2 * MANY))
            left = alive() - before
        finally:
            gc.enable()
    assert {kind: count for kind, count in left.items() if count >= MANY} == {}


async def test_an_attempt_of_an_agent_that_is_over_leaves_no_garbage_in_circles() -> None:
    """Its call would keep the connection open, here and at the master, for as long as the collector
    has nothing to do: in a quiet program for hours."""
    inventory = Inventory()
    for number in range(9):
        inventory.settle(b"%d" % number, True)
    policy = Policy(settle=0.0, max_files=5)
    async with listening(greeting=5.0, policy=policy) as (_, address):
        session = Session("h", b"/d", 1, "1", inventory)
        session.vouch()
        agent = Reporter(address, session, Liveness(), log.get("test"), Random(1), lambda: None)
        assert (await agent.attempt()).refused
        gc.collect()
        gc.disable()
        try:
            before = calls()
            for _ in range(MANY):
                assert (await agent.attempt()).refused
            await asyncio.sleep(0.1)
            left = calls() - before
        finally:
            gc.enable()
    assert left < MANY


def calls() -> int:
    """How many of gRPC's calls and channels there are."""
    kinds = {"StreamStreamCall", "Channel", "AioChannel", "_AioCall", "AioRpcError"}
    return sum(type(it).__name__ in kinds for it in gc.get_objects())

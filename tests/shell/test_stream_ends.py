"""What is left of a stream that has ended: nothing, and not only once the collector has run.

A master takes the names that it holds from the cyclic collector's sight, and with them whatever
else there is at that moment. What is garbage by a circle later on would then stay for good.
"""

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable

import grpc
import grpc.aio
import pytest

from scout.core.messages import Deregister, Part
from scoutmaster.core.policy import Policy
from tests.e2e.streams import RawStream, snapshot
from tests.shell.test_rpc import serving

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

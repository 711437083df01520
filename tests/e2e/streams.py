"""Raw streams to a real master, for tests of what an agent of ours would never send."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import cast

import grpc
import grpc.aio

from scout.core.messages import (
    Ack,
    AgentMessage,
    Changes,
    Health,
    MasterMessage,
    Part,
    Register,
    Registered,
)
from scout.core.names import digest
from scout.wire import codec
from tests.e2e.processes import MasterProgram, Stage, wait_until

EOF: object = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs lack it

Call = grpc.aio.StreamStreamCall[bytes, bytes]


def register(host: str = "hostile", epoch: int = 7, directory: bytes = b"/d") -> Register:
    """A fine registration, unless told otherwise."""
    return Register(host, directory, epoch, 0, "1.0")


def snapshot(
    *names: bytes, part: Part = Part.ONLY, sequence: int = 1, whole: Sequence[bytes] | None = None
) -> Changes:
    """A snapshot of `names`, or a part of one of `whole`."""
    total = names if whole is None else whole
    return Changes(part, sequence, names, (), len(total), digest(total))


def vouch(sequence: int, *names: bytes) -> Health:
    """A healthy agent's word."""
    return Health(True, "", sequence, len(names), digest(names))


class RawStream:
    """One stream on which anything may be sent."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.call: Call = channel.stream_stream(codec.REPORT)()  # type: ignore[call-arg]  # all have defaults

    async def send(self, *messages: AgentMessage | bytes) -> None:
        """Send messages, or raw bytes. A stream that has ended meanwhile is no error here."""
        for it in messages:
            data = it if isinstance(it, bytes) else codec.encode_agent(it)
            try:
                await self.call.write(data)
            except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
                return

    async def hear(self) -> MasterMessage:
        """The next message of the master."""
        return codec.decode_master(cast(bytes, await self.call.read()))

    async def hear_until(self, kind: type[MasterMessage]) -> MasterMessage:
        """The next message of that kind; others are passed over."""
        while not isinstance(message := await self.hear(), kind):
            pass
        return message

    async def greet(self, host: str = "hostile", epoch: int = 7) -> "RawStream":
        """Register, and be welcome."""
        await self.send(register(host, epoch))
        assert isinstance(await self.hear(), Registered)
        return self

    async def serve(self, *names: bytes) -> "RawStream":
        """Send a snapshot and vouch for it."""
        await self.send(snapshot(*names), vouch(1, *names))
        assert await self.hear_until(Ack) == Ack(1)
        return self

    async def status(self) -> tuple[grpc.StatusCode, str]:
        """How the stream ends, whatever is still said before."""
        with contextlib.suppress(grpc.aio.AioRpcError):
            while await self.call.read() is not EOF:
                pass
        return await self.call.code(), await self.call.details()


@contextlib.asynccontextmanager
async def channel_to(master: MasterProgram) -> AsyncIterator[grpc.aio.Channel]:
    """A connection of its own."""
    options = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1))
    async with grpc.aio.insecure_channel(master.address, options=options) as channel:
        yield channel


class Neighbour:
    """A healthy agent, and somebody who asks for the list all the time."""

    def __init__(self, stage: Stage, directory: Path, *options: str) -> None:
        (directory / "neighbour").touch()
        self.master = stage.master(*options)
        self.agent = stage.agent(directory, self.master, "--host=neighbour")
        wait_until(lambda: self.master.names() == ["neighbour"])
        self.looks = 0
        self.missed: list[object] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._end.is_set():
            answer = self.master.files()
            if {"filename": "neighbour"} not in answer["files"]:
                self.missed.append(answer)
            self.looks += 1

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[MasterProgram]:
        """Nothing in this block may cost the neighbour its place in the list."""
        self._thread.start()
        try:
            yield self.master
            seen = self.looks
            wait_until(lambda: self.looks > seen)
        finally:
            self._end.set()
            self._thread.join()
        assert self.missed == []
        assert self.agent.process.poll() is None
        assert "lost the master" not in self.agent.log
        assert "Traceback" not in self.master.log
        wait_until(
            lambda: (
                self.master.metric("scoutmaster_deregistrations_total")
                == sum("client deregistered" in line for line in list(self.master.lines))
            )
        )
        assert not [
            line
            for line in self.master.lines
            if "host=neighbour" in line and ("unhealthy" in line or "deregistered" in line)
        ]

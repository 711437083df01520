"""Agents that are broken, old, or malicious: their own stream ends, and nobody else notices."""

import asyncio
from pathlib import Path

import grpc
import pytest

from scout.agent.report import WRITE_FAILED
from scout.core.checkpoint import PART
from scout.core.messages import Ack, AgentMessage, Changes, Deregister, Part, Register, Resync
from scout.core.names import digest
from scoutmaster.rpc import MESSAGE_LIMIT
from tests.e2e.processes import MasterProgram, Stage, wait_until
from tests.e2e.streams import Neighbour, RawStream, channel_to, register, snapshot, vouch

Code = grpc.StatusCode


@pytest.fixture
def neighbour(stage: Stage, tmp_path: Path) -> Neighbour:
    """A healthy agent whose files must stay listed."""
    return Neighbour(stage, tmp_path)


FIRST_WORDS: dict[str, tuple[AgentMessage | bytes, Code, str]] = {
    "garbage": (b"\xff" * 100, Code.INVALID_ARGUMENT, "version"),
    "http": (b"GET / HTTP/1.1\r\n\r\n", Code.INVALID_ARGUMENT, "version"),
    "nothing": (b"", Code.INVALID_ARGUMENT, "version"),
    "unknown kind": (b"\xfa\x01\x00", Code.INVALID_ARGUMENT, "version"),
    "unknown part": (b"\x12\x02\x08\x63", Code.INVALID_ARGUMENT, "part"),
    "changes": (snapshot(b"a"), Code.INVALID_ARGUMENT, "begins with Register"),
    "health": (vouch(0), Code.INVALID_ARGUMENT, "begins with Register"),
    "goodbye": (Deregister(), Code.INVALID_ARGUMENT, "begins with Register"),
    "no host": (register(""), Code.INVALID_ARGUMENT, "--host"),
    "long host": (register("h" * 256), Code.INVALID_ARGUMENT, "--host"),
    "host with a newline": (register("a\nb"), Code.INVALID_ARGUMENT, "--host"),
    "relative": (register(directory=b"d"), Code.INVALID_ARGUMENT, "absolute"),
    "no directory": (register(directory=b""), Code.INVALID_ARGUMENT, "absolute"),
    "directory with NUL": (register(directory=b"/\0"), Code.INVALID_ARGUMENT, "absolute"),
    "long directory": (register(directory=b"/" * 5000), Code.INVALID_ARGUMENT, "4,096"),
    "long version": (Register("h", b"/d", 1, 0, "v" * 65), Code.INVALID_ARGUMENT, "version"),
}


async def test_first_words_that_are_none(neighbour: Neighbour) -> None:
    """Each ends its stream with a status and a sentence for the operator; nothing is registered."""
    with neighbour.undisturbed() as master:
        async with channel_to(master) as channel:
            for what, (message, code, says) in FIRST_WORDS.items():
                stream = RawStream(channel)
                await stream.send(message)
                found, details = await stream.status()
                assert (found, says in details) == (code, True), (what, details)
        assert [row["host"] for row in master.clients()] == ["neighbour"]
        refused = master.metric("scoutmaster_refusals_total")
        assert refused == len(FIRST_WORDS)


DELTA = Changes(Part.DELTA, 2, (b"b",), (), 2, digest([b"a", b"b"]))

LATER_WORDS: dict[str, list[AgentMessage | bytes]] = {
    "register again": [register()],
    "register for another": [register("another")],
    "garbage": [b"\xff" * 100],
    "name with a slash": [Changes(Part.DELTA, 2, (b"a/b",), (), 2, 0)],
    "name with NUL": [Changes(Part.DELTA, 2, (b"a\0b",), (), 2, 0)],
    "name of 4,096 bytes": [Changes(Part.DELTA, 2, (b"x" * 4096,), (), 2, 0)],
    "empty name": [Changes(Part.DELTA, 2, (b"",), (), 2, 0)],
    "dot": [Changes(Part.DELTA, 2, (b".",), (), 2, 0)],
    "dot dot": [Changes(Part.DELTA, 2, (), (b"..",), 2, 0)],
    "descending": [snapshot(b"b", b"a", sequence=2)],
    "twice": [snapshot(b"a", b"a", sequence=2)],
    "descending across parts": [
        snapshot(b"b", part=Part.FIRST, sequence=2),
        snapshot(b"a", part=Part.LAST, sequence=2, whole=(b"a", b"b")),
    ],
    "middle of nothing": [snapshot(b"b", part=Part.MIDDLE, sequence=2)],
    "delta in a snapshot": [snapshot(b"b", part=Part.FIRST, sequence=2), DELTA],
}


async def test_later_words_that_are_none(neighbour: Neighbour) -> None:
    """The stream ends; what the agent had sent before is not shown on, nor is it mixed with what
    was wrong; and it may come back."""
    with neighbour.undisturbed() as master:
        async with channel_to(master) as channel:
            for what, messages in LATER_WORDS.items():
                stream = await RawStream(channel).greet()
                await stream.serve(b"a")
                await stream.send(*messages)
                code, details = await stream.status()
                assert code is Code.INVALID_ARGUMENT, (what, details)
                assert details, what
                assert master.names() == ["neighbour"], what
            again = await RawStream(channel).greet()
            await again.serve(b"z")
            wait_until(lambda: master.names() == ["neighbour", "z"])


async def test_a_goodbye_is_the_last_word(neighbour: Neighbour) -> None:
    """The stream ends in peace; what is said after it counts for nothing."""
    with neighbour.undisturbed() as master:
        async with channel_to(master) as channel:
            stream = await RawStream(channel).greet()
            await stream.serve(b"a")
            await stream.send(Deregister(), register("another"), snapshot(b"b"))
            # gRPC's client takes a write of its own that meets the end for a fault of the stream.
            assert await stream.status() in ((Code.OK, ""), WRITE_FAILED)
            assert [row["host"] for row in master.clients()] == ["neighbour"]
        assert "stream ended" not in master.log


async def test_the_largest_part_of_a_snapshot_is_taken(neighbour: Neighbour) -> None:
    """As many names as there may be, and as many bytes of names."""
    names = [b"%0256d" % number for number in range(PART)]
    with neighbour.undisturbed() as master:
        async with channel_to(master) as channel:
            stream = await RawStream(channel).greet()
            await stream.serve(*names)
            wait_until(lambda: len(master.names()) == PART + 1)


async def test_a_message_above_the_limit(neighbour: Neighbour) -> None:
    """No more than that is read at once: RESOURCE_EXHAUSTED, and the claim is free soon."""
    with neighbour.undisturbed() as master:
        async with channel_to(master) as channel:
            stream = await RawStream(channel).greet()
            await stream.send(b"\x00" * (MESSAGE_LIMIT + 1))
            code, details = await stream.status()
            assert code is Code.RESOURCE_EXHAUSTED
            assert str(MESSAGE_LIMIT) in details
            wait_until(lambda: master.clients()[0]["reason"] == "the connection broke")


async def test_more_files_than_the_limit(stage: Stage, tmp_path: Path) -> None:
    """Refused by count while the snapshot arrives; the option is named."""
    neighbour = Neighbour(stage, tmp_path, "--max-files=10")
    with neighbour.undisturbed() as master:
        async with channel_to(master) as channel:
            stream = await RawStream(channel).greet()
            await stream.send(snapshot(*(b"%02d" % number for number in range(11))))
            code, details = await stream.status()
            assert code is Code.RESOURCE_EXHAUSTED
            assert "--max-files" in details


async def test_an_agent_above_the_limit_is_told_which_option_helps(
    stage: Stage, tmp_path: Path
) -> None:
    """Although it is in the midst of a snapshot, which gRPC's own error would hide; and it does
    not bother the master with the same snapshot again and again."""
    for number in range(60_000):
        (tmp_path / f"{number}").touch()
    master = stage.master("--max-files=20000")
    agent = stage.agent(tmp_path, master)
    line = agent.wait_for_line("the master refused the registration.*")[0]
    assert "RESOURCE_EXHAUSTED" in line
    assert "--max-files" in line
    wait_until(lambda: master.log.count("stream ended") >= 3)
    assert "INTERNAL" not in agent.log
    assert agent.process.poll() is None


async def test_more_clients_than_the_limit(stage: Stage, tmp_path: Path) -> None:
    neighbour = Neighbour(stage, tmp_path, "--max-clients=2")
    with neighbour.undisturbed() as master:
        async with channel_to(master) as channel:
            await RawStream(channel).greet("second")
            third = RawStream(channel)
            await third.send(register("third"))
            code, details = await third.status()
            assert code is Code.RESOURCE_EXHAUSTED
            assert "--max-clients" in details


async def test_a_claim_that_another_holds(neighbour: Neighbour) -> None:
    """Neither taken over nor deregistered by who does not hold it."""
    with neighbour.undisturbed() as master:
        [row] = master.clients()
        async with channel_to(master) as channel:
            for _ in range(50):
                thief = RawStream(channel)
                await thief.send(
                    register("neighbour", 1, row["directory"].encode()), snapshot(), Deregister()
                )
                code, details = await thief.status()
                assert code is Code.ALREADY_EXISTS
                assert row["peer"] in details
                assert "--host" in details


async def test_a_delta_out_of_order_asks_for_a_snapshot(neighbour: Neighbour) -> None:
    """No error: the stream goes on. What is known to be stale is not listed until it is mended."""
    with neighbour.undisturbed() as master:
        async with channel_to(master) as channel:
            stream = await RawStream(channel).greet()
            await stream.serve(b"a")
            await stream.send(Changes(Part.DELTA, 9, (b"b",), (), 2, digest([b"a", b"b"])))
            assert isinstance(await stream.hear_until(Resync), Resync)
            assert master.names() == ["neighbour"]
            await stream.send(snapshot(b"a", b"b", sequence=10))
            assert await stream.hear_until(Ack) == Ack(10)
            assert master.names() == ["a", "b", "neighbour"]


async def test_an_agent_that_never_reads(neighbour: Neighbour) -> None:
    """It is ended when what it is owed piles up; its claim is given up, and what it had said
    before costs nobody anything."""
    with neighbour.undisturbed() as master:
        async with channel_to(master) as channel:
            stream = RawStream(channel)
            await stream.send(register(), snapshot(), vouch(1))
            sequence = 1
            while not stream.call.done() and "does not read" not in master.log:
                sequence += 1
                await stream.send(Changes(Part.DELTA, sequence, (), (), 0, 0))
            wait_until(lambda: "does not read" in master.clients()[0]["reason"])
            # Its own status may be hidden from who goes on writing, so the log is asked.
            master.wait_for_line("status=RESOURCE_EXHAUSTED .*does not read")


async def test_an_agent_that_is_silent(stage: Stage, tmp_path: Path) -> None:
    """Registered, and silent ever after: it is given up, and told so."""
    neighbour = Neighbour(
        stage, tmp_path, "--health-interval=4s", "--health-timeout=3s", "--unhealthy-limit=1"
    )
    with neighbour.undisturbed() as master:
        async with channel_to(master) as channel:
            stream = await RawStream(channel).greet()
            code, details = await stream.status()
            assert code is Code.ABORTED
            assert "not a word for 7.0 s" in details
            assert [row["host"] for row in master.clients()] == ["neighbour"]


async def test_streams_that_never_say_a_word(neighbour: Neighbour) -> None:
    """They are no clients, and are ended after a while."""
    with neighbour.undisturbed() as master:
        async with channel_to(master) as channel:
            streams = [RawStream(channel) for _ in range(10)]
            assert master.files()["clients"] == {"healthy": 1, "unhealthy": 0}
            for stream in streams:
                code, details = await stream.status()
                assert code is Code.DEADLINE_EXCEEDED
                assert "no registration" in details


async def drop(master: MasterProgram, worker: int, count: int) -> None:
    """Open streams on one connection after the other, and leave them in any state."""
    for number in range(0, count, 10):
        async with channel_to(master) as channel:
            for place in range(10):
                stream = RawStream(channel)
                host = f"{worker}-{number + place}"
                if place % 5 == 1:
                    await stream.send(register(host))
                elif place % 5 == 2:
                    await stream.greet(host)
                elif place % 5 == 3:
                    await stream.greet(host)
                    await stream.serve(b"from " + host.encode())
                elif place % 5 == 4:
                    await stream.send(register(host), snapshot(b"x", part=Part.FIRST))
                if place % 2:
                    stream.call.cancel()


async def test_thousands_of_streams_opened_and_dropped(stage: Stage, tmp_path: Path) -> None:
    """In any state of the conversation. What they claimed is given up, nothing of them stays in
    the list, in the metrics, or among the open files of the master."""
    neighbour = Neighbour(stage, tmp_path, "--unhealthy-limit=2")
    with neighbour.undisturbed() as master:
        descriptors = Path(f"/proc/{master.pid}/fd")
        before = len(list(descriptors.iterdir()))
        await asyncio.gather(*(drop(master, worker, 500) for worker in range(6)))
        wait_until(lambda: [row["host"] for row in master.clients()] == ["neighbour"], limit=60)
        assert master.files()["complete"] is True
        assert master.names() == ["neighbour"]
        assert master.get("/metrics")[2].count(b"scoutmaster_client_files{") == 1
        wait_until(lambda: len(list(descriptors.iterdir())) <= before + 5)

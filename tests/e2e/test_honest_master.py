"""The master as readers, operators and its host see it while peers misbehave and while it is away
itself: what it says is true, its memory is flat, and its log can be read."""

import asyncio
import contextlib
import signal
import threading
import time
from pathlib import Path

import grpc
import pytest

from scout.core.checkpoint import PART
from scout.core.messages import Deregister, Health, Part, Register
from scout.core.names import digest
from tests.e2e.processes import MasterProgram, Stage, wait_until
from tests.e2e.streams import RawStream, channel_to, register, snapshot, vouch

Code = grpc.StatusCode


def resident(master: MasterProgram) -> int:
    """MiB of memory that the master has in use."""
    status = Path(f"/proc/{master.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def sockets(master: MasterProgram) -> int:
    """How many sockets the master has open."""
    found = 0
    for it in Path(f"/proc/{master.pid}/fd").iterdir():
        try:
            found += it.readlink().name.startswith("socket:")
        except FileNotFoundError:  # closed meanwhile
            continue
    return found


# Memory

RUNS = [[b"%04d-%04d" % (run, it) for it in range(PART)] for run in range(4)]


async def begin(stream: RawStream) -> None:
    """The first parts of a snapshot."""
    await stream.send(snapshot(*RUNS[0], part=Part.FIRST, whole=()))
    await stream.send(*(snapshot(*run, part=Part.MIDDLE, whole=()) for run in RUNS[1:]))


async def refused(channel: grpc.aio.Channel, host: str) -> None:
    """More files than the master takes."""
    stream = await RawStream(channel).greet(host)
    await begin(stream)
    assert (await stream.status())[0] is Code.RESOURCE_EXHAUSTED


async def broken(channel: grpc.aio.Channel, host: str) -> None:
    """The line is cut in the middle of a snapshot."""
    stream = await RawStream(channel).greet(host)
    await begin(stream)
    stream.call.cancel()


async def replaced(channel: grpc.aio.Channel, host: str) -> None:
    """The agent opens a new stream in the middle of a snapshot."""
    old = await RawStream(channel).greet(host)
    await begin(old)
    new = await RawStream(channel).greet(host)
    assert (await old.status())[0] is Code.ABORTED
    await new.send(Deregister())


async def silent(channel: grpc.aio.Channel, host: str) -> None:
    """The agent freezes in the middle of a snapshot, and is given up."""
    stream = await RawStream(channel).greet(host)
    await begin(stream)
    await stream.status()


@pytest.mark.parametrize("end", [refused, broken, replaced, silent])
async def test_hundreds_of_streams_that_end_in_a_snapshot_leave_no_memory_behind(
    stage: Stage, end: object
) -> None:
    """Each held thousands of names, and every few of them the master's collector is told to forget
    what there is: had they stayed, they would make 100 MB and more."""
    assert callable(end)
    soon = ["--health-interval=200ms", "--health-timeout=100ms"] if end is silent else []
    limit = "--max-files=12000" if end is refused else "--max-files=100000"
    master = stage.master(limit, "--unhealthy-limit=1", *soon)

    async def some(worker: int, count: int) -> None:
        async with channel_to(master) as channel:
            for number in range(count):
                await end(channel, f"{worker}-{number}")

    await some(0, 5)
    before = resident(master)
    for _ in range(8):
        await asyncio.gather(*(some(worker, 5) for worker in range(5)))
    wait_until(lambda: master.clients() == [])
    assert resident(master) - before < 25


async def test_a_connection_without_a_stream_is_given_back(stage: Stage) -> None:
    """Its peer may keep it open for ever, and not even know."""
    master = stage.master()
    before = sockets(master)
    channels = [channel_to(master) for _ in range(5)]
    try:
        for it in channels:
            await (await it.__aenter__()).channel_ready()
        assert sockets(master) >= before + 5
        while sockets(master) > before:
            await asyncio.sleep(0.1)
    finally:
        for it in channels:
            await it.__aexit__(None, None, None)


# Complete


@pytest.mark.parametrize("seconds", [1.5, 6.0])
def test_the_first_readers_after_a_freeze_of_the_master_are_not_told_that_all_is_well(
    stage: Stage, tmp_path: Path, seconds: float
) -> None:
    """An agent died meanwhile. Its files may still be listed at first, but not as the truth."""
    for name in ("stays", "goes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").touch()
    master = stage.master()
    stage.agent(tmp_path / "stays", master, "--host=stays")
    goes = stage.agent(tmp_path / "goes", master, "--host=goes")
    wait_until(lambda: master.names() == ["goes.txt", "stays.txt"] and master.files()["complete"])
    tag = master.get("/files")[1]["etag"]
    master.send(signal.SIGSTOP)
    # Without a word to the master's kernel, as when its host dies.
    goes.send(signal.SIGSTOP)
    threading.Event().wait(seconds)
    master.send(signal.SIGCONT)
    thawed = time.monotonic()
    status, headers, _ = master.get("/files", headers={"If-None-Match": tag})
    assert (status, headers["etag"] == tag) == (200, False)
    while True:
        answer = master.files()
        listed = [it["filename"] for it in answer["files"]]
        if "goes.txt" not in listed:
            break
        assert answer["complete"] is False
        assert time.monotonic() - thawed < 30.0
    goes.kill()
    wait_until(lambda: master.names() == ["stays.txt"] and master.files()["complete"])


def test_a_freeze_of_the_master_that_hurt_nobody_is_over_at_the_next_word_of_each(
    stage: Stage, tmp_path: Path
) -> None:
    (tmp_path / "a").touch()
    master = stage.master()
    stage.agent(tmp_path, master)
    wait_until(lambda: master.names() == ["a"] and master.files()["complete"])
    tag = master.get("/files")[1]["etag"]
    master.send(signal.SIGSTOP)
    threading.Event().wait(1.5)
    master.send(signal.SIGCONT)
    assert master.files()["complete"] is False
    assert master.metric("scoutmaster_complete") == 0
    wait_until(lambda: master.files()["complete"])
    assert master.metric("scoutmaster_complete") == 1
    assert master.names() == ["a"]
    assert master.get("/files")[1]["etag"] != tag
    assert "deregistered" not in master.log


async def test_a_master_that_stops_says_so_in_its_list_and_in_one_line(stage: Stage) -> None:
    """Agents hold their changes back from then on. A planned stop is nobody's fault."""
    master = stage.master()
    async with channel_to(master) as channel:
        streams = [await RawStream(channel).greet(f"host-{number}") for number in range(10)]
        for number, stream in enumerate(streams):
            await stream.serve(b"%d" % number)
        assert master.files()["complete"] is True
        answers: list[bool] = []
        ended = threading.Event()

        def look() -> None:
            while not ended.is_set():
                try:
                    answers.append(master.files()["complete"])
                except OSError:
                    return

        reader = threading.Thread(target=look)
        reader.start()
        await asyncio.to_thread(master.stop)
        ended.set()
        reader.join()
    assert answers[-1] is False
    assert "level=warning" not in master.log.partition("draining")[2]
    assert len([line for line in master.lines if "draining" in line]) == 1


async def test_an_agent_that_is_behind_is_shown_and_says_so(stage: Stage) -> None:
    master = stage.master()
    async with channel_to(master) as channel:
        stream = await RawStream(channel).greet()
        await stream.serve(b"a")
        wait_until(lambda: master.files()["complete"])
        whole = master.get("/files")[1]["etag"]
        await stream.send(Health(True, "the queue overflowed", 1, 1, digest([b"a"]), True, 0))
        wait_until(lambda: not master.files()["complete"])
        answer = master.files()
        assert answer["files"] == [{"filename": "a"}]
        assert answer["clients"] == {"healthy": 1, "unhealthy": 0, "behind": 1}
        [row] = master.clients()
        assert (row["state"], row["behind"], row["reason"]) == (
            "healthy",
            True,
            "the queue overflowed",
        )
        assert master.metric("scoutmaster_complete") == 0
        assert master.metric("scoutmaster_clients_behind") == 1
        assert master.get("/files", headers={"If-None-Match": whole})[0] == 200
        await stream.send(Health(True, "", 1, 1, digest([b"a"]), False, 0))
        wait_until(lambda: master.files()["complete"])
        assert master.files()["clients"] == {"healthy": 1, "unhealthy": 0}


# Streams of one agent


async def test_an_agent_that_replaces_its_stream_again_and_again_keeps_its_files_and_the_log_calm(
    stage: Stage,
) -> None:
    """A bad line: each stream is cut unseen, and the next one takes over."""
    master = stage.master()
    async with channel_to(master) as channel:
        await (await RawStream(channel).greet()).serve(b"a")
        revision = master.files()["revision"]
        for attempt in range(1, 30):
            stream = RawStream(channel)
            await stream.send(Register("hostile", b"/d", 7, 1, "1.0", attempt=attempt))
            await stream.hear()
            answer = master.files()
            assert (answer["files"], answer["complete"]) == ([{"filename": "a"}], True)
            late = RawStream(channel)
            await late.send(Register("hostile", b"/d", 7, 1, "1.0", attempt=attempt - 1))
            code, details = await late.status()
            assert code is Code.ABORTED
            assert "newer stream" in details
        await stream.send(vouch(1, b"a"))
        assert master.files()["revision"] == revision
    assert "stream ended" not in master.log
    assert len([line for line in master.lines if "host=hostile" in line]) <= 3


# The log, and what people read


async def test_an_agent_that_toggles_its_health_does_not_fill_the_log(stage: Stage) -> None:
    """Nor does it keep another's line out of it; what is not logged is counted."""
    master = stage.master()
    async with channel_to(master) as channel:
        stream = await RawStream(channel).greet("mad")
        await stream.serve(b"a")
        for _ in range(1000):
            await stream.send(Health(False, "x" * 500, 1, 1, digest([b"a"])), vouch(1, b"a"))
        wait_until(
            lambda: master.metric("scoutmaster_transitions_total") > 2000, what="all are counted"
        )
        other = await RawStream(channel).greet("well")
        await other.serve(b"b")
        master.wait_for_line("client healthy.*host=well")
        found = [line for line in master.lines if "host=mad" in line]
        assert len(found) < 30
        assert max(map(len, found)) < 600
        assert re_count(master.lines) >= 1900


def re_count(lines: list[str]) -> int:
    """The sum of what the lines say was held back."""
    return sum(int(it.rsplit("others_not_logged=", 1)[1]) for it in lines if "_logged=" in it)


async def test_long_names_of_directories_cost_the_log_and_the_metrics_little(stage: Stage) -> None:
    master = stage.master("--unhealthy-limit=1")
    async with contextlib.AsyncExitStack() as stack:
        for number in range(50):
            if number % 10 == 0:
                channel = await stack.enter_async_context(channel_to(master))
            stream = RawStream(channel)
            await stream.send(register("h", directory=b"/" + b"\xff" * 4000 + b"%d" % number))
            await stream.hear()
        assert len(master.get("/metrics")[2]) < 100_000
        assert len({row["directory_b64"] for row in master.clients()}) == 50
        wait_until(lambda: master.log.count("client registered") == 50)
        assert len(master.log) < 100_000


async def test_a_claim_with_the_longest_names_is_refused_with_a_status_that_arrives(
    stage: Stage,
) -> None:
    """A status has 8 KiB on its way; percent-encoded, this directory alone would take twelve."""
    master = stage.master()
    directory = b"/" + "é".encode() * 2047
    async with channel_to(master) as channel:
        first = RawStream(channel)
        await first.send(register("ü" * 255, 1, directory))
        await first.hear()
        rival = RawStream(channel)
        await rival.send(register("ü" * 255, 2, directory))
        code, details = await rival.status()
        assert code is Code.ALREADY_EXISTS
        assert "--host" in details


async def test_an_agent_above_the_limit_is_listed_with_what_it_has_to_do(stage: Stage) -> None:
    master = stage.master("--max-files=5")
    async with channel_to(master) as channel:
        stream = await RawStream(channel).greet()
        await stream.send(snapshot(*(b"%d" % it for it in range(9))))
        await stream.status()
        wait_until(lambda: "--max-files" in master.clients()[0]["reason"])


async def test_names_as_long_as_the_kernel_allows_are_listed(stage: Stage) -> None:
    master = stage.master()
    names = [b"%04d" % it + b"x" * 4091 for it in range(200)]
    async with channel_to(master) as channel:
        stream = await RawStream(channel).greet()
        await stream.serve(*names)
        wait_until(lambda: len(master.names()) == len(names))
        assert master.names()[7].encode() == names[7]

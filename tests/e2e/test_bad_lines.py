"""Both programs over lines that are slow, long, or deep."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.line import AGENT, MASTER, Line, Way
from tests.e2e.processes import Program, Stage, wait_until


class BufferingProxy:
    """A TCP proxy on the loopback that takes what comes into its buffer and passes on `rate` bytes
    a second: as a tunnel, a modem with a cache, or a relay does."""

    def __init__(self, port: int, rate: float, buffer: int) -> None:
        self._target, self._rate, self._buffer = port, rate, buffer
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(30.0)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._work.cancel)
        self._thread.join(30.0)

    def _run(self) -> None:
        self._work = self._loop.create_task(self._serve())
        try:
            self._loop.run_until_complete(self._work)
        except asyncio.CancelledError:
            pass
        finally:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0, limit=self._buffer // 2)
        self.port: int = server.sockets[0].getsockname()[1]
        self._ready.set()
        await asyncio.Event().wait()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, forth))
                group.create_task(self._pass(back, writer))
        except* (ConnectionError, OSError):
            pass
        finally:
            forth.close()
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1400):
            await asyncio.sleep(len(data) / self._rate)
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError


def fill(directory: Path, count: int, length: int, prefix: str = "name") -> None:
    for number in range(count):
        (directory / f"{prefix}-{number:06d}-".ljust(length, "x")).touch()


def test_a_slow_buffering_uplink_brings_the_snapshot_at_the_first_attempt(
    stage: Stage, tmp_path: Path
) -> None:
    """Where its buffers are full the kernel sees no progress for seconds, and ended the stream: the
    snapshot began anew for ever."""
    fill(tmp_path, 10_000, 60)
    master = stage.master()
    proxy = BufferingProxy(master.grpc, rate=32_000, buffer=128_000)
    try:
        agent = stage.agent(tmp_path, f"127.0.0.1:{proxy.port}")
        wait_until(lambda: len(master.files()["files"]) == 10_000, limit=90.0)
        assert master.files()["complete"]
        assert "lost the master" not in agent.log
        assert "unhealthy" not in master.log
    finally:
        proxy.close()


class Pair:
    """Both programs at the two ends of a line."""

    def __init__(self, stage: Stage, line: Line, directory: Path) -> None:
        self.line = line
        self.master = Program(
            ["scoutmaster", "--settle=0s", f"--grpc={MASTER}:3000", "--http=127.0.0.1:3001"],
            prefix=line.inside(line.here),
        )
        stage.programs.append(self.master)
        self.master.wait_for_line("serving")
        self.agent = stage.agent(
            directory,
            f"{MASTER}:3000",
            "--start-timeout=30s",
            prefix=line.inside(line.there),
        )

    def count(self) -> str:
        """`healthy files` of the list."""
        script = (
            "import json, urllib.request as u;"
            "it = json.load(u.urlopen('http://127.0.0.1:3001/files'));"
            "print(it['complete'], len(it['files']))"
        )
        words = [*self.line.inside(self.line.here), sys.executable, "-c", script]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def line() -> Iterator[Line]:
    """A line, as good as new; skipped only where it can't be had."""
    it = Line(Way(), Way())
    try:
        it.build()
    except (OSError, subprocess.CalledProcessError) as error:
        it.remove()
        pytest.skip(f"network namespaces with TUN devices are not permitted here: {error}")
    yield it
    it.remove()


def test_a_burst_over_64_kbit_never_makes_the_client_flap(
    stage: Stage, tmp_path: Path, line: Line
) -> None:
    """Its heartbeats queued behind its own data."""
    for way in (line.up, line.down):
        way.rate, way.delay, way.buffer = 64e3, 0.02, 128_000
    fill(tmp_path, 10, 20)
    pair = Pair(stage, line, tmp_path)
    pair.agent.wait_for_line("msg=watching", 60.0)
    fill(tmp_path, 3000, 22, "burst")
    wait_until(lambda: pair.count() == "True 3010", limit=90.0)
    assert "unhealthy" not in pair.master.log
    assert "lost the master" not in pair.agent.log


def test_a_master_behind_a_satellite_is_reached(stage: Stage, tmp_path: Path, line: Line) -> None:
    """Round trips of 0.7 s: a connection was given half a second."""
    for way in (line.up, line.down):
        way.rate, way.delay = 2e6, 0.35
    fill(tmp_path, 10, 20)
    pair = Pair(stage, line, tmp_path)
    pair.agent.wait_for_line("msg=watching", 60.0)
    assert pair.count() == "True 10"
    assert AGENT in pair.master.log

"""The directory's life on the loop that runs the test: a real directory, real events."""

import asyncio
import logging
import os
import random
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scout.agent.core.actions import MonitorConfig, Scanned, Verdict
from scout.agent.core.identity import DirectoryIdentity
from scout.agent.core.inventory import Inventory
from scout.agent.core.monitor import Life
from scout.agent.inspect import look
from scout.agent.monitor import LINES, PERIOD, Monitor
from scout.core.liveness import Liveness
from scout.process import log
from tests.need import need

QUEUE = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
LIMIT = 20.0


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until `condition` holds."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.001)


class Scene:
    """A monitor whose clock stands still unless it is moved, and its guest."""

    def __init__(
        self, directory: Path, poll_interval: float, first: DirectoryIdentity | None = None
    ) -> None:
        self.now = time.monotonic() + 1000.0
        self.vouched = 0
        self.settling = False
        self.reasons: list[str] = []
        self.moves: list[bytes] = []
        self.inventory = Inventory()
        self.liveness = Liveness()
        orders = MonitorConfig(
            path=os.fsencode(directory),
            poll_interval=poll_interval,
            scan_timeout=5000.0,
            include_hidden=False,
            require_mount=False,
            poll_only=False,
        )
        self.monitor = Monitor(
            orders,
            self.inventory,
            self.liveness,
            self,
            log.get("scene"),
            random.Random(1),
            lambda: self.now,
            first,
        )

    def news(self) -> None:
        pass

    def judged(self, verdict: Verdict) -> None:
        self.vouched += verdict.available
        self.reasons.append(verdict.reason)
        self.settling = verdict.settling

    def moved(self, path: bytes) -> None:
        self.moves.append(path)

    async def passes(self, seconds: float) -> None:
        """Time passes, and the monitor notices."""
        self.now += seconds
        # Only the poller's beat is waited for: whether the watcher follows is what is tested.
        self.liveness.expect("poller", 1.0, self.now - 2.0)
        await until(lambda: "poller" not in self.liveness.stuck(self.now))


@asynccontextmanager
async def scene(
    directory: Path, poll_interval: float, first: DirectoryIdentity | None = None
) -> AsyncIterator[Scene]:
    it = Scene(directory, poll_interval, first)
    task = asyncio.create_task(it.monitor.run())
    try:
        await until(lambda: it.vouched > 0)
        yield it
    finally:
        task.cancel()
        ended, _ = await asyncio.wait({task}, timeout=LIMIT)
        assert ended


def overflow(directory: Path, name: str) -> None:
    """Fill the kernel's queue, so that it drops the event of what is created last: `name`."""
    for _ in range(QUEUE // 2 + 1):
        (directory / "passing").touch()
        (directory / "passing").unlink()
    (directory / name).touch()


async def test_what_two_overflows_in_a_row_lost_is_found_without_a_pause(tmp_path: Path) -> None:
    """No time passes here by the monitor's clock."""
    if QUEUE > 40_000:
        pytest.skip("the kernel's queue is longer than a test can fill")
    async with scene(tmp_path, poll_interval=3600.0) as it:
        for number, name in enumerate(("a", "b"), 1):
            overflow(tmp_path, name)
            await until(lambda: it.monitor.figures.scans["overflow"] == number)  # noqa: B023
            await until(lambda: name.encode() in it.inventory.names)  # noqa: B023
        assert it.monitor.figures.overflows == 2


async def test_overflows_do_not_flood_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with scene(tmp_path, poll_interval=3600.0) as it:
        for _ in range(LINES + 2):
            it.monitor._flood("lost")
        it.now += PERIOD
        it.monitor._flood("lost")
    lines = [r for r in caplog.records if "everything is in doubt" in r.getMessage()]
    told = [r.__dict__["fields"].get("others_not_logged", 0) for r in lines]
    assert told == [0] * LINES + [2]
    assert it.monitor.figures.overflows == LINES + 3


async def test_a_link_that_is_switched_while_the_agent_registers_is_told(tmp_path: Path) -> None:
    """What was claimed is compared with what is watched, however long registering took."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"in-{name}").touch()
    link = tmp_path / "link"
    link.symlink_to("one")
    first = look(os.fsencode(link))
    link.unlink()
    link.symlink_to("two")
    async with scene(link, 3600.0, first) as it:
        assert it.inventory.names == {b"in-two"}
        assert it.moves == [os.fsencode(tmp_path / "two")]


async def test_a_mount_that_goes_while_the_agent_registers_is_missed(tmp_path: Path) -> None:
    need("root", "mounting", "mount", "umount")
    (tmp_path / "in").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", tmp_path], check=True)
    try:
        (tmp_path / "in").mkdir()
        first = look(os.fsencode(tmp_path / "in"))
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    it = Scene(tmp_path / "in", 0.05, first)
    task = asyncio.create_task(it.monitor.run())
    await until(lambda: it.reasons != [])
    task.cancel()
    await asyncio.wait({task}, timeout=LIMIT)
    assert set(it.reasons) == {f"nothing is mounted at {tmp_path}"}
    assert it.vouched == 0


async def test_a_standstill_is_told_before_anything_else_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    async with scene(tmp_path, poll_interval=3600.0) as it:
        told = len(it.reasons)
        it.monitor.held(7.0)
        assert it.reasons[told:] == ["catching up after a standstill of 7 s"]
        await until(lambda: it.reasons[-1] == "")


async def test_what_waits_when_a_stream_begins_is_settled_before_anything_is_said(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, poll_interval=3600.0) as it:
        it.monitor.rejoined()
        assert not it.settling  # nothing waits
        (tmp_path / "a").touch()
        it.monitor.rejoined()
        assert it.settling
        await until(lambda: not it.settling)
        assert it.inventory.names == {b"a"}
        assert set(it.reasons) == {""}


async def test_it_ends_when_it_is_told_to_and_woken_at_once(tmp_path: Path) -> None:
    async with scene(tmp_path, poll_interval=3600.0) as it:
        it.monitor._wake.set()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Looks take until this is set again: a directory that does not answer can't be had here."""
    answers = threading.Event()
    answers.set()

    def late(path: bytes) -> DirectoryIdentity:
        answers.wait()
        return look(path)

    monkeypatch.setattr("scout.agent.monitor.look", late)
    monkeypatch.setattr("scout.agent.monitor.PATIENCE", 0.01)
    return answers


async def test_a_look_that_takes_long_is_not_the_watchers_fault(
    tmp_path: Path, slow: threading.Event
) -> None:
    async with scene(tmp_path, poll_interval=0.01) as it:
        slow.clear()
        for _ in range(4):
            await it.passes(4.0)
            await until(lambda: not it.liveness.stuck(it.now))
        slow.set()


async def test_a_directory_that_is_left_alone_because_it_is_slow_is_not_taken_for_a_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, scanned = Life.looked, Life.scanned

    def slow_look(
        life: Life, now: float, place: DirectoryIdentity, *, proven: bool, seconds: float
    ) -> bool:
        return looked(life, now, place, proven=proven, seconds=1e3)

    monkeypatch.setattr(Life, "looked", slow_look)
    monkeypatch.setattr(
        Life, "scanned", lambda life, now, _: scanned(life, now, Scanned(seconds=1e3))
    )
    monkeypatch.setattr("scout.agent.core.monitor.tells", lambda _: False)
    async with scene(tmp_path, poll_interval=0.05) as it:
        assert it.monitor._life.deadline() > it.now + 1e3
        await it.passes(1.0)


async def test_a_watcher_whose_events_are_stolen_is_found_while_a_look_takes_long(
    tmp_path: Path, slow: threading.Event
) -> None:
    async with scene(tmp_path, poll_interval=0.01) as it:
        slow.clear()
        assert it.monitor._watcher is not None
        asyncio.get_running_loop().remove_reader(it.monitor._watcher.fileno())
        for _ in range(4):
            await it.passes(4.0)
        assert "watcher" in it.liveness.stuck(it.now)
        slow.set()

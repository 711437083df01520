"""Changes as fast as they can be made, on a disk file system, until the kernel loses events."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import AgentProgram, MasterProgram, Stage, wait_until

FILES = 20_000
ANCHOR = "always-here"


class Storm(threading.Thread):
    """Creates, deletes and renames at random in `directory`, until told to stop."""

    def __init__(self, directory: Path, seed: int) -> None:
        super().__init__()
        self._directory = os.fsencode(directory)
        self._random = random.Random(seed)
        self._end = threading.Event()
        self.changes = 0

    def run(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY)
        names = [name for name in os.listdir(self._directory) if name != ANCHOR.encode()]
        serial = 0
        while not self._end.is_set():
            dice = self._random.random()
            serial += 1
            fresh = b"storm-%d" % serial
            if dice < 0.4 or not names:
                os.close(os.open(fresh, os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
                names.append(fresh)
            else:
                place = self._random.randrange(len(names))
                if dice < 0.7:
                    os.unlink(names[place], dir_fd=descriptor)
                    names[place] = names[-1]
                    names.pop()
                else:
                    os.rename(names[place], fresh, src_dir_fd=descriptor, dst_dir_fd=descriptor)
                    names[place] = fresh
            self.changes += 1
        os.close(descriptor)

    def stop(self) -> None:
        self._end.set()
        self.join()


class Watchman(threading.Thread):
    """Asks `/files` all the time: is the anchor there, is the list sorted?"""

    def __init__(self, master: MasterProgram) -> None:
        super().__init__()
        self._master = master
        self._end = threading.Event()
        self.looks = 0
        self.missing = 0
        self.unsorted = 0

    def run(self) -> None:
        while not self._end.is_set():
            names = [os.fsencode(name) for name in self._master.names()]
            self.looks += 1
            self.missing += ANCHOR.encode() not in names
            self.unsorted += names != sorted(names)

    def stop(self) -> None:
        self._end.set()
        self.join()


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """20,000 files on the file system of the temporary directory."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for number in range(FILES):
        os.close(os.open(b"file-%d" % number, os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)
    (tmp_path / ANCHOR).touch()
    yield tmp_path


def listed(directory: Path) -> list[str]:
    return sorted(os.listdir(directory), key=os.fsencode)


def start(stage: Stage, directory: Path) -> tuple[MasterProgram, AgentProgram]:
    # An agent that is stopped for a moment on a loaded machine must not count as unhealthy here.
    master = stage.master("--health-interval=40s", "--health-timeout=30s")
    agent = stage.agent(directory, master, "--metrics=127.0.0.1:0")
    wait_until(lambda: len(master.files()["files"]) == FILES + 1)
    return master, agent


def test_a_storm_that_overflows_the_queue(stage: Stage, directory: Path) -> None:
    """20 s of changes with the agent stopped for part of it: the anchor is never missing, and
    the list becomes exact again."""
    master, agent = start(stage, directory)
    storm, watchman = Storm(directory, seed=1), Watchman(master)
    watchman.start()
    storm.start()
    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    deadline = time.monotonic() + 20
    agent.send(signal.SIGSTOP)
    behind = storm.changes
    pause = threading.Event()
    while storm.changes < behind + queue + 2000 and time.monotonic() < deadline:
        pause.wait(0.01)
    agent.send(signal.SIGCONT)
    pause.wait(max(0.0, deadline - time.monotonic()))
    storm.stop()
    truth = listed(directory)
    wait_until(lambda: master.names() == truth)
    watchman.stop()
    assert storm.changes > queue
    assert agent.metric("scout_overflows_total") >= 1
    assert watchman.looks > 0
    assert (watchman.missing, watchman.unsorted) == (0, 0)


def test_a_storm_without_overflow_leaves_no_drift(stage: Stage, directory: Path) -> None:
    """What no event announced is found by the poll, and there is nothing to find."""
    master, agent = start(stage, directory)
    storm = Storm(directory, seed=2)
    storm.start()
    pause = threading.Event()
    for _ in range(50):
        pause.wait(0.1)
    storm.stop()
    truth = listed(directory)
    wait_until(lambda: master.names() == truth)
    polls = agent.metric("scout_scan_seconds_count")
    wait_until(lambda: agent.metric("scout_scan_seconds_count") >= polls + 2)
    assert master.names() == truth
    assert agent.metric("scout_drift_names_total") == 0


def test_a_burst_of_deletes_leaves_nothing_behind(stage: Stage, directory: Path) -> None:
    """No older list overwrites a newer one, however quick the changes are."""
    master, _ = start(stage, directory)
    for entry in os.scandir(directory):
        if entry.name != ANCHOR:
            os.unlink(entry.path)
    wait_until(lambda: master.names() == [ANCHOR])

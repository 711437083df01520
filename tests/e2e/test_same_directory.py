"""What is served is the directory that the path leads to, on the mount that it belongs to, by a
watch that lives; whatever was replaced, unmounted or lost meanwhile."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import own_fs
from tests.e2e.processes import Stage, wait_until
from tests.e2e.test_directory_life import reason, shows, watched
from tests.need import need

QUICK = "--poll-interval=200ms"
METRICS = "--metrics=127.0.0.1:0"


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def btrfs(tmp_path: Path) -> Iterator[Path]:
    need("root", "mounting", "loop devices", "mkfs.btrfs", "btrfs", "mount", "umount")
    image, where = tmp_path / "image", tmp_path / "btrfs"
    where.mkdir()
    with image.open("wb") as it:
        it.truncate(128 << 20)
    run("mkfs.btrfs", "-q", image)
    run("mount", "-o", "loop", image, where)
    yield where
    run("umount", "-l", where)


def test_a_subvolume_that_is_deleted_and_made_again_is_watched_again(
    stage: Stage, btrfs: Path
) -> None:
    """The inode stays the same, and as a rule the device; no event tells of it."""
    source, served = btrfs / "source", btrfs / "served"
    run("btrfs", "subvolume", "create", source)
    (source / "new").touch()
    run("btrfs", "subvolume", "snapshot", source, served)
    (served / "new").rename(served / "old")
    master = stage.master()
    agent = stage.agent(served, master, "--poll-interval=1s", METRICS)
    wait_until(lambda: shows(master, "old"))
    before = served.stat()
    run("btrfs", "subvolume", "delete", served)
    run("btrfs", "subvolume", "snapshot", source, served)
    assert served.stat().st_ino == before.st_ino
    wait_until(lambda: shows(master, "new"))
    wait_until(lambda: agent.metric("scout_scans_total") >= 2)
    drift = agent.metric("scout_drift_names_total")
    for number in range(30):
        (served / f"later-{number}").touch()
    wait_until(lambda: len(master.names()) == 31)
    assert agent.metric("scout_drift_names_total") == drift  # an event told of each


def test_a_directory_made_anew_while_the_agent_stood_still_is_watched_again(
    stage: Stage, tmp_path: Path
) -> None:
    """The queue overflowed, so the end of the watch was lost; the inode number is used again."""
    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if queue > 40_000:
        pytest.skip("the kernel's queue is longer than a test can fill")
    directory = tmp_path / "d"
    directory.mkdir()
    (directory / "old").touch()
    master = stage.master("--health-interval=40s", "--health-timeout=30s")
    agent = stage.agent(directory, master, "--poll-interval=1h", METRICS)
    wait_until(lambda: shows(master, "old"))
    agent.send(signal.SIGSTOP)
    for number in range(queue // 2 + 1):
        name = directory / f"passing-{number}"
        name.touch()
        name.unlink()
    shutil.rmtree(directory)
    directory.mkdir()
    (directory / "new").touch()
    agent.send(signal.SIGCONT)
    wait_until(lambda: shows(master, "new"))
    for number in range(30):
        (directory / f"later-{number}").touch()
    wait_until(lambda: len(master.names()) == 31)


# Mounts


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A mount point with a mounted tmpfs; `in` exists on it and beneath it."""
    need("root", "mounting", "mount", "umount")
    where = tmp_path / "disk"
    (where / "in").mkdir(parents=True)
    mount_at(where)
    (where / "in").mkdir()
    (where / "in" / "a").touch()
    yield where
    while where.is_mount():
        run("umount", "-l", where)


def mount_at(where: Path) -> None:
    run("mount", "-t", "tmpfs", "tmpfs", where)


@pytest.mark.parametrize("how", [[], ["-l"]], ids=["umount", "lazily"])
@pytest.mark.parametrize("option", ["--require-mount", "--include-hidden"])
def test_what_lies_beneath_the_mount_is_never_shown(
    stage: Stage, disk: Path, how: list[str], option: str
) -> None:
    """The watched directory lies below the mount point, and exists beneath the mount too."""
    master = stage.master()
    stage.agent(disk / "in", master, QUICK, option)
    wait_until(lambda: shows(master, "a"))
    with watched(master):
        run("umount", *how, disk)
        wait_until(lambda: f"nothing is mounted at {disk}" in reason(master))
        assert master.files()["complete"] is False
        (disk / "in" / "beneath").touch()
        mount_at(disk)
        wait_until(lambda: "does not exist" in reason(master))
        (disk / "in").mkdir()
        (disk / "in" / "b").touch()
        wait_until(lambda: shows(master, "b"))  # another disk, put there by somebody who meant it
    (disk / "in" / "c").touch()
    wait_until(lambda: shows(master, "b", "c"))


def test_of_nested_mounts_the_inner_one_is_required(stage: Stage, disk: Path) -> None:
    inner = disk / "inner"
    (inner / "in").mkdir(parents=True)
    mount_at(inner)
    (inner / "in").mkdir()
    (inner / "in" / "a").touch()
    master = stage.master()
    stage.agent(inner / "in", master, QUICK)
    wait_until(lambda: shows(master, "a"))
    with watched(master):
        run("umount", inner)
        wait_until(lambda: f"nothing is mounted at {inner}" in reason(master))


def test_a_mount_above_satisfies_require_mount(stage: Stage, disk: Path) -> None:
    master = stage.master()
    stage.agent(disk / "in", master, QUICK, "--require-mount")
    wait_until(lambda: shows(master, "a"))


def test_a_directory_bound_over_itself_is_still_served(stage: Stage, tmp_path: Path) -> None:
    need("root", "mounting", "mount", "umount")
    directory = tmp_path / "d"
    directory.mkdir()
    (directory / "a").touch()
    master = stage.master()
    stage.agent(directory, master, QUICK)
    wait_until(lambda: shows(master, "a"))
    run("mount", "--bind", directory, directory)
    try:
        (directory / "b").touch()
        wait_until(lambda: shows(master, "a", "b"))
    finally:
        run("umount", "-l", directory)
    (directory / "c").touch()
    wait_until(lambda: shows(master, "a", "b", "c"))


def test_an_inode_number_that_changes_takes_no_file_off_the_list(
    stage: Stage, tmp_path: Path
) -> None:
    """Network file systems and FUSE make them up; where there is no watch they mean nothing."""
    need("root", "mounting", "/dev/fuse", "libfuse2", "umount")
    with own_fs.mounted(tmp_path, "unstable"):
        (tmp_path / "a").touch()
        assert os.stat(tmp_path).st_ino != os.stat(tmp_path).st_ino
        master = stage.master()
        agent = stage.agent(tmp_path, master, QUICK, METRICS)
        wait_until(lambda: shows(master, "a"))
        for round_ in range(3):
            scans = agent.metric("scout_scans_total")
            wait_until(lambda: agent.metric("scout_scans_total") >= scans + 3)  # noqa: B023
            (tmp_path / f"b{round_}").touch()
        wait_until(lambda: len(master.names()) == 4)
        assert "unavailable" not in agent.log
        series = f'scout_scans_total{{directory="{tmp_path}",reason="return"}} 0.0'
        assert series in agent.metrics()


# Standstills


@pytest.mark.parametrize("options", [(), ("--poll-only",)], ids=["events", "polling"])
def test_after_a_standstill_nothing_is_vouched_for_before_it_has_caught_up(
    stage: Stage, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """No reader sees a file in a complete list that went while the agent was stopped."""
    for number in range(2000):
        (tmp_path / f"dead-{number}").touch()
    master = stage.master("--health-interval=300ms", "--health-timeout=200ms")
    agent = stage.agent(tmp_path, master, "--poll-interval=1h", METRICS, *options)
    wait_until(lambda: len(master.names()) == 2000 and master.files()["complete"])
    agent.send(signal.SIGSTOP)
    wait_until(lambda: not master.files()["complete"])
    if options:
        wait_until(lambda: master.clients()[0]["state"] == "unhealthy")
    for name in os.listdir(tmp_path):
        os.unlink(tmp_path / name)
    (tmp_path / "alive").touch()
    agent.send(signal.SIGCONT)

    def caught_up() -> bool:
        answer = master.files()
        names = [entry["filename"] for entry in answer["files"]]
        assert not (answer["complete"] and names and names != ["alive"])
        return bool(answer["complete"]) and names == ["alive"]

    wait_until(caught_up)
    agent.wait_for_line("the agent stood still")


def test_after_lost_events_the_list_is_not_complete_until_all_is_read_again(
    stage: Stage, tmp_path: Path
) -> None:
    """The files stay shown meanwhile."""
    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if queue > 40_000:
        pytest.skip("the kernel's queue is longer than a test can fill")
    (tmp_path / "kept").touch()
    master = stage.master("--health-interval=40s", "--health-timeout=30s")
    agent = stage.agent(tmp_path, master, "--poll-interval=1h", METRICS)
    wait_until(lambda: shows(master, "kept"))
    agent.send(signal.SIGSTOP)
    for _ in range(queue // 2 + 1):
        (tmp_path / "passing").touch()
        (tmp_path / "passing").unlink()
    (tmp_path / "last").touch()
    agent.send(signal.SIGCONT)

    def behind() -> bool:
        # One question: a second one might come when all was read again.
        [client] = master.clients()
        shown = client["state"] == "healthy" and client["behind"] is True
        return shown and "events were lost" in str(client["reason"])

    wait_until(behind)
    wait_until(lambda: shows(master, "kept", "last"))

"""What may happen to a watched directory as a whole, and what a reader is told of it.

Each time `/clients` says what is wrong, `/files` never shows the directory as empty while it
claims to be complete, and everything recovers by itself.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.processes import MasterProgram, Stage, wait_until
from tests.need import need

QUICK = "--poll-interval=200ms"


def shows(master: MasterProgram, *names: str) -> bool:
    """Does `/files` show just these names, and claim to be complete?"""
    answer = master.files()
    return [f["filename"] for f in answer["files"]] == sorted(names) and answer["complete"]


def reason(master: MasterProgram) -> str:
    """Why the only client is not healthy; empty if it is."""
    [row] = master.clients()
    return str(row["reason"]) if row["state"] != "healthy" else ""


class Watchman:
    """Asks `/files` all the time, and notes whether it was ever empty and complete."""

    def __init__(self, master: MasterProgram) -> None:
        self.lied = False
        self._master = master
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._end.is_set():
            answer = self._master.files()
            self.lied |= answer["complete"] and not answer["files"]

    def __enter__(self) -> "Watchman":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


@contextmanager
def watched(master: MasterProgram) -> Iterator[None]:
    """Nothing in this block may make the list empty and complete."""
    with Watchman(master) as it:
        yield
    assert not it.lied


def mount(kind: str, where: Path) -> None:
    subprocess.run(["mount", "-t", kind, kind, str(where)], check=True)


def umount(where: Path) -> None:
    subprocess.run(["umount", str(where)], check=True)


@pytest.fixture
def mounts() -> Iterator[Callable[[Path], None]]:
    """Mounts a tmpfs; whatever is still mounted at the end is unmounted."""
    need("root", "mounting", "mount", "umount")
    made: list[Path] = []

    def make(where: Path) -> None:
        mount("tmpfs", where)
        made.append(where)

    yield make
    for where in reversed(made):
        subprocess.run(["umount", "-l", str(where)], check=False, stderr=subprocess.DEVNULL)


def test_deleted_and_made_again(stage: Stage, tmp_path: Path) -> None:
    """A directory that was deleted is unavailable, not empty; made again, it is watched again."""
    directory = tmp_path / "d"
    directory.mkdir()
    (directory / "a").touch()
    master = stage.master()
    stage.agent(directory, master, QUICK)
    wait_until(lambda: shows(master, "a"))
    shutil.rmtree(directory)
    wait_until(lambda: "does not exist" in reason(master) or "deleted" in reason(master))
    assert master.files()["complete"] is False
    directory.mkdir()
    (directory / "b").touch()
    wait_until(lambda: shows(master, "b"))
    (directory / "c").touch()
    wait_until(lambda: shows(master, "b", "c"))


def test_renamed_away_and_another_put_in_its_place(stage: Stage, tmp_path: Path) -> None:
    """The path counts, not the inode: the old directory's later changes are nobody's business."""
    directory = tmp_path / "d"
    directory.mkdir()
    (directory / "old").touch()
    master = stage.master()
    stage.agent(directory, master, QUICK)
    wait_until(lambda: shows(master, "old"))
    with watched(master):
        directory.rename(tmp_path / "away")
        wait_until(lambda: reason(master))
        (tmp_path / "away" / "ghost").touch()
        fresh = tmp_path / "fresh"
        fresh.mkdir()
        (fresh / "new").touch()
        fresh.rename(directory)
        wait_until(lambda: shows(master, "new"))
    (directory / "newer").touch()
    wait_until(lambda: shows(master, "new", "newer"))


def test_a_parent_renamed_is_seen_by_the_poll(stage: Stage, tmp_path: Path) -> None:
    """No event tells of it; a file that then comes in the moved directory is not shown."""
    directory = tmp_path / "parent" / "d"
    directory.mkdir(parents=True)
    (directory / "a").touch()
    master = stage.master()
    stage.agent(directory, master, QUICK)
    wait_until(lambda: shows(master, "a"))
    with watched(master):
        (tmp_path / "parent").rename(tmp_path / "moved")
        wait_until(lambda: "does not exist" in reason(master))
        (tmp_path / "moved").rename(tmp_path / "parent")
        wait_until(lambda: shows(master, "a"))


def test_unreadable_and_readable_again(stage: Stage, tmp_path: Path) -> None:
    """chmod 000 under an agent that is not root, or root without its powers."""
    directory = tmp_path / "d"
    directory.mkdir()
    (directory / "a").touch()
    master = stage.master()
    powerless = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    agent = stage.agent(directory, master, QUICK, prefix=powerless)
    wait_until(lambda: shows(master, "a"))
    with watched(master):
        directory.chmod(0)
        wait_until(lambda: "permission" in reason(master))
        directory.chmod(0o300)  # its owner may put something there, and still not read it
        (directory / "b").touch()
        directory.chmod(0o755)
        wait_until(lambda: shows(master, "a", "b"))
    assert agent.process.poll() is None


def test_unmounted_and_mounted_again(
    stage: Stage, tmp_path: Path, mounts: Callable[[Path], None]
) -> None:
    """A directory that was a mount point is not served while its disk is away: what is seen then
    is the empty directory below. The agent does not keep it from being unmounted."""
    mounts(tmp_path)
    (tmp_path / "a").touch()
    master = stage.master()
    stage.agent(tmp_path, master, QUICK)
    wait_until(lambda: shows(master, "a"))
    with watched(master):
        umount(tmp_path)
        wait_until(lambda: "nothing is mounted" in reason(master))
        assert master.files()["complete"] is False
        with_file = tmp_path.parent / "staging"
        with_file.mkdir()
        mounts(with_file)
        (with_file / "b").touch()
        subprocess.run(["mount", "--move", str(with_file), str(tmp_path)], check=False)
        if not os.path.ismount(tmp_path):  # a shared parent mount forbids --move
            subprocess.run(["mount", "--bind", str(with_file), str(tmp_path)], check=True)
        wait_until(lambda: shows(master, "b"))
    (tmp_path / "c").touch()
    wait_until(lambda: shows(master, "b", "c"))


def test_mounted_over(stage: Stage, tmp_path: Path, mounts: Callable[[Path], None]) -> None:
    """What the path leads to counts: the mount's files come, and go with it."""
    directory = tmp_path / "d"
    directory.mkdir()
    (directory / "below").touch()
    master = stage.master()
    stage.agent(directory, master, QUICK)
    wait_until(lambda: shows(master, "below"))
    mounts(directory)
    (directory / "above").touch()
    wait_until(lambda: shows(master, "above"))
    umount(directory)
    wait_until(lambda: shows(master, "below"))


def test_require_mount_from_the_start(
    stage: Stage, tmp_path: Path, mounts: Callable[[Path], None]
) -> None:
    """--require-mount: registered, unavailable, and served as soon as something is mounted."""
    (tmp_path / "below").touch()
    master = stage.master()
    stage.agent(tmp_path, master, QUICK, "--require-mount")
    wait_until(lambda: master.clients() and "nothing is mounted" in reason(master))
    assert master.names() == []
    mounts(tmp_path)
    (tmp_path / "a").touch()
    wait_until(lambda: shows(master, "a"))


def test_a_symlink_is_switched(stage: Stage, tmp_path: Path) -> None:
    """As Kubernetes does with ConfigMaps: the link is replaced by rename. The claim stays: its name
    is the configured path."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"in-{name}").touch()
    link = tmp_path / "link"
    link.symlink_to("one")
    master = stage.master()
    stage.agent(link, master, QUICK)
    wait_until(lambda: shows(master, "in-one"))
    with_two = tmp_path / "next"
    with_two.symlink_to("two")
    with_two.rename(link)
    wait_until(lambda: shows(master, "in-two"))
    [row] = master.clients()
    assert row["directory"] == str(link)
    (tmp_path / "two" / "later").touch()
    wait_until(lambda: shows(master, "in-two", "later"))

"""Where a name is found under other spellings, or for a while after it went, the list holds what
the directory lists, and nothing else."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import own_fs
from tests.e2e.processes import MasterProgram, Stage, wait_until
from tests.need import need

QUICK = ("--poll-interval=200ms", "--metrics=127.0.0.1:0")
RARELY = ("--poll-interval=1h", "--metrics=127.0.0.1:0")


def shows(master: MasterProgram, directory: Path) -> bool:
    """Does `/files` show just what is listed, and claim to be complete?"""
    answer = master.files()
    names = [os.fsencode(entry["filename"]) for entry in answer["files"]]
    return names == sorted(os.listdir(os.fsencode(directory))) and answer["complete"]


@pytest.mark.parametrize("more", [(), ("slow=0.02",)], ids=["quick", "slow"])
def test_a_spelling_that_is_gone_leaves_the_list_where_case_is_ignored(
    stage: Stage, tmp_path: Path, more: tuple[str, ...]
) -> None:
    need("root", "mounting", "/dev/fuse", "libfuse2", "umount")
    with own_fs.mounted(tmp_path, "fold", *more):
        (tmp_path / "report.txt").touch()
        (tmp_path / "other").touch()
        master = stage.master()
        agent = stage.agent(tmp_path, master, *QUICK)
        wait_until(lambda: shows(master, tmp_path))
        assert 'mode="poll"} 1.0' in agent.metrics()
        before = "report.txt"
        for after in ("Report.txt", "REPORT.TXT", "rEport.txt", "report.TXT"):
            (tmp_path / before).rename(tmp_path / after)
            before = after
            wait_until(lambda: shows(master, tmp_path))
        for spelling in ("a.TXT", "A.txt", "a.txt"):
            (tmp_path / before).rename(tmp_path / spelling)
            before = spelling
        wait_until(lambda: shows(master, tmp_path))
        assert os.listdir(tmp_path) == ["other", "a.txt"]
        for after in ("r\u00e9sum\u00e9", "re\u0301sume\u0301", "RE\u0301SUM\u00c9"):
            (tmp_path / before).rename(tmp_path / after)
            before = after
            wait_until(lambda: shows(master, tmp_path))


def test_a_directory_that_is_modified_at_each_look_is_shown_as_it_is(
    stage: Stage, tmp_path: Path
) -> None:
    """Its listings are never known to be quiet."""
    need("root", "mounting", "/dev/fuse", "libfuse2", "umount")
    with own_fs.mounted(tmp_path, "fold", "unstable"):
        (tmp_path / "report.txt").touch()
        master = stage.master()
        stage.agent(tmp_path, master, *QUICK)
        wait_until(lambda: shows(master, tmp_path))
        (tmp_path / "report.txt").rename(tmp_path / "Report.txt")
        wait_until(lambda: master.names() == ["Report.txt"])
        wait_until(lambda: shows(master, tmp_path))


@pytest.fixture
def ntfs(tmp_path: Path) -> Iterator[Path]:
    """An NTFS whose names ignore case, and whose changes inotify hears."""
    need("root", "mounting", "/dev/fuse", "loop devices", "mkntfs", "lowntfs-3g", "umount")
    image, where = tmp_path / "image", tmp_path / "ntfs"
    where.mkdir()
    with image.open("wb") as it:
        it.truncate(8 << 20)
    subprocess.run(["mkntfs", "-q", "-F", "-Q", image], check=True, capture_output=True)
    found = subprocess.run(
        ["losetup", "--find", "--show", image], check=True, capture_output=True, text=True
    )
    device = found.stdout.strip()
    try:
        subprocess.run(["lowntfs-3g", "-o", "ignore_case", device, where], check=True)
        yield where
    finally:
        subprocess.run(["umount", "-l", where], check=False, capture_output=True)
        subprocess.run(["losetup", "--detach", device], check=False)


def test_a_name_that_comes_back_in_another_case_is_one_name_by_events(
    stage: Stage, ntfs: Path
) -> None:
    for name in ("other", "kept"):
        (ntfs / name).touch()
    master = stage.master()
    agent = stage.agent(ntfs, master, *RARELY)
    wait_until(lambda: shows(master, ntfs))
    assert 'mode="events"} 1.0' in agent.metrics()
    for before, after in (("other", "OTHER"), ("OTHER", "Other"), ("Other", "other")):
        (ntfs / before).unlink()
        (ntfs / after).touch()
    wait_until(lambda: shows(master, ntfs))
    for before, after in (("other", "OTHER"), ("kept", "Kept"), ("Kept", "KEPT")):
        os.rename(ntfs / before, ntfs / after)
    wait_until(lambda: shows(master, ntfs))
    (ntfs / "directory").mkdir()
    (ntfs / "KEPT").unlink()
    (ntfs / "kept").mkdir()
    wait_until(lambda: shows_files(master, ntfs))


def shows_files(master: MasterProgram, directory: Path) -> bool:
    answer = master.files()
    files = sorted(entry.name for entry in os.scandir(directory) if not entry.is_dir())
    return [entry["filename"] for entry in answer["files"]] == files and answer["complete"]


def test_a_name_that_the_kernel_remembers_for_a_while_is_gone_at_once(
    stage: Stage, tmp_path: Path
) -> None:
    need("root", "mounting", "/dev/fuse", "bindfs", "umount")
    below, above = tmp_path / "below", tmp_path / "above"
    below.mkdir()
    above.mkdir()
    (below / "a").touch()
    (below / "b").touch()
    options = ["-o", "entry_timeout=1000", "-o", "attr_timeout=1000"]
    with subprocess.Popen(["bindfs", "-f", *options, below, above]) as served:
        try:
            wait_until(lambda: above.is_mount())
            master = stage.master()
            stage.agent(above, master, *QUICK)
            wait_until(lambda: master.names() == ["a", "b"])
            os.lstat(above / "a")  # so that it is remembered
            (below / "a").unlink()
            wait_until(lambda: master.names() == ["b"])
            wait_until(lambda: master.files()["complete"])
        finally:
            served.terminate()
            served.wait()
            subprocess.run(["umount", "-l", above], check=False, capture_output=True)


@pytest.mark.parametrize("options", [RARELY, (*QUICK, "--poll-only")], ids=["events", "polling"])
def test_two_names_of_one_file_are_two_names(
    stage: Stage, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Hard links share device and inode, also those that differ in case alone."""
    (tmp_path / "a").touch()
    for name in ("A", "b"):
        os.link(tmp_path / "a", tmp_path / name)
    master = stage.master()
    stage.agent(tmp_path, master, *options)
    wait_until(lambda: shows(master, tmp_path))
    (tmp_path / "a").unlink()
    wait_until(lambda: shows(master, tmp_path))
    os.link(tmp_path / "b", tmp_path / "c")
    (tmp_path / "A").unlink()
    wait_until(lambda: shows(master, tmp_path))
    assert master.names() == ["b", "c"]


@pytest.mark.parametrize("options", [RARELY, (*QUICK, "--poll-only")], ids=["events", "polling"])
def test_a_file_that_becomes_a_directory_and_a_file_again(
    stage: Stage, tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    master = stage.master()
    stage.agent(tmp_path, master, *options)
    wait_until(lambda: shows_files(master, tmp_path))
    (tmp_path / "a").unlink()
    (tmp_path / "a").mkdir()
    wait_until(lambda: master.names() == ["b"])
    (tmp_path / "a").rmdir()
    (tmp_path / "a").touch()
    wait_until(lambda: shows_files(master, tmp_path))

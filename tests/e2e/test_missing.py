"""What can be listed is reported, also where inotify, /proc or an entry's kind can't be had."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import own_fs
from tests.e2e.processes import MasterProgram, Stage, wait_until
from tests.need import need

QUICK = ("--poll-interval=200ms", "--metrics=127.0.0.1:0")


def without(error: str, *calls: str) -> list[str]:
    return [sys.executable, "-m", "tests.e2e.without", error, ",".join(calls)]


def shows(master: MasterProgram, *names: str) -> bool:
    answer = master.files()
    return [entry["filename"] for entry in answer["files"]] == list(names) and answer["complete"]


@pytest.mark.parametrize("call", ["inotify_init1", "inotify_add_watch"])
@pytest.mark.parametrize("error", ["ENOSYS", "EACCES", "EPERM", "EINVAL", "ENOMEM"])
def test_what_can_be_listed_but_not_watched_is_polled(
    stage: Stage, tmp_path: Path, call: str, error: str
) -> None:
    (tmp_path / "a").touch()
    master = stage.master()
    agent = stage.agent(tmp_path, master, *QUICK, prefix=without(error, call))
    wait_until(lambda: shows(master, "a"))
    (tmp_path / "a").rename(tmp_path / "b")
    wait_until(lambda: shows(master, "b"))
    agent.wait_for_line("going on by polling alone.*inotify is not to be had")
    assert agent.log.count("polling alone") == 1


SANDBOX = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/proc", "--die-with-parent"]
"""Everything but /proc."""


@pytest.mark.parametrize("prefix", [[], without("ENOSYS", "statx")], ids=["statx", "no statx"])
def test_an_agent_does_without_proc(stage: Stage, tmp_path: Path, prefix: list[str]) -> None:
    need("root", "mounting", "bwrap")
    odd = os.fsdecode(b"\xff\xe9")
    (tmp_path / "a").touch()
    (tmp_path / odd).touch()
    (tmp_path / "directory").mkdir()
    master = stage.master()
    agent = stage.agent(tmp_path, master, *QUICK, prefix=[*SANDBOX, *prefix])
    wait_until(lambda: len(master.names()) == 2)
    told = master.files()
    assert told["complete"]
    (tmp_path / odd).unlink()
    wait_until(lambda: shows(master, "a"))
    assert 'mode="events"} 1.0' in agent.metrics()


def test_the_mount_is_found_also_without_proc(tmp_path: Path) -> None:
    need("root", "mounting", "bwrap", "mount", "umount")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], check=True)
    (disk / "a" / "b").mkdir(parents=True)
    look = "import sys; from scout.agent.inspect import look; print(look(sys.argv[1].encode()))"
    ask = [sys.executable, "-c", look, str(disk / "a" / "b")]
    try:
        with_it = subprocess.run(ask, check=True, capture_output=True, text=True).stdout
        for prefix in ([], without("ENOSYS", "statx")):
            command = [*SANDBOX, *prefix, *ask]
            found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            for part in (f"path=b'{disk}/a/b'", f"point=b'{disk}'", "filesystem='tmpfs'"):
                assert part in found
                assert part in with_it
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def reason(master: MasterProgram) -> str:
    return str(master.clients()[0]["reason"])


@pytest.mark.parametrize("unknown", [(), ("unknown",)], ids=["known kind", "unknown kind"])
def test_an_entry_that_can_not_be_looked_at_hides_no_other(
    stage: Stage, tmp_path: Path, unknown: tuple[str, ...]
) -> None:
    """A listing that says what it is will do; else it is withheld, and the list is not complete."""
    need("root", "mounting", "/dev/fuse", "libfuse2", "umount")
    with own_fs.mounted(tmp_path, "broken=sick", *unknown):
        for name in ("a", "z"):
            (tmp_path / name).touch()
        master = stage.master()
        agent = stage.agent(tmp_path, master, *QUICK)
        wait_until(lambda: "z" in master.names())
        if unknown:
            assert master.names() == ["a", "z"]
            agent.wait_for_line("entries are withheld.*1 that can't be examined.*example=sick")
            wait_until(lambda: not master.files()["complete"])
            wait_until(lambda: "can't be examined" in reason(master))
        else:
            wait_until(lambda: shows(master, "a", "sick", "z"))
        (tmp_path / "a").unlink()
        wait_until(lambda: "a" not in master.names())
        assert agent.log.count('msg="entries are withheld"') == len(unknown)


@pytest.fixture
def exfat(tmp_path: Path) -> Iterator[Path]:
    """An exFAT: names there may have 255 UTF-16 units, which are up to 765 bytes."""
    need("root", "mounting", "/dev/fuse", "loop devices", "mkfs.exfat", "mount.exfat-fuse")
    image, where = tmp_path / "image", tmp_path / "exfat"
    where.mkdir()
    with image.open("wb") as it:
        it.truncate(8 << 20)
    subprocess.run(["mkfs.exfat", image], check=True, capture_output=True)
    device = subprocess.run(
        ["losetup", "--find", "--show", image], check=True, capture_output=True, text=True
    ).stdout.strip()
    try:
        subprocess.run(["mount.exfat-fuse", device, where], check=True, capture_output=True)
        yield where
    finally:
        subprocess.run(["umount", "-l", where], check=False, capture_output=True)
        subprocess.run(["losetup", "--detach", device], check=False)


def told_of(master: MasterProgram, count: int) -> bool:
    """Is the list complete if all are there, and only then?"""
    answer = master.files()
    return answer["complete"] is (len(answer["files"]) == count)


def test_a_long_name_hides_no_other(stage: Stage, exfat: Path) -> None:
    """It is shown if the master takes it; else it is withheld, and the list is not complete."""
    fitting = ["短い", "a" * 255]
    long = ["あ" * 85 + "b", "長い名前" * 29 + "あ", "語" * 255]
    for name in fitting + long:
        (exfat / name).touch()
    assert sorted(len(os.fsencode(name)) for name in fitting + long) == [6, 255, 256, 351, 765]
    master = stage.master()
    stage.agent(exfat, master, *QUICK)
    wait_until(lambda: set(fitting) <= set(master.names()))
    wait_until(lambda: told_of(master, len(fitting + long)))
    (exfat / fitting[0]).unlink()
    wait_until(lambda: fitting[0] not in master.names())
    if not master.files()["complete"]:
        wait_until(lambda: "3 with a name of more than 255 bytes" in reason(master))
        for name in long:
            (exfat / name).unlink()
    wait_until(lambda: master.files()["complete"])

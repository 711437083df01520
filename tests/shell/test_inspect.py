"""What a look finds out about the mount that a directory lies on."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scout.agent.inspect import look
from tests.mounts import unmount_all
from tests.need import need


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    need("root", "mounting", "mount", "umount")
    where = tmp_path / "with space"
    (where / "in").mkdir(parents=True)
    yield where
    unmount_all(where)


def mount(*options: str | Path) -> None:
    subprocess.run(["mount", *options], check=True)


def point(directory: Path) -> bytes:
    return look(os.fsencode(directory)).point


def test_the_mount_is_the_nearest_one_above(directory: Path) -> None:
    before = point(directory / "in")
    mount("-t", "tmpfs", "tmpfs", directory)
    (directory / "in").mkdir()
    assert point(directory / "in") == point(directory) == os.fsencode(directory)
    assert look(os.fsencode(directory)).filesystem == "tmpfs"
    subprocess.run(["umount", directory], check=True)
    assert point(directory / "in") == before


def test_what_is_bound_over_itself_is_no_mount_of_its_own(directory: Path) -> None:
    """As a sandbox does it: what lies beneath is the same directory."""
    before = point(directory / "in")
    mount("--bind", directory, directory)
    mount("--bind", directory, directory)
    assert point(directory / "in") == before


def test_what_is_bound_from_elsewhere_is_a_mount(directory: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "in").mkdir(parents=True)
    mount("--bind", source, directory)
    assert point(directory / "in") == os.fsencode(directory)

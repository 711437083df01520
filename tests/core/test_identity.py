"""Which directory is the one to serve."""

from dataclasses import replace

import pytest

from scout.agent.core.identity import DirectoryIdentity, Home, absolute, replaced

HERE = DirectoryIdentity(b"/d", mount=30, device=1, inode=7, point=b"/", filesystem="ext4")
BELOW = replace(HERE, path=b"/disk/in", point=b"/disk")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (HERE, ""),
        (replace(HERE, inode=8), "another directory was put in its place"),
        (replace(HERE, device=2), "another file system is mounted on it"),
        (replace(HERE, mount=31), "another file system is mounted on it"),
        (replace(HERE, path=b"/e"), "the path leads to another directory"),
    ],
)
def test_another_directory_is_told_apart(now: DirectoryIdentity, expected: str) -> None:
    assert replaced(HERE, now, watched=True) == expected


def test_without_a_watch_an_inode_number_means_nothing() -> None:
    assert replaced(HERE, replace(HERE, inode=8), watched=False) == ""


def home(first: DirectoryIdentity, *, require_mount: bool = False) -> Home:
    it = Home(require_mount=require_mount)
    it.remember(first)
    return it


def test_what_lies_beneath_a_mount_is_not_served_while_the_disk_is_away() -> None:
    """Wherever on the way to the directory it was mounted."""
    it = home(BELOW)
    assert it.away(BELOW) == ""
    assert it.away(replace(BELOW, point=b"/")) == "nothing is mounted at /disk"


def test_another_disk_at_the_same_place_is_welcome() -> None:
    assert home(BELOW).away(replace(BELOW, mount=99, device=5, filesystem="xfs")) == ""


def test_of_nested_mounts_the_innermost_is_required() -> None:
    it = home(replace(BELOW, path=b"/a/b/in", point=b"/a/b"))
    assert it.away(replace(BELOW, path=b"/a/b/in", point=b"/a")) == "nothing is mounted at /a/b"


def test_a_mount_further_down_may_come_and_go() -> None:
    it = home(BELOW)
    assert it.away(replace(BELOW, point=b"/disk/in")) == ""
    assert it.away(BELOW) == ""
    assert home(HERE).away(replace(HERE, point=b"/d")) == ""


def test_a_mount_with_a_name_that_begins_alike_is_another_one() -> None:
    it = home(replace(BELOW, path=b"/disk/in", point=b"/disk"))
    assert it.away(replace(BELOW, point=b"/disk2")) != ""


def test_the_root_file_system_can_not_go() -> None:
    assert home(HERE).away(HERE) == ""


def test_a_required_mount_may_lie_anywhere_above() -> None:
    it = Home(require_mount=True)
    assert it.away(BELOW) == ""
    assert "lies on the root file system" in it.away(HERE)


def test_a_folder_bound_above_is_no_required_mount() -> None:
    """A container has its host's directories so, whether or not the disk is there; but what is
    bound on the directory itself is what was meant."""
    it = Home(require_mount=True)
    bound = replace(BELOW, folder=True)
    assert (
        it.away(bound) == "nothing is mounted on it: /disk is bound from a folder, and is no disk"
    )
    assert it.away(replace(bound, point=bound.path)) == ""
    assert it.away(BELOW) == ""
    assert home(bound).away(bound) == ""


def test_a_link_that_leads_elsewhere_brings_its_own_mount() -> None:
    it = home(BELOW)
    elsewhere = replace(HERE, path=b"/other/in", point=b"/other")
    assert it.away(elsewhere) == ""
    it.remember(elsewhere)
    assert it.away(replace(elsewhere, point=b"/")) == "nothing is mounted at /other"


def test_a_link_that_leads_elsewhere_beneath_the_mount_does_not_count() -> None:
    """The disk is away, and on the mount point an old link leads to another directory."""
    it = home(BELOW)
    assert it.away(replace(BELOW, path=b"/disk/old", point=b"/")) == "nothing is mounted at /disk"


def test_a_link_that_leads_onto_a_mount_further_down_requires_that_mount() -> None:
    it = home(replace(BELOW, path=b"/disk/a"))
    nested = replace(BELOW, path=b"/disk/sub/b", point=b"/disk/sub")
    assert it.away(nested) == ""
    it.remember(nested)
    assert it.away(replace(nested, point=b"/disk")) == "nothing is mounted at /disk/sub"


@pytest.mark.parametrize(
    ("configured", "name"),
    [
        (b"/srv/in", b"/srv/in"),
        (b"/srv//in/", b"/srv/in"),
        (b"/srv/./in/.", b"/srv/in"),
        (b"/srv/../in", b"/srv/../in"),
        (b"/", b"/"),
    ],
)
def test_a_path_that_is_spelled_otherwise_is_the_same_claim(configured: bytes, name: bytes) -> None:
    assert absolute(configured) == name

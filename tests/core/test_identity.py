"""Which directory is the one to serve."""

from dataclasses import replace

import pytest

from scout.agent.core.identity import DirectoryIdentity, announces, replaced, unmounted

HERE = DirectoryIdentity(b"/d", mount=30, device=1, inode=7, is_mount=False, filesystem="ext4")


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
    assert replaced(HERE, now) == expected


def test_a_bare_mount_point_is_not_served() -> None:
    assert unmounted(HERE, must_be_mount=True) == "nothing is mounted on it"
    assert unmounted(replace(HERE, is_mount=True), must_be_mount=True) == ""
    assert unmounted(HERE, must_be_mount=False) == ""


@pytest.mark.parametrize("local", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "fuseblk", ""])
def test_local_file_systems_announce_changes(local: str) -> None:
    assert announces(local)


@pytest.mark.parametrize("remote", ["nfs", "nfs4", "cifs", "fuse", "fuse.sshfs", "9p", "virtiofs"])
def test_remote_file_systems_do_not(remote: str) -> None:
    assert not announces(remote)

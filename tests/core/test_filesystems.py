"""What is known of file systems by their types."""

import pytest

from scout.agent.core.filesystems import Naming, naming, tells, type_of


@pytest.mark.parametrize(
    "local",
    "ext2 ext3 ext4 xfs btrfs tmpfs ramfs overlay f2fs zfs vfat exfat ntfs3 fuseblk".split(),
)
def test_local_file_systems_tell_of_every_change(local: str) -> None:
    assert tells(local)


@pytest.mark.parametrize(
    "silent",
    "nfs nfs4 cifs smb3 fuse fuse.sshfs 9p virtiofs vboxsf pvfs2 prl_fs vmhgfs ceph afs ocfs2 gfs2 "
    "proc sysfs cgroup cgroup2 devpts devtmpfs debugfs tracefs securityfs autofs mqueue bpf "
    "ext4something".split()
    + [""],
)
def test_what_is_not_known_to_tell_is_polled(silent: str) -> None:
    assert not tells(silent)


def test_only_a_listing_tells_the_names_where_case_is_ignored() -> None:
    assert naming("ext4", casefold=False) is Naming.EXACT
    assert naming("ext4", casefold=True) is Naming.LOOSE
    for kind in ("vfat", "exfat", "ntfs3", "fuseblk", "hfsplus", "fuse.own", "cifs", "zfs"):
        assert naming(kind, casefold=False) is Naming.LOOSE
    assert naming("xfs", casefold=False) is Naming.UNKNOWN


def test_a_file_system_is_known_by_its_number_without_proc() -> None:
    assert type_of(0xEF53) == "ext4"
    assert type_of(0x65735546) == "fuse"
    assert not tells(type_of(0x1234))

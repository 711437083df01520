"""Is the directory that the path leads to now the one to serve?

An inode number alone proves nothing, since it gets reused; but an inotify watch pins its inode
(`fs/notify/mark.c` holds a reference), so while the watch stands, equal numbers mean the same
directory. A descriptor kept open would pin it as well, and would make every umount(8) fail with
EBUSY; a watch does not. Where there is no watch, each poll reads whatever the path leads to and
identity does not matter.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DirectoryIdentity:
    """What was found at the end of the path, once, in one look."""

    path: bytes
    """The real path, without symbolic links."""
    mount: int
    """The id of the mount that it lies on."""
    device: int
    inode: int
    is_mount: bool
    """Something is mounted just here."""
    filesystem: str
    """Its type, as in mountinfo: ext4, nfs4, fuse.sshfs ..."""


def unmounted(sight: DirectoryIdentity, *, must_be_mount: bool) -> str:
    """Why `sight` must not be served although it is there, or empty.

    A directory that was a mount point when it was first seen is a mere empty directory while
    the disk is away. Serving that as the truth is how people lose data.
    """
    if must_be_mount and not sight.is_mount:
        return "nothing is mounted on it"
    return ""


def replaced(before: DirectoryIdentity, now: DirectoryIdentity) -> str:
    """How `now` is another directory than `before`, or empty if it is the same one."""
    if before.path != now.path:
        return "the path leads to another directory"
    if before.mount != now.mount or before.device != now.device:
        return "another file system is mounted on it"
    if before.inode != now.inode:
        return "another directory was put in its place"
    return ""


REMOTE = frozenset(
    "9p afs beegfs ceph cifs coda fuse gfs2 glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs "
    "smb3 smbfs sshfs virtiofs".split()
)
"""File systems that change without inotify hearing of it: another host, or a process behind
FUSE, makes the change and this kernel's VFS never sees it."""


def announces(filesystem: str) -> bool:
    """True if inotify hears of every change on `filesystem`."""
    return filesystem.split(".", maxsplit=1)[0] not in REMOTE

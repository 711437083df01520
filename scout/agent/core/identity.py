"""Is the directory that the path leads to now the one to serve?

An inode number alone proves nothing, since it gets reused; but an inotify watch pins its inode
(`fs/notify/mark.c` holds a reference), so while the watch stands, equal numbers mean the same
directory. That the watch stands is proven by adding it again: the same descriptor comes back (a
btrfs subvolume keeps device and inode when it is deleted and made again, and the end of a watch
can be lost with other events). A descriptor kept open would pin the inode as well, and would make
every umount(8) fail with EBUSY; a watch does not.

Without a watch the inode means nothing: network file systems and FUSE make up numbers as they go.
Each poll reads whatever the path leads to, so path, mount and device tell enough.
"""

from dataclasses import dataclass

from scout.agent.core.filesystems import Naming

ROOT = b"/"


@dataclass(frozen=True, slots=True)
class DirectoryIdentity:
    """What was found at the end of the path, once, in one look."""

    path: bytes
    """The real path, without symbolic links."""
    mount: int
    """The id of the mount that it lies on; where that can't be had, the device."""
    device: int
    inode: int
    point: bytes
    """Where that mount is mounted; `ROOT` if it is the root file system, or that is unknown."""
    filesystem: str
    """Its type, as in mountinfo: ext4, nfs4, fuse.sshfs ..."""
    naming: Naming = Naming.EXACT
    folder: bool = False
    """The mount shows a mere folder of its file system, as a volume of a container does."""


class Home:
    """The mount that the directory has to lie on.

    A directory below a mount point exists beneath the mount as well, as a rule, and is empty
    there. Serving that as the truth while the disk is away is how people lose data. So the place
    of the mount that the directory lay on when it was first seen is remembered, and required: the
    place and not the disk, since another disk there was put there by somebody who meant it. What is
    mounted further down, on the way to the directory or on it, is welcome and may go again. The
    root file system can't go.
    """

    def __init__(self, *, require_mount: bool) -> None:
        """`require_mount`: the root file system will not do, nor a folder of some file system that
        is bound above the directory. That is how a container sees its host, disk or no disk."""
        self._require_mount = require_mount
        self._point: bytes | None = None

    @property
    def known(self) -> bool:
        """A mount is remembered."""
        return self._point is not None

    def remember(self, seen: DirectoryIdentity) -> None:
        """`seen`, which is not `away`, is served for the first time, or the path is a link that
        leads elsewhere now."""
        self._point = seen.point

    def away(self, seen: DirectoryIdentity) -> str:
        """Why `seen` must not be served although it is there, or empty."""
        point = self._point or ROOT
        if point != ROOT and _below(seen.path, point) and not _below(seen.point, point):
            return f"nothing is mounted at {point.decode('utf-8', 'backslashreplace')}"
        if self._require_mount and seen.point == ROOT:
            return "nothing is mounted on it or above it: it lies on the root file system"
        if self._require_mount and seen.folder and seen.point != seen.path:
            where = seen.point.decode("utf-8", "backslashreplace")
            return f"nothing is mounted on it: {where} is bound from a folder, and is no disk"
        return ""


def absolute(path: bytes) -> bytes:
    """The configured path as the client's name: one spelling for what can't be two directories.

    ".." and links stay, since where they lead is not known from the text.
    """
    return b"/" + b"/".join(part for part in path.split(b"/") if part not in (b"", b"."))


def _below(path: bytes, point: bytes) -> bool:
    """True if `path` is `point` or lies below it."""
    return path == point or path.startswith(point.rstrip(b"/") + b"/")


def replaced(before: DirectoryIdentity, now: DirectoryIdentity, *, watched: bool) -> str:
    """How `now` is another directory than `before`, or empty if it is the same one."""
    if before.path != now.path:
        return "the path leads to another directory"
    if before.mount != now.mount or before.device != now.device:
        return "another file system is mounted on it"
    if watched and before.inode != now.inode:
        return REPLACED
    return ""


REPLACED = "another directory was put in its place"

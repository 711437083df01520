"""One look at the watched directory: what the path leads to, and whether it may be read.

Everything here may hang on a dead file system (NFS, FUSE), so after the start it runs on the
scanner's thread only, never on the event loop. It does without /proc where there is none.
"""

import ctypes
import errno
import fcntl
import os
import re
import stat
import struct

from scout.agent.core.filesystems import naming, type_of
from scout.agent.core.identity import ROOT, DirectoryIdentity
from scout.errors import DirectoryMissing, NoPermission
from scout.process.values import wrapping

OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
"""Not O_PATH: opening for reading is the proof that the directory may be listed."""

PATH = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC

_LIBC = ctypes.CDLL(None, use_errno=True)

_AT_EMPTY_PATH = _STATX_MNT_ID = 0x1000
_MNT_ID_AT = 0x90
"""Where `stx_mnt_id` stands in `struct statx` (linux/stat.h)."""

_SUBVOLUME = 256
"""The inode number of each subvolume's root (BTRFS_FIRST_FREE_OBJECTID in linux/btrfs_tree.h)."""

_GETFLAGS, _CASEFOLD = 0x80086601, 0x40000000
"""FS_IOC_GETFLAGS and FS_CASEFOLD_FL (linux/fs.h)."""

_FLAGGED = frozenset("bcachefs ext4 f2fs overlay tmpfs".split())
"""File systems whose directories may carry that flag."""


class Unavailable(Exception):
    """The directory can't be vouched for right now; the text says why, for people to read."""


def check_directory(directory: bytes) -> None:
    """Can it be watched? Raises `DirectoryMissing` or `NoPermission` if not."""
    try:
        if not stat.S_ISDIR(os.stat(directory).st_mode):
            raise DirectoryMissing(
                "not a directory", directory, "give the directory that holds the files"
            )
        with os.scandir(directory):
            pass
        readable = os.access(directory, os.X_OK, effective_ids=True)
    except FileNotFoundError as error:
        around = wrapping(os.fsdecode(directory))
        hint = "make it, or give another one" + (f"; {around}" if around else "")
        raise DirectoryMissing("the directory does not exist", directory, hint) from error
    except PermissionError:
        readable = False
    except OSError as error:
        raise DirectoryMissing(
            "the directory can't be read", directory, error.strerror or str(error)
        ) from error
    if not readable:
        raise NoPermission(
            "no permission to read the directory",
            directory,
            "give this user the right to read and search it (r and x)",
        )


def look(path: bytes) -> DirectoryIdentity:
    """Look once. Raises `Unavailable` with the reason if there is nothing to serve."""
    try:
        real = os.path.realpath(path, strict=True)
        descriptor = os.open(real, OPEN)
    except OSError as error:
        raise Unavailable(explain(error)) from error
    try:
        return sight(real, descriptor)
    except OSError as error:
        raise Unavailable(explain(error)) from error
    finally:
        os.close(descriptor)


def sight(real: bytes, descriptor: int) -> DirectoryIdentity:
    """What the open directory `descriptor`, found at the real path `real`, is. Raises OSError."""
    status = os.fstat(descriptor)
    # Searching needs the execute bit, which opening did not ask for.
    os.stat(b".", dir_fd=descriptor)
    mount = _mount_of(descriptor)
    found = _mounted(mount) if mount else None
    if found is None:
        found = _point_above(real, mount or status.st_dev), _statfs_type(descriptor), False
    point, filesystem, folder = found
    casefold = filesystem in _FLAGGED and _ignores_case(descriptor)
    return DirectoryIdentity(
        real,
        mount or status.st_dev,
        status.st_dev,
        status.st_ino,
        point,
        filesystem,
        naming(filesystem, casefold=casefold),
        folder,
    )


def explain(error: OSError) -> str:
    """The reason behind `error` in an operator's words."""
    match error.errno:
        case errno.ENOENT:
            return "the directory does not exist"
        case errno.ENOTDIR:
            return "it is not a directory"
        case errno.EACCES | errno.EPERM:
            return "no permission to read the directory"
        case errno.ENOTCONN | errno.ESTALE | errno.EIO | errno.EHOSTDOWN | errno.ENODEV:
            return f"the file system does not work: {error.strerror}"
    return f"the directory can't be read: {error.strerror}"


def _mount_of(descriptor: int) -> int:
    """The id of the mount that `descriptor` lies on; 0 if it can't be had.

    By statx(2), of Linux 5.8 and later, and otherwise by proc_pid_fdinfo(5).
    """
    found = ctypes.create_string_buffer(256)
    try:
        failed = _LIBC.statx(descriptor, b"", _AT_EMPTY_PATH, _STATX_MNT_ID, found)
    except AttributeError:
        failed = -1
    if not failed and struct.unpack_from("I", found.raw)[0] & _STATX_MNT_ID:
        return int(struct.unpack_from("Q", found.raw, _MNT_ID_AT)[0])
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", "rb") as lines:
            for line in lines:
                if line.startswith(b"mnt_id:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def _mounted(mount: int) -> tuple[bytes, str, bool] | None:
    """Where a mount is mounted, its type, and whether it shows a mere folder of its file system
    (proc_pid_mountinfo(5)); None if that is not known there: without /proc, or if it lies above our
    root directory.

    What is bound over itself (a sandbox does so, to make it read-only) shows what lies beneath as
    well; so it counts as the mount that it is bound over.
    """
    try:
        with open("/proc/self/mountinfo", "rb") as lines:
            table = {fields[0]: fields for line in lines if len(fields := line.split(b" ")) > 6}
    except OSError:
        return None
    found = table.get(b"%d" % mount)
    if found is None:
        return None
    kind = found[found.index(b"-", 6) + 1].decode("ascii", "replace")
    seen = 0
    while (above := table.get(found[1])) is not None and seen < len(table):
        (device, root, point), (over, its_root, its_point) = found[2:5], above[2:5]
        below = point.removeprefix(its_point.rstrip(b"/"))
        if device != over or root != its_root.rstrip(b"/") + below or above is found:
            break
        found, seen = above, seen + 1
    point = _unescape(found[4])
    return point, kind, found[3] != ROOT and not (kind == "btrfs" and _is_subvolume(point))


def _is_subvolume(point: bytes) -> bool:
    """Whether a directory of btrfs is one: it can be mounted as a disk of its own."""
    try:
        return os.stat(point).st_ino == _SUBVOLUME
    except OSError:
        return False


def _unescape(field: bytes) -> bytes:
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), field)


def _point_above(real: bytes, mount: int) -> bytes:
    """The highest directory on the way to `real` that lies on the same mount."""
    point = real
    while point != ROOT:
        above = os.path.dirname(point)
        try:
            descriptor = os.open(above, PATH)
        except OSError:
            return point
        try:
            if (_mount_of(descriptor) or os.fstat(descriptor).st_dev) != mount:
                return point
        finally:
            os.close(descriptor)
        point = above
    return ROOT


def _statfs_type(descriptor: int) -> str:
    found = ctypes.create_string_buffer(256)
    if _LIBC.fstatfs(descriptor, found):
        return "an unknown file system"
    return type_of(struct.unpack_from("@l", found.raw)[0])


def _ignores_case(descriptor: int) -> bool:
    """True if this very directory carries the flag (`chattr +F`)."""
    flags = bytearray(8)
    try:
        fcntl.ioctl(descriptor, _GETFLAGS, flags)
    except OSError:
        return False
    return bool(struct.unpack_from("I", flags)[0] & _CASEFOLD)

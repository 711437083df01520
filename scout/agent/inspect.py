"""One look at the watched directory: what the path leads to, and whether it may be read.

Everything here may hang on a dead file system (NFS, FUSE), so after the start it runs on the
scanner's thread only, never on the event loop.
"""

import errno
import os

from scout.agent.core.identity import DirectoryIdentity

OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
"""Not O_PATH: opening for reading is the proof that the directory may be listed."""


class Unavailable(Exception):
    """The directory can't be vouched for right now; the text says why, for people to read."""


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
    parent = os.open(b"..", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)
    try:
        above = os.fstat(parent)
        is_root = (above.st_dev, above.st_ino) == (status.st_dev, status.st_ino)
        is_mount = is_root or _mount_of(parent) != mount
    finally:
        os.close(parent)
    return DirectoryIdentity(
        real, mount, status.st_dev, status.st_ino, is_mount, _filesystem(mount)
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
    """The id of the mount that `descriptor` lies on (proc_pid_fdinfo(5))."""
    with open(f"/proc/self/fdinfo/{descriptor}", "rb") as lines:
        for line in lines:
            if line.startswith(b"mnt_id:"):
                return int(line.split()[1])
    return 0


def _filesystem(mount: int) -> str:
    """The type of the file system of a mount (proc_pid_mountinfo(5))."""
    with open("/proc/self/mountinfo", "rb") as lines:
        for line in lines:
            fields = line.split(b" ")
            if int(fields[0]) == mount:
                return fields[fields.index(b"-", 6) + 1].decode("ascii", "replace")
    return ""

"""File names as Scout knows them: bytes, checked before they are believed, and summed up.

A Linux file name is any sequence of 1 to 4,095 bytes without "/" and NUL (path_resolution(7));
"." and ".." are not files.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

MAX_LENGTH = 4095
"""Bytes in a name: what the kernel's interface allows, whatever the file system.

`NAME_MAX`, 255, is what most file systems keep to, and no bound: vfat, exFAT, NTFS and CIFS count
255 UTF-16 units, which are up to 765 bytes, and FUSE takes 1,024, or more if both ends agree. A
path that is given to the kernel has at most 4,095 bytes (`PATH_MAX` less its NUL, see getname in
fs/namei.c), and a directory that lists a longer name is read as EIO (verify_dirent_name in
fs/readdir.c; tried with 4,095 and 4,096 by a FUSE file system of our own).
"""

MASK = (1 << 64) - 1


def digest(names: Iterable[bytes]) -> int:
    """The sum modulo 2^64 of each name's BLAKE2b-64.

    It does not depend on order, so a change moves it in O(1): add or subtract. A sum and not an
    exclusive-or, so that a name counted twice does not vanish. About 0.4 microseconds a name.
    """
    decode = int.from_bytes
    return sum([decode(blake2b(name, digest_size=8).digest(), "little") for name in names]) & MASK


def bytes_of(names: Iterable[bytes]) -> int:
    """How many bytes the names are, all together."""
    return sum(map(len, names))


def fault(names: Sequence[bytes]) -> str | None:
    """Why `names` are not all file names, or None if they are. Does not look for duplicates."""
    if not names:
        return None
    if not all(names):
        return "an empty name"
    if max(map(len, names)) > MAX_LENGTH:
        return f"a name of more than {MAX_LENGTH} bytes"
    joined = b"/".join(names)
    if joined.count(b"/") != len(names) - 1:
        return 'a name with "/"'
    if b"\0" in joined:
        return "a name with NUL"
    if b"." in names or b".." in names:
        return '"." or ".." as a name'
    return None


def ascends(names: Sequence[bytes]) -> bool:
    """True if each name is greater than the one before it, by bytes."""
    return all(map(bytes.__lt__, names, names[1:]))

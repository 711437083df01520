"""What is known of a file system by its type: does inotify hear of every change on it, and does an
`lstat` of a name prove that the directory has that very name?

Both lists name what is known to be so. What is not named is polled, and its listings alone are
believed: slower, and never wrong. Types are those of mountinfo: ext4, nfs4, fuse.sshfs ...
"""

from enum import Enum


class Naming(Enum):
    """What looking a name up proves about the directory's list of names."""

    EXACT = "exact"
    """A name is found under no other spelling, and is gone once it was removed."""
    UNKNOWN = "unknown"
    """Exact as a rule; how the file system was made decides. To be learned from its answers."""
    LOOSE = "loose"
    """A name may be found under another spelling or for a while after it went: only a listing
    says how the names are spelled, and which there are."""


_EXACT = frozenset(
    "bcachefs btrfs ext2 ext3 ext4 f2fs minix nilfs2 overlay ramfs reiserfs tmpfs ubifs "
    "erofs squashfs romfs cramfs".split()
)
"""Where some directories ignore case (ext4 and others with +F), a flag of the directory says so."""

_UNKNOWN = frozenset("jfs xfs".split())
"""Whether they ignore case was decided when the file system was made."""

_LOOSE = frozenset(
    "apfs affs exfat fuseblk hfs hfsplus iso9660 msdos ntfs ntfs3 udf vfat zfs".split()
)
"""`fuseblk` is a process that has a block device for itself (ntfs-3g, exfat-fuse), so all changes
come through this kernel; but the kernel caches names for it, and it may ignore case. zfs may
normalise and heed case all the same, which names without accents don't show."""

_MAGICS = {
    0xEF53: "ext4",
    0x01021994: "tmpfs",
    0x858458F6: "ramfs",
    0x58465342: "xfs",
    0x9123683E: "btrfs",
    0x794C7630: "overlay",
    0xF2F52010: "f2fs",
    0xCA451A4E: "bcachefs",
    0x2FC12FC1: "zfs",
    0x4D44: "vfat",
    0x2011BAB0: "exfat",
    0x7366746E: "ntfs3",
    0x65735546: "fuse",
    0x6969: "nfs",
    0xFF534D42: "cifs",
    0xFE534D42: "smb3",
    0x9FA0: "proc",
    0x62656572: "sysfs",
    0x01021997: "9p",
}
"""statfs(2): for where there is no mountinfo."""


def type_of(magic: int) -> str:
    """The type that `f_type` of statfs(2) stands for, or its number."""
    return _MAGICS.get(magic & 0xFFFFFFFF, f"type {magic & 0xFFFFFFFF:#x}")


def tells(filesystem: str) -> bool:
    """True if inotify is known to hear of every change on `filesystem`.

    It hears what this kernel's VFS does. Another host (NFS, CIFS, cluster file systems), a process
    (FUSE) or the kernel itself (proc, sysfs, cgroup) changes names behind its back. On overlay only
    changes through the overlay are heard; others are not allowed while it is mounted
    (overlayfs.rst, "Changes to underlying filesystems").
    """
    return filesystem in _EXACT or filesystem in _UNKNOWN or filesystem in _LOOSE


def naming(filesystem: str, *, casefold: bool) -> Naming:
    """What a lookup proves. `casefold`: the directory carries the flag that ignores case."""
    if casefold:
        return Naming.LOOSE
    if filesystem in _EXACT:
        return Naming.EXACT
    return Naming.UNKNOWN if filesystem in _UNKNOWN else Naming.LOOSE

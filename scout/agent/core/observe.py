"""inotify events -> what they put in doubt.

An event is a hint and proves nothing: by the time it is read, the file may have changed again.
So nothing here says that a file exists. Sources: inotify(7), and `fs/notify` in Linux 6.x.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntFlag
from struct import Struct


class Mask(IntFlag):
    """The inotify bits that matter here (`linux/inotify.h`)."""

    MOVED_FROM = 0x40
    MOVED_TO = 0x80
    CREATE = 0x100
    DELETE = 0x200
    DELETE_SELF = 0x400
    MOVE_SELF = 0x800
    UNMOUNT = 0x2000
    Q_OVERFLOW = 0x4000
    IGNORED = 0x8000
    ONLYDIR = 0x01000000


WANTED = (
    Mask.CREATE
    | Mask.DELETE
    | Mask.MOVED_FROM
    | Mask.MOVED_TO
    | Mask.DELETE_SELF
    | Mask.MOVE_SELF
    | Mask.ONLYDIR
)
"""What to ask for. Not ATTRIB: it would cost an event for every chmod of every file, and the poll
sees within seconds when the directory itself becomes unreadable."""

# Plain numbers: an operation on a flag enumeration takes half a microsecond, and a storm brings
# 100,000 events.
_ENTRY = int(Mask.CREATE | Mask.DELETE | Mask.MOVED_FROM | Mask.MOVED_TO)
_MOVED_FROM = int(Mask.MOVED_FROM)
_LOST = {
    Mask.DELETE_SELF: "the directory was deleted",
    Mask.MOVE_SELF: "the directory was renamed",
    Mask.UNMOUNT: "the file system was unmounted",
    Mask.IGNORED: "the kernel dropped the watch",
}


Event = tuple[int, int, int, bytes]
"""One inotify event: watch descriptor, mask, rename cookie, and the entry's name, or b""."""

_HEAD = Struct("iIII")


def decode(data: bytes) -> Iterator[Event]:
    """The events in what was read from an inotify descriptor (inotify(7))."""
    end, size = 0, len(data)
    while end < size:
        wd, mask, cookie, length = _HEAD.unpack_from(data, end)
        start = end + _HEAD.size
        end = start + length
        yield wd, mask, cookie, data[start:end].rstrip(b"\0")


@dataclass(slots=True)
class Observation:
    """What a batch of events amounts to."""

    doubted: dict[bytes, None] = field(default_factory=dict)
    """Names to settle, in the order of their first event, each once."""
    everything: str = ""
    """Why everything is in doubt, or empty."""
    lost: str = ""
    """Why the directory may be gone, or empty."""
    proofs: set[int] = field(default_factory=set)
    """Watches other than the directory's that the kernel reported as removed: the canaries."""
    half_renamed: bytes = b""
    """The batch ends in the first half of a rename; the other half is about to be queued."""
    events: int = 0
    stirred: bool = False
    """Something changed in the directory, be it a name that does not count."""


def observe(events: Iterable[Event], watch: int, *, hidden: bool) -> Observation:
    """Sum up `events` of the watch descriptor `watch`.

    `hidden`: whether names that start with "." count. The two halves of a rename are queued one
    after the other but not atomically (inotify(7)), hence `half_renamed`.
    """
    seen = Observation()
    doubted = seen.doubted
    for wd, mask, _, name in events:
        seen.events += 1
        seen.half_renamed = b""
        if wd == watch:
            if mask & _ENTRY:
                seen.stirred = True
                if hidden or not name.startswith(b"."):
                    doubted[name] = None
                    if mask & _MOVED_FROM:
                        seen.half_renamed = name
            else:
                seen.lost = seen.lost or _loss(mask)
        elif mask & Mask.Q_OVERFLOW:
            seen.everything = "the kernel's event queue overflowed"
        elif mask & Mask.IGNORED:
            seen.proofs.add(wd)
        elif not seen.everything:
            seen.everything = "an event of a watch that is not ours"
    return seen


def _loss(mask: int) -> str:
    """What an event about the directory itself says of it."""
    return next((reason for bit, reason in _LOST.items() if mask & bit), "")

"""A run of the sorted list: immutable, so that readers share it without a lock."""

from array import array
from collections.abc import Sequence

LOAD = 1000
"""Entries in a chunk when it is made. A change copies one chunk (about 10 microseconds) and
renders one anew (about 100); a reader walks over all of them."""

MOST = 2 * LOAD
"""A chunk that grows beyond is split."""


class Chunk:
    """Entries in the order of (name, owner), as two parallel columns. Never changed once made.

    `owners_within` holds every owner that occurs, and possibly some that no longer do. `rendered`
    is a cache that belongs to whoever renders, on any thread: what is put there depends on the
    entries alone, so two who do it at once put the same.
    """

    __slots__ = ("names", "owners", "owners_within", "rendered")

    def __init__(
        self, names: list[bytes], owners: "array[int]", owners_within: frozenset[int]
    ) -> None:
        self.names = names
        self.owners = owners
        self.owners_within = owners_within
        self.rendered: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self.names)

    @property
    def key(self) -> tuple[bytes, int]:
        """The first entry."""
        return self.names[0], self.owners[0]

    @property
    def entries(self) -> list[tuple[bytes, int]]:
        """All entries, as pairs."""
        return list(zip(self.names, self.owners, strict=True))


def cut(entries: Sequence[tuple[bytes, int]]) -> list[Chunk]:
    """Chunks of about `LOAD` entries, none empty."""
    if not entries:
        return []
    pieces = max(1, round(len(entries) / LOAD))
    step = -(-len(entries) // pieces)
    return [_chunk(entries[start : start + step]) for start in range(0, len(entries), step)]


def split(names: list[bytes], owners: "array[int]", owners_within: frozenset[int]) -> list[Chunk]:
    """The columns as one chunk, as several if they are too long, or as none if they are empty."""
    if not names:
        return []
    if len(names) <= MOST:
        return [Chunk(names, owners, owners_within)]
    return cut(list(zip(names, owners, strict=True)))


def _chunk(entries: Sequence[tuple[bytes, int]]) -> Chunk:
    owners = array("I", [owner for _, owner in entries])
    return Chunk([name for name, _ in entries], owners, frozenset(owners))

"""One listing of the directory, joined with the events around it: what is to be believed of it?

Rules of this file:

1. A name that an event mentions while the directory is listed is that event's business: by itself a
   listing can miss a file that always existed, if it is renamed meanwhile (ext4 does).
2. A listing is quiet if nothing changed from before its start until after its end: no event came,
   with the kernel's queue read to its end at both; or, where there are none, the listing before it
   was the same and the directory's time of modification stood still across both. A quiet listing
   decides alone, how names are spelled and which are gone.
3. Otherwise a believed name that is not listed is gone if a lookup does not find it. If one does
   it is a *suspect*: the lookup may find another spelling, or what the file system remembers. It
   stays, unless it is known to be another spelling of a listed name, until a quiet listing decides,
   or `MISSES` running have missed it: ext4 misses no file twice running.

Owned by one thread.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

MISSES = 4
"""Listings running that decide together although none of them was quiet."""


@dataclass(slots=True)
class Listing:
    """How a listing differs from what was believed, and what it cost."""

    appeared: list[bytes]
    gone: list[bytes]
    """Not listed, and not found by a lookup."""
    standing: list[bytes] = field(default_factory=list)
    """Not listed, but found by a lookup."""
    aliases: frozenset[bytes] = frozenset()
    """Those of `standing` that are another spelling of a listed name."""
    unexamined: frozenset[bytes] = frozenset()
    """Entries of an unknown kind that can't be looked at."""
    modified: tuple[int, int] = (0, 0)
    """The directory's time of modification in nanoseconds, at the start and at the end."""
    seconds: float = 0.0
    """What the reading took, by the clock on the wall."""
    exact: bool | None = None
    """Whether names are found under one spelling only, if that was learned."""


class Reconciler:
    """Joins listings with events, one listing after another."""

    def __init__(self) -> None:
        self._mentioned: set[bytes] | None = None
        self._stirred = False
        self._watched = False
        self._misses: dict[bytes, int] = {}
        self._modified = -1

    @property
    def mentioned(self) -> int:
        """How many names are put aside for their events."""
        return len(self._mentioned or ())

    def begin(self, *, watched: bool) -> None:
        """A listing starts; the queue of events was read to its end just now."""
        self._mentioned = set()
        self._stirred = False
        self._watched = watched

    def stir(self) -> None:
        """An event came that tells of a change in the directory, whatever its name."""
        self._stirred = True

    def mention(self, names: Iterable[bytes]) -> None:
        """Events put `names` in doubt."""
        if self._mentioned is not None:
            self._mentioned.update(names)

    def void(self) -> None:
        """Too much happened: the listing under way proves nothing."""
        self._mentioned = None

    def forget(self) -> None:
        """Another directory: nothing is left open from before."""
        self._misses, self._modified = {}, -1

    def open(self, name: bytes) -> bool:
        """True if the listing, and no event, speaks of `name`."""
        return self._mentioned is not None and name not in self._mentioned

    @property
    def valid(self) -> bool:
        """False if the listing proves nothing."""
        return self._mentioned is not None

    def judge(self, listing: Listing) -> tuple[list[bytes], list[bytes]]:
        """The listing ended, and the queue of that moment was read to its end. Which names are
        gone, and which are suspects."""
        if self._quiet(listing):
            self._misses = {}
            self._modified = listing.modified[1]
            return listing.gone + listing.standing, []
        gone, suspects = list(listing.gone), []
        before, self._misses = self._misses, {}
        for name in listing.standing:
            misses = before.get(name, 0) + 1
            if name in listing.aliases or misses >= MISSES:
                gone.append(name)
            elif self.open(name):
                self._misses[name] = misses
                suspects.append(name)
        still = listing.modified[0] == listing.modified[1]
        self._modified = listing.modified[1] if still else -1
        return gone, suspects

    def end(self) -> None:
        """The listing is believed; events speak for themselves again."""
        self._mentioned = None

    def _quiet(self, listing: Listing) -> bool:
        if self._watched:
            return not self._stirred
        start, end = listing.modified
        same = not listing.appeared and not listing.gone and listing.standing
        return (
            start == end == self._modified
            and bool(same)
            and set(listing.standing) == set(self._misses)
        )

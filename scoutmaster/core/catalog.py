"""The sorted list of all visible files of all clients.

Rules of this file:

1. `chunks` is what readers see: immutable, replaced whole at each change. One writer, the event
   loop; any number of readers, without a lock.
2. A small change is made at once. A large one (a whole client comes, goes or is replaced) waits
   for a pass that `work` makes in slices; its effect is seen in one step at its end.
3. While a pass runs, changes of clients that it does not concern are seen at once, and are
   repeated on its result; changes of those that it does concern are kept for its result.
4. The last request for a client counts. A request for a client that a running pass concerns
   waits for the next pass.
5. What a pass has replaced is let go in slices as well: to free a million names takes 33 ms.
"""

from collections.abc import Sequence

from scoutmaster.core.chunk import LOAD, Chunk
from scoutmaster.core.index import Index
from scoutmaster.core.merge import Merge
from scoutmaster.core.sorted_names import SortedNames

SMALL = 256
"""A client with fewer names, before and after, comes and goes at once. It takes 0.1 to 2 ms; 15
if each name lies in another chunk that hundreds of clients share."""

CREDIT = 2500
"""How much of that may follow one upon another, in names, each client counted as `FARE` names
more: 5 ms. Then the next ones wait for a pass, which takes thousands at once. There is no clock
here, so the credit is renewed by that pass; it costs one client in many a few milliseconds."""

FARE = 50

BUDGET = 2000
"""Entries in a slice of a pass: 2 to 5 ms."""


class Catalog:
    """The list. Owners are numbers that are never used for another client."""

    def __init__(self) -> None:
        self.chunks: tuple[Chunk, ...] = ()
        self.files = 0
        self._index = Index()
        self._sizes: dict[int, int] = {}
        self._waiting: dict[int, SortedNames | None] = {}
        self._merge: Merge | None = None
        self._replaced: list[Chunk] = []
        self._coming: dict[int, int] = {}
        self._credit = CREDIT

    @property
    def busy(self) -> bool:
        """True while a large change waits or is being made."""
        return self._merge is not None or bool(self._waiting)

    def show(self, owner: int, holding: SortedNames) -> None:
        """Let `owner` be seen with just the names that `holding` has when this is carried out."""
        self._request(owner, holding)

    def hide(self, owner: int) -> None:
        """Let `owner` be seen no more."""
        self._request(owner, None)

    def change(self, owner: int, added: Sequence[bytes], removed: Sequence[bytes]) -> None:
        """A client that is, or was asked to be, shown has changed; its holding has so already."""
        if owner in self._waiting:
            return  # the pass will read the holding when it begins
        merge = self._merge
        if merge is not None and owner in merge.owners:
            if owner in merge.shown:
                merge.log.append((owner, added, removed))
                self._coming[owner] += len(added) - len(removed)
            return
        self._change(owner, added, removed)

    def work(self, budget: int = BUDGET) -> bool:
        """Do a slice of a pass, or of what is left of the last one. True while there is more."""
        if self._replaced:
            del self._replaced[-(budget // LOAD + 1) :]
            return self.busy or bool(self._replaced)
        if self._merge is None:
            if not self._waiting:
                return False
            self._begin()
            return True
        index = self._merge.step(budget)
        if index is not None:
            self._replaced = list(self.chunks)
            self._commit(index)
        return self.busy or bool(self._replaced)

    def check(self) -> None:
        """Raise AssertionError where the rules do not hold. For tests."""
        self._index.check()
        assert list(self.chunks) == self._index.chunks
        assert self.files == sum(map(len, self.chunks)) == sum(self._sizes.values())
        for owner, size in self._sizes.items():
            assert len(self._index.names_of(owner)) == size

    def _request(self, owner: int, holding: SortedNames | None) -> None:
        engaged = owner in self._waiting or (
            self._merge is not None and owner in self._merge.owners
        )
        before, after = self._sizes.get(owner, 0), len(holding) if holding is not None else 0
        cost = before + after + FARE
        if engaged or before + after > SMALL or cost > self._credit:
            self._waiting[owner] = holding
            return
        self._credit -= cost
        old = set(self._index.names_of(owner)) if before else set()
        new = set(holding) if holding is not None else set()
        self._change(owner, sorted(new - old), sorted(old - new))
        self._sizes[owner] = after
        if holding is None:
            del self._sizes[owner]

    def _change(self, owner: int, added: Sequence[bytes], removed: Sequence[bytes]) -> None:
        if not added and not removed:
            return
        self._index.change(owner, added, removed)
        if self._merge is not None:
            self._merge.log.append((owner, added, removed))
        difference = len(added) - len(removed)
        self._sizes[owner] = self._sizes.get(owner, 0) + difference
        self.files += difference
        self.chunks = tuple(self._index.chunks)

    def _begin(self) -> None:
        waiting, self._waiting = self._waiting, {}
        shown = {owner: holding for owner, holding in waiting.items() if holding is not None}
        self._coming = {owner: len(holding) for owner, holding in shown.items()}
        incoming = {owner: holding.still() for owner, holding in shown.items()}
        self._merge = Merge(self.chunks, frozenset(waiting), incoming)

    def _commit(self, index: Index) -> None:
        assert self._merge is not None
        for owner in self._merge.owners:
            self._sizes.pop(owner, None)
        self._sizes.update(self._coming)
        self._merge, self._coming, self._credit = None, {}, CREDIT
        self._index = index
        self.chunks = tuple(index.chunks)
        self.files = sum(self._sizes.values())

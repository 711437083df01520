"""A large change of the index, made on the side and in slices.

Whole clients come and go at once: a first snapshot of a million names, a network that is cut.
All that waits is taken together into one linear pass over the index as it was at the start. Who
reads meanwhile reads the old index; the new one takes its place in one step at the end.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import repeat

from scoutmaster.core.chunk import LOAD, MOST, Chunk, cut
from scoutmaster.core.index import Index

Entry = tuple[bytes, int]


class Merge:
    """One pass. `owners` are those whose entries it settles, to what `incoming` says or to none."""

    def __init__(
        self,
        chunks: Sequence[Chunk],
        owners: frozenset[int],
        incoming: Mapping[int, Iterable[bytes]],
    ) -> None:
        """`incoming`: the names of each owner that is to be seen, ascending; read as the pass goes
        on."""
        self.owners = owners
        self.shown = frozenset(incoming)
        self.log: list[tuple[int, Sequence[bytes], Sequence[bytes]]] = []
        self._replayed = 0
        self._haste, self._backlog = 1, float("inf")
        self._old = chunks
        self._at = 0
        self._rest: list[Entry] | None = None
        self._entries: Iterator[Entry] = merge(
            *(zip(names, repeat(owner)) for owner, names in incoming.items())
        )
        self._next = next(self._entries, None)
        self._new: list[Chunk] = []
        self._tail: list[Entry] = []
        self._index: Index | None = None

    def step(self, budget: int) -> Index | None:
        """Handle about `budget` entries (1 to 3 microseconds each). The new index at the end."""
        while budget > 0:
            if self._at < len(self._old):
                budget -= self._advance()
            elif self._next is not None:
                batch = self._take(None)
                self._emit(batch)
                budget -= len(batch)
            else:
                return self._replay(budget)
        return None

    def _advance(self) -> int:
        """Handle (a part of) the next old chunk. How many entries that were."""
        chunk = self._old[self._at]
        last = self._at + 1 == len(self._old)
        limit = None if last else self._old[self._at + 1].key
        batch = self._take(limit)
        cost = len(batch)
        if self._rest is None:
            if not batch and chunk.owners_within.isdisjoint(self.owners):
                self._flush()
                self._new.append(chunk)
                self._at += 1
                return 8
            self._rest = [entry for entry in chunk.entries if entry[1] not in self.owners]
            cost += len(chunk)
        rest = self._rest
        if len(batch) == LOAD:
            # More may follow that belongs before the end of this chunk.
            split = bisect_left(rest, batch[-1])
            self._rest = rest[split:]
            self._emit(sorted(rest[:split] + batch))
        else:
            self._rest = None
            self._at += 1
            self._emit(sorted(rest + batch) if batch else rest)
        return cost

    def _take(self, limit: Entry | None) -> list[Entry]:
        """The next incoming entries below `limit`, at most `LOAD`."""
        batch: list[Entry] = []
        entry = self._next
        entries = self._entries
        while entry is not None and (limit is None or entry < limit) and len(batch) < LOAD:
            batch.append(entry)
            entry = next(entries, None)
        self._next = entry
        return batch

    def _emit(self, entries: list[Entry]) -> None:
        """Append to the new index, in chunks of a good size."""
        self._tail += entries
        if len(self._tail) >= MOST:
            whole = len(self._tail) - len(self._tail) % LOAD
            self._new += cut(self._tail[:whole])
            del self._tail[:whole]

    def _flush(self) -> None:
        self._new += cut(self._tail)
        self._tail = []

    def _replay(self, budget: int) -> Index | None:
        """Bring the new index up to date with what changed since the start.

        Where more came than the slice before had done, the next one does twice as much: so it
        comes to an end however fast changes keep coming, and is no longer than that takes.
        """
        if self._index is None:
            self._flush()
            self._index = Index(self._new)
        backlog = len(self.log) - self._replayed
        if backlog >= self._backlog:
            self._haste *= 2
        self._backlog = backlog
        budget *= self._haste
        while self._replayed < len(self.log):
            if budget <= 0:
                return None
            owner, added, removed = self.log[self._replayed]
            self._index.change(owner, added, removed)
            self._replayed += 1
            budget -= 8 * (len(added) + len(removed))
        return self._index

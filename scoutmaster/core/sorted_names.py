"""One client's names as the master holds them: sorted, in short lists.

Short lists make a change cheap (one insertion moves at most `MOST` references) and cost 8 to 9
bytes a name; a set would cost 33 to 67. The idea is that of the sortedcontainers package.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise

MOST = 4096
"""Names in a run. As many as an agent sends in a part of a snapshot, so that a part becomes a run
as it is; an insertion into the longest run takes a microsecond."""

FEW = MOST // 8
"""A run that shrinks below is joined with the next one, if that is short as well."""


class OutOfStep(Exception):
    """Something that does not fit what is held; the text says how, `kind` is for counting."""

    def __init__(self, text: str, kind: str = "misfit") -> None:
        super().__init__(text)
        self.kind = kind


class SortedNames:
    """A sorted set of names. Owned by the event loop's thread."""

    def __init__(self) -> None:
        self._runs: list[list[bytes]] = []
        self._firsts: list[bytes] = []
        self._count = 0
        # The ids of runs that `still` gave away: to be copied before they are changed. An id that
        # outlives its run and becomes another's costs a needless copy, nothing else.
        self._shared: set[int] = set()

    @classmethod
    def from_sorted(cls, parts: Iterable[list[bytes]]) -> "SortedNames":
        """Take over lists of names that ascend strictly, within each and from one to the next.

        That is not looked at here; the caller, who got the lists one by one, has checked them one
        by one. Lists of at most `MOST` names are kept as they are, not copied.
        """
        it = cls()
        for part in parts:
            it._count += len(part)
            if len(part) <= MOST:
                it._runs += [part] if part else []
            else:
                it._runs += (part[start : start + MOST] for start in range(0, len(part), MOST))
        it._firsts = [run[0] for run in it._runs]
        return it

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        return chain.from_iterable(self._runs)

    def __contains__(self, name: bytes) -> bool:
        index, place = self._find(name)
        return index >= 0 and place >= 0

    def still(self) -> Iterator[bytes]:
        """The names of this moment in order, whatever becomes of the holding until they are read
        to their end. One at a time. Costs 10 microseconds for a million names: a run that changes
        meanwhile is copied then."""
        self._shared = set(map(id, self._runs))
        return chain(chain.from_iterable(self._runs.copy()), self._read())

    def apply(self, added: Sequence[bytes], removed: Sequence[bytes]) -> None:
        """Add and remove names. Raises `OutOfStep`, and changes nothing, if they do not fit."""
        if len({*added, *removed}) != len(added) + len(removed):
            raise OutOfStep("a name is named twice")
        for name in removed:
            if name not in self:
                raise OutOfStep("a name removed that is not held")
        for name in added:
            if name in self:
                raise OutOfStep("a name added that is held already")
        for name in removed:
            self._remove(name)
        for name in added:
            self._add(name)
        self._count += len(added) - len(removed)

    def check(self) -> None:
        """Raise AssertionError where the structure is broken. For tests."""
        assert all(0 < len(run) <= MOST for run in self._runs)
        assert self._firsts == [run[0] for run in self._runs]
        assert all(before < after for before, after in pairwise(self))
        assert self._count == sum(map(len, self._runs))

    def _find(self, name: bytes) -> tuple[int, int]:
        """The run in which `name` lies or would lie, and its place there; -1 for none."""
        index = bisect_right(self._firsts, name) - 1
        if index < 0:
            return -1, -1
        run = self._runs[index]
        place = bisect_left(run, name)
        found = place < len(run) and run[place] == name
        return index, place if found else -1

    def _read(self) -> Iterator[bytes]:
        """The end of `still`: nobody reads the runs any more."""
        self._shared = set()
        yield from ()

    def _own(self, index: int) -> list[bytes]:
        """The run at `index`, to be changed."""
        run = self._runs[index]
        if id(run) in self._shared:
            run = self._runs[index] = run.copy()
        return run

    def _add(self, name: bytes) -> None:
        index = max(0, bisect_right(self._firsts, name) - 1)
        if not self._runs:
            self._runs, self._firsts = [[name]], [name]
            return
        run = self._own(index)
        run.insert(bisect_left(run, name), name)
        self._firsts[index] = run[0]
        if len(run) > MOST:
            half = len(run) // 2
            self._runs.insert(index + 1, run[half:])
            self._firsts.insert(index + 1, run[half])
            del run[half:]

    def _remove(self, name: bytes) -> None:
        index, place = self._find(name)
        run = self._own(index)
        del run[place]
        if not run:
            del self._runs[index], self._firsts[index]
            return
        self._firsts[index] = run[0]
        if len(run) < FEW and index + 1 < len(self._runs):
            following = self._runs[index + 1]
            if len(run) + len(following) <= MOST // 2:
                run += following
                del self._runs[index + 1], self._firsts[index + 1]

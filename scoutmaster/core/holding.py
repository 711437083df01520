"""One client's names as the master holds them: sorted, in short lists.

Short lists make a change cheap (one insertion moves at most `MOST` references) and cost 8 to 9
bytes a name; a set would cost 33 to 67. The idea is that of the sortedcontainers package.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise

LOAD = 1000
MOST = 2 * LOAD


class Misfit(Exception):
    """A change that does not fit what is held; the text says how."""


class Holding:
    """A sorted set of names. Owned by the event loop's thread."""

    def __init__(self) -> None:
        self._runs: list[list[bytes]] = []
        self._firsts: list[bytes] = []
        self._count = 0

    @classmethod
    def from_sorted(cls, parts: Iterable[list[bytes]]) -> "Holding":
        """Take over names that ascend strictly, within each part and from part to part."""
        it = cls()
        for part in parts:
            it._count += len(part)
            for start in range(0, len(part), MOST):
                it._runs.append(part[start : start + MOST])
        it._firsts = [run[0] for run in it._runs]
        return it

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        return chain.from_iterable(self._runs)

    def __contains__(self, name: bytes) -> bool:
        index, place = self._find(name)
        return index >= 0 and place >= 0

    def flat(self) -> list[bytes]:
        """All names in order, as one new list: a copy of references, 8 ms for a million."""
        return list(chain.from_iterable(self._runs))

    def apply(self, added: Sequence[bytes], removed: Sequence[bytes]) -> None:
        """Add and remove names. Raises `Misfit`, and changes nothing, if they do not fit."""
        if len({*added, *removed}) != len(added) + len(removed):
            raise Misfit("a name is named twice")
        for name in removed:
            if name not in self:
                raise Misfit("a name removed that is not held")
        for name in added:
            if name in self:
                raise Misfit("a name added that is held already")
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

    def _add(self, name: bytes) -> None:
        index = max(0, bisect_right(self._firsts, name) - 1)
        if not self._runs:
            self._runs, self._firsts = [[name]], [name]
            return
        run = self._runs[index]
        run.insert(bisect_left(run, name), name)
        self._firsts[index] = run[0]
        if len(run) > MOST:
            half = len(run) // 2
            self._runs.insert(index + 1, run[half:])
            self._firsts.insert(index + 1, run[half])
            del run[half:]

    def _remove(self, name: bytes) -> None:
        index, place = self._find(name)
        run = self._runs[index]
        del run[place]
        if not run:
            del self._runs[index], self._firsts[index]
            return
        self._firsts[index] = run[0]
        if len(run) < LOAD // 4 and index + 1 < len(self._runs):
            following = self._runs[index + 1]
            if len(run) + len(following) <= LOAD:
                run += following
                del self._runs[index + 1], self._firsts[index + 1]

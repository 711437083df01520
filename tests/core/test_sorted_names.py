"""What the master holds of one client, against plain sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoutmaster.core.sorted_names import MOST, OutOfStep, SortedNames

SOME = st.sets(st.binary(min_size=1, max_size=2), max_size=60)


def holding(count: int) -> SortedNames:
    return SortedNames.from_sorted([[b"%08d" % number for number in range(count)]])


@given(st.sets(st.binary(min_size=1, max_size=2)), st.lists(SOME, max_size=8))
def test_it_is_the_set_of_what_was_added_and_not_removed(
    names: set[bytes], changes: list[set[bytes]]
) -> None:
    it = SortedNames.from_sorted([sorted(names)])
    for change in changes:
        it.apply(sorted(change - names), sorted(change & names))
        names ^= change
        it.check()
        assert list(it) == sorted(names)
        assert len(it) == len(names)
        assert all((name in it) is (name in names) for name in change)


@pytest.mark.parametrize("count", [0, 1, MOST, MOST + 1, 5 * MOST])
def test_it_fills_and_empties_name_by_name(count: int) -> None:
    it = SortedNames()
    names = [b"%08d" % (number * 7919 % max(1, count)) for number in range(count)]
    for start in range(0, count, 1000):
        it.apply(names[start : start + 1000], [])
        it.check()
    assert list(it) == sorted(names)
    for start in range(0, count, 1000):
        it.apply([], names[start : start + 1000])
        it.check()
    assert list(it) == []


def test_lists_that_are_no_longer_than_a_run_are_kept_as_they_are() -> None:
    """A million names must not be copied while the event loop waits."""
    parts = [[b"%02d%06d" % (part, number) for number in range(MOST)] for part in range(3)]
    it = SortedNames.from_sorted(parts)
    it.check()
    assert all(run is part for run, part in zip(it._runs, parts, strict=True))


@pytest.mark.parametrize("parts", [[], [[]], [[b"a"], []], [[], [b"a"], [], [b"b"]]])
def test_empty_parts_are_nothing(parts: list[list[bytes]]) -> None:
    it = SortedNames.from_sorted(parts)
    it.check()
    assert list(it) == [name for part in parts for name in part]
    it.apply([b"aa"], [])
    assert b"aa" in it


@pytest.mark.parametrize(
    ("added", "removed"),
    [([b"a"], []), ([], [b"z"]), ([b"x", b"x"], []), ([], [b"a", b"a"]), ([b"x"], [b"x"])],
)
def test_what_does_not_fit_changes_nothing(added: list[bytes], removed: list[bytes]) -> None:
    it = SortedNames.from_sorted([[b"a", b"b"]])
    with pytest.raises(OutOfStep):
        it.apply([b"c", *added], removed)
    assert list(it) == [b"a", b"b"]
    it.check()


def test_a_still_does_not_move_while_the_holding_changes() -> None:
    """Insertions, removals, runs that split, run empty and are joined: it sees none of them."""
    it = holding(3 * MOST)
    names = list(it)
    still = it.still()
    seen = [next(still) for _ in range(10)]
    it.apply([b"00000000-%04d" % number for number in range(MOST)], [])
    it.apply([], names[MOST : 3 * MOST - 5])
    it.apply([b"a"], names[:MOST])
    it.check()
    assert seen + list(still) == names


def test_changes_after_a_still_was_read_copy_nothing() -> None:
    it = holding(MOST // 2)
    assert len(list(it.still())) == len(it)
    before = it._runs[0]
    it.apply([b"a"], [])
    assert it._runs[0] is before

"""Sorting in slices gives what sorting at once gives."""

import random

from hypothesis import given
from hypothesis import strategies as st

from scout.agent.core.ordering import ascending


def joined(names: list[bytes], size: int) -> tuple[list[bytes], int, int]:
    """All names in the order given out, the longest run, and the number of pauses."""
    result: list[bytes] = []
    longest = pauses = 0
    for run in ascending(list(names), size):
        if run is None:
            pauses += 1
        else:
            assert run
            longest = max(longest, len(run))
            result += run
    return result, longest, pauses


@given(st.sets(st.binary(max_size=4)), st.integers(1, 20))
def test_any_set_comes_out_sorted(names: set[bytes], size: int) -> None:
    result, longest, _ = joined(list(names), size)
    assert result == sorted(names)
    assert longest <= 2 * size


def test_a_large_list_is_cut_into_slices() -> None:
    names = [b"file-%d" % number for number in range(50_000)]
    random.Random(1).shuffle(names)
    result, longest, pauses = joined(names, 2048)
    assert result == sorted(names)
    assert longest <= 4096
    assert pauses >= 50_000 // 8192

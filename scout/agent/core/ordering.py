"""Sorting a large list in slices, so that nobody waits for one long sort.

`list.sort` of a million names holds the interpreter for the better part of a second. Here the
same work is cut up by sampling (sample sort: pick splitters, distribute, sort each bucket), and
the caller may do something else between any two slices.
"""

from bisect import bisect_right
from collections.abc import Iterator

SLICE = 8192
"""Names handled between two pauses: about 4 ms of work."""

OVERSAMPLING = 16
"""Samples for each splitter. With 16 the largest bucket stays near twice the mean."""


def ascending(names: list[bytes], size: int) -> Iterator[list[bytes] | None]:
    """Yield `names` in ascending order in lists of at most `2 * size`; None marks a pause.

    Takes ownership of `names` and empties it on the way, to give its memory back early.
    """
    if len(names) <= 2 * size:
        names.sort()
        if names:
            yield names
        return
    splitters = _splitters(names, size)
    yield None
    buckets: list[list[bytes]] = [[] for _ in range(len(splitters) + 1)]
    while names:
        for name in names[-SLICE:]:
            buckets[bisect_right(splitters, name)].append(name)
        del names[-SLICE:]
        yield None
    buckets.reverse()
    while buckets:
        bucket = buckets.pop()
        bucket.sort()
        for start in range(0, len(bucket), 2 * size):
            yield bucket[start : start + 2 * size]


def _splitters(names: list[bytes], size: int) -> list[bytes]:
    """Names that cut the whole into buckets of about `size`."""
    wanted = len(names) // size
    step = max(1, len(names) // (wanted * OVERSAMPLING))
    sample = sorted(names[::step])
    return sample[OVERSAMPLING::OVERSAMPLING]

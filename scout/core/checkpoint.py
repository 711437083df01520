"""Numbered states that both ends agree on, and how far one message goes from one to the next."""

from dataclasses import dataclass

BATCH = 2048
"""Names in a delta. Spread over a large list they touch as many of the master's chunks, which
takes it 30 ms; and its event loop is not to be held for 50."""

PART = 4096
"""Names in a part of a snapshot."""

BYTES = 1024 * 1024
"""Bytes of names in a delta, or in a part of a snapshot. Names as long as there may be would make
17 MB of a part, which nobody takes in one message."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A numbered state of the directory: how many names, and their digest."""

    sequence: int
    count: int
    digest: int


NOTHING = Checkpoint(0, 0, 0)
"""Before anything was sent."""

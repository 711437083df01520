"""What is said of all directories of a process in one sentence, and which of them is worst off."""

from collections.abc import Sequence
from dataclasses import dataclass

from scout.core.labels import cut, of_path

SHOWN = 400
"""Bytes of a path or a reason in the sentence: it has to fit a datagram and a line."""


@dataclass(frozen=True, slots=True)
class Situation:
    """How one directory is doing. `trouble` says what is wrong; empty if nothing is."""

    directory: bytes
    available: bool
    """It can be vouched for."""
    connected: bool
    """The master has it registered."""
    refused: bool
    """The master itself said no."""
    trouble: str

    @property
    def listed(self) -> bool:
        """Nothing keeps its files from being listed but the way to the master."""
        return self.available and not self.refused

    @property
    def rank(self) -> int:
        """The higher the worse: what a person must change comes first."""
        if self.refused:
            return 3
        if not self.available:
            return 2
        return 1 if self.trouble or not self.connected else 0


def summarize(situations: Sequence[Situation], master: str) -> str:
    """The sentence. Numbers of files stay out of it, so that it changes with the state only."""
    count, watched = len(situations), sum(it.listed for it in situations)
    worst = max(situations, key=lambda it: it.rank)  # the first of several that are equal
    if not worst.rank:
        return f"Watching {count} directories; in touch with {master}"
    name = cut(of_path(worst.directory), SHOWN)
    trouble = cut(worst.trouble, SHOWN)
    return f"Watching {watched} of {count} directories; worst: {name}: {trouble}"

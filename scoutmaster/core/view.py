"""What a reader sees: immutable, one revision, whole."""

from dataclasses import dataclass, replace

from scoutmaster.core.chunk import Chunk


@dataclass(frozen=True, slots=True)
class View:
    """The list and what is to be known about it. `files` is the number of entries in `chunks`."""

    revision: str
    """`<epoch>-<n>`: another one for each view that differs in anything."""
    chunks: tuple[Chunk, ...]
    files: int
    complete: bool
    healthy: int
    unhealthy: int
    behind: int = 0
    """How many of the healthy know that their files are not all."""
    withdrawn: bool = False
    """It said `complete` when it was made, and that is no longer vouched for."""

    @property
    def tag(self) -> str:
        """Names all that a reader is told of it: the revision, and whether it still holds."""
        return f"{self.revision}-withdrawn" if self.withdrawn else self.revision

    def withdraw(self) -> "View":
        """The same list, for whose completeness nobody vouches now."""
        return replace(self, complete=False, withdrawn=True) if self.complete else self


@dataclass(frozen=True, slots=True)
class ClientRow:
    """One registered client. `since` is in Unix seconds, `lag` in seconds since its last word.

    `behind` and `omitted` are what it says itself: its files are shown, and are not all.
    """

    host: str
    directory: bytes
    state: str
    reason: str
    since: float
    files: int
    sequence: int
    lag: float
    version: str
    peer: str
    real_path: bytes = b""
    behind: bool = False
    omitted: int = 0

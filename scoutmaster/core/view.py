"""What a reader sees: immutable, one revision, whole."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class ClientRow:
    """One registered client. `since` is in Unix seconds, `lag` in seconds since its last word."""

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

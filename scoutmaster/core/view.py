"""What a reader sees."""

from dataclasses import dataclass

from scoutmaster.core.chunk import Chunk


@dataclass(frozen=True, slots=True)
class View:
    revision: str
    chunks: tuple[Chunk, ...]
    files: int
    complete: bool
    healthy: int
    unhealthy: int

"""What the operator decided about clients."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator decided. Durations in seconds; `expected` 0 means unknown."""

    interval: float = 2.0
    timeout: float = 1.0
    limit: int = 5
    settle: float = 10.0
    expected: int = 0
    max_clients: int = 20_000
    max_files: int = 5_000_000

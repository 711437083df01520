"""What agent and master say to each other, as values.

`protos/scout.proto` says what each field means; this file is that contract without protobuf, so
that the state machines on both sides can be run and tested without it. Values are immutable and
may be shared between threads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from scout.core.names import MAX_LENGTH


class Part(IntEnum):
    """Which part of a state a `Changes` carries. The numbers are those on the wire."""

    DELTA = 0
    FIRST = 1
    MIDDLE = 2
    LAST = 3
    ONLY = 4

    @property
    def begins(self) -> bool:
        """True for the part that starts a snapshot."""
        return self in (Part.FIRST, Part.ONLY)

    @property
    def ends(self) -> bool:
        """True for the part at which a snapshot takes effect."""
        return self in (Part.LAST, Part.ONLY)


@dataclass(frozen=True, slots=True)
class Register:
    """The agent claims (host, directory) and says what was last acknowledged to it.

    `directory` is the path as configured, made absolute; `real_path` is where it leads. `attempt`
    counts the agent's streams: of one epoch the newest wins.
    """

    host: str
    directory: bytes
    epoch: int
    acknowledged: int
    version: str
    real_path: bytes = b""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """A numbered step, or one part of a snapshot. `count` and `digest` describe the result."""

    part: Part
    sequence: int
    added: Sequence[bytes]
    removed: Sequence[bytes]
    count: int
    digest: int


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the agent vouches for its directory, and the state that it last sent whole.

    `sequence` 0 means that no state was sent whole, or that a snapshot is on its way. `behind`: the
    files may be shown, but are known not to be all. `omitted`: entries that are withheld because
    something can't take them. `reason` says why, and is empty if all is well.
    """

    serving: bool
    reason: str
    sequence: int
    count: int
    digest: int
    behind: bool = False
    omitted: int = 0


@dataclass(frozen=True, slots=True)
class Deregister:
    """The agent leaves of its own will."""


@dataclass(frozen=True, slots=True)
class Registered:
    """The claim is granted. `resume_after` is None when a snapshot is wanted.

    In seconds: how often the agent is to say `Health` and how late it may come, and how often the
    master says something at least. `max_name_bytes` is the longest name that the master takes.
    """

    resume_after: int | None
    health_interval: float
    health_timeout: float
    heartbeat_limit: float
    serving: bool
    max_name_bytes: int = MAX_LENGTH


@dataclass(frozen=True, slots=True)
class Ack:
    """Everything up to `sequence` is applied."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The first `parts` parts of the snapshot `sequence` have come."""

    sequence: int
    parts: int


@dataclass(frozen=True, slots=True)
class MasterHealth:
    """The master's sign of life: whether it serves."""

    serving: bool


@dataclass(frozen=True, slots=True)
class Resync:
    """What the master holds does not fit what the agent sent: a snapshot is wanted."""

    reason: str


AgentMessage = Register | Changes | Health | Deregister
MasterMessage = Registered | Ack | Progress | MasterHealth | Resync

"""Why the master ends a stream, as a gRPC status without gRPC."""

from dataclasses import dataclass
from enum import Enum

from scout.core.labels import cut

LIMIT = 1500
"""Bytes in a message. A status travels in HTTP/2 trailers, of which gRPC takes 8 KiB and then drops
the message or the whole stream; on the wire a byte beyond ASCII takes three (percent-encoding)."""


class Status(Enum):
    """The statuses that the master ends streams with; names and numbers are gRPC's."""

    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    ALREADY_EXISTS = 6
    RESOURCE_EXHAUSTED = 8
    ABORTED = 10
    INTERNAL = 13
    UNAVAILABLE = 14


BUG = "a bug in the master; its log has the traceback"
"""What an agent is told whose stream ended by one."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a stream ends. A value and not the exception: that one holds its traceback, by it the
    frames, and by them whatever the stream held, in a circle that only the collector can undo."""

    status: Status
    message: str
    expected: bool = False
    """It is part of a normal life: nobody has to do anything about it."""


class Refused(Exception):
    """The stream ends with `status`; `message` tells the agent's operator what to do."""

    def __init__(self, status: Status, message: str, *, expected: bool = False) -> None:
        super().__init__(message)
        self.ending = Ending(status, cut(message, LIMIT), expected)

    @classmethod
    def again(cls, ending: Ending) -> "Refused":
        """For who goes on talking on a stream that has ended."""
        return cls(ending.status, ending.message, expected=ending.expected)

    @property
    def status(self) -> Status:
        """What the stream ends with."""
        return self.ending.status

    @property
    def message(self) -> str:
        """What the agent's operator is told."""
        return self.ending.message

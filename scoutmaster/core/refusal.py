"""Why the master ends a stream, as a gRPC status without gRPC."""

from enum import Enum


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


class Refused(Exception):
    """The stream ends with `status`; `message` tells the agent's operator what to do."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

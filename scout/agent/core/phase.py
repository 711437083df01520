"""Where the agent's conversation with its master stands."""

from enum import Enum


class Phase(Enum):
    """Where the conversation stands."""

    CLOSED = "closed"
    GREETING = "greeting"
    REGISTERING = "registering"
    LIVE = "live"
    PARTING = "parting"


class Working(Enum):
    """`Session.next` did a slice of work and has nothing to say yet: ask again soon."""

    WORKING = "working"


WORKING = Working.WORKING

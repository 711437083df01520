"""An agent's session with a clock, and what it said, for tests of what is said."""

from scout.agent.core.inventory import Inventory
from scout.agent.core.phase import WORKING, Working
from scout.agent.core.session import Session
from scout.core.messages import (
    Ack,
    AgentMessage,
    Changes,
    MasterMessage,
    Part,
    Progress,
    Register,
    Registered,
)

GRANTED = Registered(
    None, health_interval=2.0, health_timeout=1.0, heartbeat_limit=13.0, serving=True
)


class Talk:
    """A session with a clock, and what it said."""

    def __init__(self, *names: bytes, scanned: bool = True) -> None:
        self.now = 100.0
        self.parts = 0
        self.inventory = Inventory()
        for name in names:
            self.inventory.settle(name, True)
        self.session = Session("host", b"/d", 7, "1.0", self.inventory)
        if scanned:
            self.session.vouch()

    def hear(self, message: MasterMessage) -> list[AgentMessage]:
        self.session.received(message, self.now)
        return self.say()

    def say(self) -> list[AgentMessage]:
        said: list[AgentMessage] = []
        while (message := self.next()) is not None:
            if message is not WORKING:
                said.append(message)
        return said

    def next(self) -> AgentMessage | Working | None:
        """The next message. Each part of a snapshot is answered as it comes."""
        message = self.session.next(self.now)
        if isinstance(message, Changes) and message.part in (Part.FIRST, Part.MIDDLE):
            self.parts = 1 if message.part is Part.FIRST else self.parts + 1
            self.session.received(Progress(message.sequence, self.parts), self.now)
        return message

    def change(self, name: bytes, present: bool = True) -> list[AgentMessage]:
        self.inventory.settle(name, present)
        return self.say()

    def begin(self) -> "Talk":
        """Up to the acknowledged first snapshot."""
        self.session.opened(self.now)
        assert self.say() == [Register("host", b"/d", 7, 0, "1.0", b"/d", 1)]
        said = self.hear(GRANTED)
        snapshot = changes(said)[-1]
        assert self.hear(Ack(snapshot.sequence)) == []
        self.now += 1
        return self


def changes(said: list[AgentMessage]) -> list[Changes]:
    return [message for message in said if isinstance(message, Changes)]

"""A master without I/O and agents that talk to it, for tests of what is said."""

import pytest

from scout.core.checkpoint import PART
from scout.core.messages import (
    Ack,
    AgentMessage,
    Changes,
    Health,
    MasterMessage,
    Part,
    Register,
    Resync,
)
from scout.core.names import digest
from scoutmaster.core.master import Master
from scoutmaster.core.policy import Policy
from scoutmaster.core.refusal import Refused
from scoutmaster.core.session import Session

POLICY = Policy(settle=0.0)


class Desk:
    """A master with a clock, and streams to it."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.now = 100.0
        self.policy = policy
        self.master = Master(policy, 0xE, self.now, self.now)

    def open(self, host: str = "host", epoch: int = 7, acknowledged: int = 0) -> "Stream":
        """A stream that has registered."""
        stream = Stream(self)
        stream.greeting = stream.tell(Register(host, b"/d", epoch, acknowledged, "1.0"))
        return stream

    def wait(self, seconds: float) -> None:
        """Let time pass, with a tick at each deadline as the shell does it."""
        end = self.now + seconds
        while (due := self.master.deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.master.tick(self.now)
        self.now = end

    def listed(self) -> list[bytes]:
        """What a reader sees once all work is done."""
        while self.master.work():
            pass
        self.master.catalog.check()
        return [name for chunk in self.master.view.chunks for name in chunk.names]


class Stream:
    """What an agent sends, and what it hears."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.session: Session = desk.master.opened("10.0.0.1:5")
        self.greeting: list[MasterMessage] = []

    def tell(self, message: AgentMessage) -> list[MasterMessage]:
        """Send one message; all that the master has to say then."""
        self.desk.master.received(self.session, message, self.desk.now)
        return self.heard()

    def heard(self) -> list[MasterMessage]:
        """What the master owed."""
        said = list(self.session.outbox)
        self.session.outbox.clear()
        return said

    def refused(self, message: AgentMessage) -> Refused:
        """The refusal that `message` earns; the stream is over then, as the shell does it."""
        with pytest.raises(Refused) as caught:
            self.desk.master.received(self.session, message, self.desk.now)
        assert self.session.ended == caught.value.ending
        self.close()
        return caught.value

    def close(self) -> None:
        self.desk.master.closed(self.session, self.desk.now)

    def serve(self, *names: bytes, sequence: int = 1) -> "Stream":
        """Send a snapshot and vouch for it."""
        for message in snapshot(sequence, *names):
            answers = self.tell(message)
        assert answers == [Ack(sequence)]
        assert self.tell(vouch(sequence, *names)) == []
        return self


def only(sequence: int, *names: bytes) -> Changes:
    """A snapshot in one part."""
    return Changes(Part.ONLY, sequence, names, (), len(names), digest(names))


def snapshot(sequence: int, *names: bytes) -> list[Changes]:
    """A snapshot in as many parts as it takes."""
    runs = [names[start : start + PART] for start in range(0, len(names), PART)]
    if len(runs) <= 1:
        return [only(sequence, *names)]
    kinds = [Part.FIRST, *[Part.MIDDLE] * (len(runs) - 2), Part.LAST]
    return [part(it, sequence, *run, whole=names) for it, run in zip(kinds, runs, strict=True)]


def part(kind: Part, sequence: int, *names: bytes, whole: tuple[bytes, ...] = ()) -> Changes:
    """A part of a snapshot; the last one tells of the whole."""
    return Changes(kind, sequence, names, (), len(whole), digest(whole))


def delta(
    sequence: int, before: tuple[bytes, ...], added: tuple[bytes, ...], removed: tuple[bytes, ...]
) -> Changes:
    """A step from `before`."""
    after = {*before, *added} - set(removed)
    return Changes(Part.DELTA, sequence, added, removed, len(after), digest(after))


def vouch(sequence: int, *names: bytes) -> Health:
    """A healthy agent's answer to a check."""
    return Health(True, "", sequence, len(names), digest(names))


def is_resync(said: list[MasterMessage]) -> bool:
    """True if a snapshot is asked for, and nothing else is said."""
    return [type(it) for it in said] == [Resync]

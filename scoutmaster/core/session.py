"""The master's side of one stream: what came, what is owed, and how it ends.

Rules of this file:

1. A stream begins with one Register. What does not fit ends that stream with a status and
   touches nothing else.
2. A snapshot is put together here, part by part, out of everyone's sight.
3. `outbox` holds what to send, in order. It stays short by itself: one Ack answers one Changes,
   and signs of life are rare. `LIMIT` ends a peer that does not read.

Owned by one thread.
"""

from collections import deque
from collections.abc import Sequence

from scout.core.checkpoint import BATCH, BYTES, PART, Checkpoint
from scout.core.messages import Changes, MasterMessage, Part, Progress
from scout.core.names import MASK, ascends, bytes_of, digest, fault
from scoutmaster.core.refusal import Ending, Refused, Status

LIMIT = 64
"""Messages in an outbox. An agent that reads has at most an Ack, a MasterHealth and a Resync."""


class Session:
    """One stream. `peer` is its address, for people to read."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.outbox: deque[MasterMessage] = deque()
        self.ended: Ending | None = None
        self.resyncing = False
        self._incoming: _Incoming | None = None

    def say(self, message: MasterMessage) -> None:
        """Owe the agent `message`."""
        if isinstance(message, Progress) and self.outbox and type(self.outbox[-1]) is Progress:
            self.outbox[-1] = message  # it says what the one before said, and more
        elif len(self.outbox) >= LIMIT:
            self.end(Ending(Status.RESOURCE_EXHAUSTED, "the agent does not read its stream"))
        else:
            self.outbox.append(message)

    def end(self, ending: Ending) -> None:
        """End the stream with a status. The first reason stands."""
        self.ended = self.ended or ending
        self.release()

    def release(self) -> None:
        """Let go of all that the stream held: who ends may be remembered for a while yet."""
        self._incoming = None
        self.outbox.clear()

    @property
    def progress(self) -> Progress | None:
        """How far the snapshot has come that is on its way in."""
        incoming = self._incoming
        return Progress(incoming.sequence, incoming.parts) if incoming else None

    @property
    def receiving(self) -> bool:
        """True while a snapshot is on its way in."""
        return self._incoming is not None

    def delta(self, changes: Changes) -> bool:
        """Check a delta's form. False if it is void: sent before the agent heard of a resync."""
        if self._incoming is not None:
            raise _wrong("a delta within a snapshot")
        if len(changes.added) + len(changes.removed) > BATCH:
            raise _wrong(f"a delta of more than {BATCH} names")
        if bytes_of(changes.added) + bytes_of(changes.removed) > BYTES:
            raise _wrong(f"a delta of more than {BYTES} bytes of names")
        _check_names(changes.added)
        _check_names(changes.removed)
        return not self.resyncing

    def part(self, changes: Changes, capacity: int) -> "Snapshot | None":
        """Take in a part of a snapshot; the whole once its last part is there."""
        if changes.removed:
            raise _wrong("a snapshot that removes names")
        if changes.part.begins:
            self._incoming = _Incoming(changes.sequence)
            self.resyncing = False
        incoming = self._incoming
        if incoming is None:
            if self.resyncing:
                return None  # the rest of one that a resync made void
            raise _wrong("a part of a snapshot that has not begun")
        incoming.add(changes)
        if incoming.count > capacity:
            raise Refused(
                Status.RESOURCE_EXHAUSTED,
                f"more than {capacity} files; raise --max-files on the master",
            )
        if not changes.part.ends:
            return None
        self._incoming = None
        return Snapshot(
            incoming.names,
            Checkpoint(incoming.sequence, incoming.count, incoming.digest & MASK),
            Checkpoint(changes.sequence, changes.count, changes.digest),
        )

    def void(self) -> None:
        """A resync was asked for: what was on its way counts no more."""
        self._incoming = None
        self.resyncing = True


class Snapshot:
    """A whole snapshot: its names in ascending runs, what it is, and what it claims to be."""

    def __init__(self, runs: list[list[bytes]], state: Checkpoint, claimed: Checkpoint) -> None:
        self.runs = runs
        self.state = state
        self.claimed = claimed


class _Incoming:
    """A snapshot that has begun."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence
        self.parts = 0
        self.names: list[list[bytes]] = []
        self.count = 0
        self.digest = 0

    def add(self, changes: Changes) -> None:
        if changes.sequence != self.sequence:
            raise _wrong("parts of two snapshots mixed")
        self.parts += 1
        names = list(changes.added)
        if not names:
            if changes.part is not Part.ONLY and not changes.part.ends:
                raise _wrong("an empty part of a snapshot")
            return
        if len(names) > PART:
            raise _wrong(f"a part of a snapshot of more than {PART} names")
        if bytes_of(names) > BYTES:
            raise _wrong(f"a part of a snapshot of more than {BYTES} bytes of names")
        _check_names(names)
        if not ascends(names) or (self.names and names[0] <= self.names[-1][-1]):
            raise _wrong("a snapshot whose names do not ascend")
        self.names.append(names)
        self.count += len(names)
        self.digest += digest(names)


def _check_names(names: Sequence[bytes]) -> None:
    found = fault(names)
    if found:
        raise _wrong(found)


def _wrong(what: str) -> Refused:
    return Refused(Status.INVALID_ARGUMENT, f"the agent sent {what}; this is a bug in the agent")

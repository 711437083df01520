"""What the agent believes its directory holds, and how the master is told.

Rules of this file:

1. `names` is the belief. It changes name by name, as each is settled.
2. The master's copy moves from one numbered state to the next: by a delta, or by a `Snapshot`
   where it holds nothing to build on. At most one of them is in flight.
3. What changes while one is in flight waits as the difference to the state that is on its way.
   A name that comes and goes in the meantime cancels out; so the difference is never larger
   than the directory was and is.
4. After a broken stream the master says which state it holds. Either we know that state and go
   on from it, or a snapshot is taken.

Not safe for use from several threads, with one exception: `changes`, and of `names` its length, a
copy and whether it has a name, may be asked from another thread while this one changes them (each
such step is atomic in CPython).
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, islice

from scout.agent.core.ordering import ascending
from scout.core.checkpoint import BATCH, BYTES, NOTHING, PART, Checkpoint
from scout.core.messages import Changes, Part
from scout.core.names import MASK, MAX_LENGTH, digest


@dataclass(frozen=True, slots=True)
class _Flight:
    """What was sent whole and is not acknowledged. `steps` is None for a snapshot."""

    state: Checkpoint
    steps: dict[bytes, bool] | None


class Inventory:
    """The belief, the state that the master acknowledged, and the difference between them."""

    def __init__(self) -> None:
        self.names: set[bytes] = set()
        self.changes = 0
        """How often a name came or went: by it one sees whether the belief stood still."""
        self.withheld: set[bytes] = set()
        """Names that are there and that the master does not take, for their length."""
        self.unexamined: frozenset[bytes] = frozenset()
        """Entries that are listed and can't be looked at: they may be files or directories."""
        self.max_name_bytes = MAX_LENGTH
        """The longest name that the master takes; see `limit`."""
        self._base: Checkpoint | None = None
        self._flight: _Flight | None = None
        self._snapshot: Snapshot | None = None
        self._pending: dict[bytes, bool] | None = None
        self._sequence = 0

    # What the directory holds

    def settle(self, name: bytes, present: bool) -> bool:
        """Note that `name` is in the directory, or is not. True if that is news."""
        names = self.names
        if (name in names) is present:
            if self.withheld and not present and name in self.withheld:
                self.withheld.remove(name)
                return True
            return False
        if present:
            if len(name) > self.max_name_bytes:
                known = name in self.withheld
                self.withheld.add(name)
                return not known
            names.add(name)
        else:
            names.remove(name)
        self.changes += 1
        pending = self._pending
        if pending is not None:
            if name in pending:
                del pending[name]  # the opposite waited: both cancel out
                return True
            pending[name] = present
            if len(pending) > BATCH and len(pending) > len(names):
                self.forget()
        return True

    def limit(self, max_name_bytes: int) -> None:
        """The master takes names up to so many bytes."""
        before, self.max_name_bytes = self.max_name_bytes, max_name_bytes
        if max_name_bytes < before:
            for name in [name for name in self.names if len(name) > max_name_bytes]:
                self.settle(name, False)
                self.withheld.add(name)
        for name in [name for name in self.withheld if len(name) <= max_name_bytes]:
            self.withheld.remove(name)
            self.settle(name, True)

    @property
    def omitted(self) -> int:
        """How many entries are there and not reported."""
        return len(self.withheld) + len(self.unexamined)

    @property
    def omission(self) -> str:
        """Why, for people to read; empty if there is none."""
        told = []
        if self.withheld:
            told.append(
                f"{len(self.withheld)} with a name of more than {self.max_name_bytes} bytes"
            )
        if self.unexamined:
            told.append(f"{len(self.unexamined)} that can't be examined")
        return "entries are withheld: " + ", ".join(told) if told else ""

    # What the master knows of it

    @property
    def acknowledged(self) -> int:
        """The last sequence that the master acknowledged, 0 if none."""
        return self._base.sequence if self._base else 0

    @property
    def last(self) -> int:
        """The highest sequence handed out so far."""
        return self._sequence

    @property
    def state(self) -> Checkpoint:
        """The state last sent whole; `NOTHING` if there is none or a snapshot is on its way."""
        if self._snapshot is not None:
            return NOTHING
        if self._flight is not None:
            return self._flight.state
        return self._base or NOTHING

    @property
    def waiting(self) -> int:
        """How many names differ from what was sent."""
        return len(self.names) if self._pending is None else len(self._pending)

    @property
    def rootless(self) -> bool:
        """True if the master holds nothing to build a delta on: it needs a snapshot."""
        return self._pending is None

    @property
    def in_flight(self) -> bool:
        """True while something sent, or being sent, is not acknowledged."""
        return self._flight is not None or self._snapshot is not None

    def delta(self, most: int = BYTES) -> Changes:
        """Take the next step: at most `BATCH` names and `most` bytes of names, but one name at
        least, in the order in which they came to wait.

        Needs a base, and no flight."""
        if self._base is None or self._pending is None or self.in_flight:
            raise AssertionError("a delta needs an acknowledged base and nothing in flight")
        first = list(islice(self._pending, BATCH))
        first = first[: how_many(first, most)]
        if len(first) == len(self._pending):
            steps, self._pending = self._pending, {}
        else:
            steps = {name: self._pending.pop(name) for name in first}
        added = [name for name, present in steps.items() if present]
        removed = [name for name, present in steps.items() if not present]
        base = self._base
        self._sequence = base.sequence + 1
        state = Checkpoint(
            self._sequence,
            base.count + len(added) - len(removed),
            (base.digest + digest(added) - digest(removed)) & MASK,
        )
        self._flight = _Flight(state, steps)
        return Changes(Part.DELTA, state.sequence, added, removed, state.count, state.digest)

    def snapshot(self) -> "Snapshot":
        """Begin a snapshot of this moment. One that was under way is abandoned."""
        self._sequence += 1
        self._base = self._flight = None
        self._pending = {}
        self._snapshot = Snapshot(self, self._sequence)
        return self._snapshot

    def snapshot_sent(self, snapshot: "Snapshot", state: Checkpoint) -> None:
        """All parts of `snapshot` are handed out; it now waits for its acknowledgement."""
        if snapshot is self._snapshot:
            self._snapshot, self._flight = None, _Flight(state, None)

    def acknowledge(self, sequence: int) -> bool:
        """The master applied `sequence`. False, and nothing changes, if that is not in flight."""
        if self._flight is None or self._flight.state.sequence != sequence:
            return False
        self._base, self._flight = self._flight.state, None
        return True

    def resume(self, sequence: int) -> bool:
        """On a new stream: the master holds `sequence`. False if a snapshot is needed."""
        if self.acknowledge(sequence):
            return True
        if self._base is None or self._base.sequence != sequence or self._pending is None:
            self.forget()
            return False
        if self._flight is not None and self._flight.steps is not None:
            # It was lost on the way: what it carried waits again, unless its opposite came later.
            for name, present in self._flight.steps.items():
                if self._pending.pop(name, None) is None:
                    self._pending[name] = present
        self._flight = None
        return True

    def forget(self) -> None:
        """Give up what the master is believed to hold: the next message is a snapshot."""
        self._base = self._flight = self._snapshot = self._pending = None

    def check(self) -> None:
        """Raise AssertionError where the rules do not hold. For tests; O(directory)."""
        assert not (self._flight and self._snapshot)
        if self._pending is None:
            assert (self._base, self._flight, self._snapshot) == (None, None, None)
            return
        assert all((name in self.names) is present for name, present in self._pending.items())
        if self._snapshot is None:
            sent = set(self.names)
            for name, present in self._pending.items():
                (sent.discard if present else sent.add)(name)
            assert self.state.count == len(sent)
            assert self.state.digest == digest(sent)


class Snapshot:
    """A snapshot on its way: the names of one moment, handed out in ascending parts."""

    def __init__(self, inventory: Inventory, sequence: int) -> None:
        self.sequence = sequence
        self.parts = 0
        """How many were handed out."""
        self._inventory = inventory
        names = list(inventory.names)
        self._count, self._digest = len(names), 0
        self._runs = ascending(names, PART // 2)
        # The run that is being handed out, how far, and the one after it: without that nobody
        # knows which part is the last.
        self._run: list[bytes] | None = None
        self._start = 0
        self._following: list[bytes] | None = None
        self._ordered = False

    def step(self, most: int = BYTES) -> Changes | None:
        """Do a slice of work (about 5 ms at most), or hand out the next part: at most `PART` names
        and `most` bytes of names, but one name at least. None if it did not yield a part."""
        if self._following is None and not self._ordered:
            run = next(self._runs, _END)
            if run is None:
                return None
            if isinstance(run, list):
                self._digest += digest(run)
                self._following = run
            else:
                self._ordered = True
        if self._run is None:
            self._run, self._following, self._start = self._following or [], None, 0
            if not self._ordered:
                return None
        rest = self._run[self._start :] if self._start else self._run
        fits = how_many(rest, most)
        names = rest[:fits] if fits < len(rest) else rest
        if fits < len(rest):
            self._start += fits
        else:
            self._run = None
        first, last = self.parts == 0, self._run is None and self._following is None
        self.parts += 1
        if not last:
            part = Part.FIRST if first else Part.MIDDLE
            return Changes(part, self.sequence, names, (), 0, 0)
        state = Checkpoint(self.sequence, self._count, self._digest & MASK)
        self._inventory.snapshot_sent(self, state)
        part = Part.ONLY if first else Part.LAST
        return Changes(part, self.sequence, names, (), state.count, state.digest)


_END = object()


def how_many(names: Sequence[bytes], most: int) -> int:
    """How many of the first `names` take at most `most` bytes of a message, but one at least."""
    if weight(names) <= most:
        return len(names)
    return max(1, bisect_right(list(accumulate(len(name) + FRAME for name in names)), most))


def weight(names: Sequence[bytes]) -> int:
    """The bytes that `names` take in a message."""
    return sum(map(len, names)) + FRAME * len(names)


FRAME = 3
"""Bytes around a name in a message: its field's tag and its length, which takes two from 128 on."""

"""What the agent believes its directory holds, and how the master is told.

Rules of this file:

1. `names` is the belief. It changes name by name, as each is settled.
2. The master's copy moves from one numbered state to the next: by a `Delta`, or by a `Snapshot` (a
   snapshot) where it holds nothing to build on. At most one of them is in flight.
3. What changes while one is in flight waits as the difference to the state that is on its way.
   A name that comes and goes in the meantime cancels out; so the difference is never larger
   than the directory was and is.
4. After a broken stream the master says which state it holds. Either we know that state and go
   on from it, or a cut is taken.

Not safe for use from several threads, with one exception: `changes`, and of `names` its length, a
copy and whether it has a name, may be asked from another thread while this one changes them (each
such step is atomic in CPython).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scout.agent.core.ordering import ascending
from scout.core.checkpoint import BATCH, BYTES, NOTHING, PART, Checkpoint
from scout.core.messages import Changes, Part
from scout.core.names import MASK, digest, weight


@dataclass(frozen=True, slots=True)
class _Flight:
    """What was sent whole and is not acknowledged. `steps` is None for a cut."""

    state: Checkpoint
    steps: dict[bytes, bool] | None


class Inventory:
    """The belief, the state that the master acknowledged, and the difference between them."""

    def __init__(self) -> None:
        self.names: set[bytes] = set()
        self.changes = 0
        """How often a name came or went: by it one sees whether the belief stood still."""
        self._base: Checkpoint | None = None
        self._flight: _Flight | None = None
        self._cut: Snapshot | None = None
        self._pending: dict[bytes, bool] | None = None
        self._sequence = 0

    # What the directory holds

    def settle(self, name: bytes, present: bool) -> bool:
        """Note that `name` is in the directory, or is not. True if that is news."""
        names = self.names
        if (name in names) is present:
            return False
        if present:
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
        """The state that was last sent whole; `NOTHING` if there is none or a cut is on its way."""
        if self._cut is not None:
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
        """True if the master holds nothing to build a delta on: it needs a cut."""
        return self._pending is None

    @property
    def in_flight(self) -> bool:
        """True while something sent, or being sent, is not acknowledged."""
        return self._flight is not None or self._cut is not None

    def delta(self) -> Changes:
        """Take the next step, at most `BATCH` names and `BYTES` of them, in the order in which they
        came to wait.

        Needs a base, and no flight."""
        if self._base is None or self._pending is None or self.in_flight:
            raise AssertionError("a delta needs an acknowledged base and nothing in flight")
        if len(self._pending) <= BATCH and weight(self._pending) <= BYTES:
            steps, self._pending = self._pending, {}
        else:
            portion = next(portions(self._pending, BATCH))
            steps = {name: self._pending.pop(name) for name in portion}
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

    def cut(self) -> "Snapshot":
        """Begin a snapshot of this moment. One that was under way is abandoned."""
        self._sequence += 1
        self._base = self._flight = None
        self._pending = {}
        self._cut = Snapshot(self, self._sequence)
        return self._cut

    def cut_sent(self, cut: "Snapshot", state: Checkpoint) -> None:
        """All parts of `cut` are handed out; it now waits for its acknowledgement."""
        if cut is self._cut:
            self._cut, self._flight = None, _Flight(state, None)

    def acknowledge(self, sequence: int) -> bool:
        """The master applied `sequence`. False, and nothing changes, if that is not in flight."""
        if self._flight is None or self._flight.state.sequence != sequence:
            return False
        self._base, self._flight = self._flight.state, None
        return True

    def resume(self, sequence: int) -> bool:
        """On a new stream: the master holds `sequence`. False if a cut is needed."""
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
        """Give up what the master is believed to hold: the next message is a cut."""
        self._base = self._flight = self._cut = self._pending = None

    def check(self) -> None:
        """Raise AssertionError where the rules do not hold. For tests; O(directory)."""
        assert not (self._flight and self._cut)
        if self._pending is None:
            assert (self._base, self._flight, self._cut) == (None, None, None)
            return
        assert all((name in self.names) is present for name, present in self._pending.items())
        if self._cut is None:
            sent = set(self.names)
            for name, present in self._pending.items():
                (sent.discard if present else sent.add)(name)
            assert self.state.count == len(sent)
            assert self.state.digest == digest(sent)


class Snapshot:
    """A snapshot on its way: the names of one moment, handed out in ascending parts."""

    def __init__(self, inventory: Inventory, sequence: int) -> None:
        self._parts = self._work(inventory, sequence, list(inventory.names))
        self.done = False

    def step(self) -> Changes | None:
        """Do a slice of work (about 5 ms at most). None if it did not yield a part yet."""
        return next(self._parts)

    def _work(
        self, inventory: Inventory, sequence: int, names: list[bytes]
    ) -> Iterator[Changes | None]:
        count, total, first = len(names), 0, True
        held: list[bytes] | None = None
        for run in ascending(names, PART // 2):
            if run is None:
                yield None
                continue
            for portion in [run] if weight(run) <= BYTES else portions(run, PART):
                total += digest(portion)
                if held is not None:
                    yield Changes(Part.FIRST if first else Part.MIDDLE, sequence, held, (), 0, 0)
                    first = False
                held = portion
        self.done = True
        state = Checkpoint(sequence, count, total & MASK)
        inventory.cut_sent(self, state)
        part = Part.ONLY if first else Part.LAST
        yield Changes(part, sequence, held or (), (), state.count, state.digest)


def portions(names: Iterable[bytes], most: int) -> Iterator[list[bytes]]:
    """`names` in their order, in lists of at most `most` names and `BYTES` bytes, none empty."""
    portion: list[bytes] = []
    size = 0
    for name in names:
        size += len(name)
        if portion and (len(portion) == most or size > BYTES):
            yield portion
            portion, size = [], len(name)
        portion.append(name)
    if portion:
        yield portion

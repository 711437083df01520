"""The inventory against plain sets, and against a master that applies what it is told."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scout.agent.core.inventory import Inventory, weight
from scout.core.messages import Changes, Part
from scout.core.names import digest

NAMES = st.sampled_from([b"a", b"b", b"c", b"\xff", b"e" * 4095])


class InventoryMachine(RuleBasedStateMachine):
    """`truth` is the directory; `held` is what the master has, after `sequence`."""

    def __init__(self) -> None:
        super().__init__()
        self.inventory = Inventory()
        self.truth: set[bytes] = set()
        self.held: set[bytes] | None = None
        self.sequence = 0
        self.sent: Changes | None = None

    @rule(name=NAMES, present=st.booleans())
    def settle(self, name: bytes, present: bool) -> None:
        news = (name in self.truth) is not present
        (self.truth.add if present else self.truth.discard)(name)
        assert self.inventory.settle(name, present) is news

    @precondition(lambda self: not self.inventory.rootless and not self.inventory.in_flight)
    @rule(most=st.sampled_from([0, 20, 1 << 20]))
    def delta(self, most: int) -> None:
        self.sent = self.inventory.delta(most)
        names = [*self.sent.added, *self.sent.removed]
        assert len(names) <= 1 or weight(names) <= most
        assert not set(self.sent.added) & set(self.sent.removed)

    @precondition(lambda self: not self.inventory.in_flight)
    @rule(most=st.sampled_from([0, 20, 1 << 20]))
    def snapshot(self, most: int) -> None:
        snapshot, parts = self.inventory.snapshot(), list[Changes]()
        while not (parts and parts[-1].part.ends):
            part = snapshot.step(most)
            if part is not None:
                parts.append(part)
        names = [name for part in parts for name in part.added]
        last = parts[-1]
        assert names == sorted(self.truth)
        assert (last.count, last.digest) == (len(names), digest(names))
        self.sent = Changes(Part.ONLY, last.sequence, names, (), last.count, last.digest)

    @precondition(lambda self: self.sent is not None)
    @rule()
    def arrive(self) -> None:
        assert self.sent is not None
        self.apply(self.sent)
        assert self.inventory.acknowledge(self.sequence)
        self.sent = None

    @precondition(lambda self: self.sent is not None)
    @rule(arrived=st.booleans())
    def break_stream(self, arrived: bool) -> None:
        """The answer is lost, or the message itself; then the master tells what it holds."""
        assert self.sent is not None
        if arrived:
            self.apply(self.sent)
        self.sent = None
        if self.held is None:
            self.inventory.forget()
        else:
            self.inventory.resume(self.sequence)

    @rule()
    def master_forgets(self) -> None:
        self.held, self.sequence, self.sent = None, 0, None
        self.inventory.forget()

    def apply(self, sent: Changes) -> None:
        if sent.part is Part.DELTA:
            assert self.held is not None
            assert sent.sequence == self.sequence + 1
            assert not set(sent.added) & self.held
            assert set(sent.removed) <= self.held
            self.held = (self.held - set(sent.removed)) | set(sent.added)
        else:
            self.held = set(sent.added)
        self.sequence = sent.sequence
        assert (sent.count, sent.digest) == (len(self.held), digest(self.held))

    @invariant()
    def believes_the_truth(self) -> None:
        assert self.inventory.names == self.truth
        self.inventory.check()

    @invariant()
    def in_step_when_nothing_waits(self) -> None:
        it = self.inventory
        if not it.rootless and not it.in_flight and not it.waiting:
            assert self.held == self.truth


TestInventory = InventoryMachine.TestCase
TestInventory.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)

"""Agents and a master joined without I/O, through a link that delays, cuts and restarts.

Whatever happens, once it stops happening the master's list equals the directories; and at no
time does a reader see a state that no directory was ever in.
"""

import random
from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scout.agent.core import pacing
from scout.agent.core.inventory import Inventory
from scout.agent.core.phase import WORKING, Phase
from scout.agent.core.session import Session
from scout.core.messages import AgentMessage, Health, MasterMessage, Register
from scoutmaster.core.master import Master
from scoutmaster.core.policy import Policy
from scoutmaster.core.refusal import Refused
from scoutmaster.core.session import Session as MasterSession

NAMES = [b"a", b"b", b"c", b"d\n", b"\xff", b"e" * 255]
HOSTS = ["one", "two"]


class Side:
    """One agent with its directory, and its stream to the master."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.directory: set[bytes] = set()
        self.past: set[frozenset[bytes]] = {frozenset()}
        self.start(epoch=1)

    def start(self, epoch: int) -> None:
        self.epoch = epoch
        self.inventory = Inventory()
        for name in self.directory:
            self.inventory.settle(name, True)
        self.session = Session(self.host, b"/d", epoch, "1", self.inventory)
        self.session.vouch()
        self.peer: MasterSession | None = None
        self.up: deque[AgentMessage] = deque()
        self.down: deque[MasterMessage] = deque()
        self.heard_lacking = False
        """What the master heard last: is its list known not to be all?"""

    def write(self, name: bytes, present: bool) -> None:
        (self.directory.add if present else self.directory.discard)(name)
        self.inventory.settle(name, present)
        self.past.add(frozenset(self.directory))


class World(RuleBasedStateMachine):
    """The machine: rules are what may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = False
        """Differences go in several steps: between them a mixture may be shown, of names that were
        there."""
        self.now = 100.0
        self.random = random.Random(1)
        self.master = self._master()
        self.sides = [Side(host) for host in HOSTS]

    def _master(self) -> Master:
        return Master(Policy(settle=0.0), epoch=1, now=self.now, boot=self.now)

    # What may happen

    @rule(side=st.integers(0, 1), name=st.sampled_from(NAMES), present=st.booleans())
    def change(self, side: int, name: bytes, present: bool) -> None:
        self.sides[side].write(name, present)

    @rule(side=st.integers(0, 1), before=st.sampled_from(NAMES), after=st.sampled_from(NAMES))
    def rename(self, side: int, before: bytes, after: bytes) -> None:
        it = self.sides[side]
        if before in it.directory and before != after:
            it.directory.discard(before)
            it.directory.add(after)
            it.inventory.settle(before, False)
            it.inventory.settle(after, True)
            it.past.add(frozenset(it.directory))

    @rule(side=st.integers(0, 1))
    def connect(self, side: int) -> None:
        it = self.sides[side]
        if it.peer is None and it.session.phase is Phase.CLOSED:
            it.peer = self.master.opened(it.host)
            it.session.opened(self.now)

    @rule(side=st.integers(0, 1), notice=st.booleans())
    def cut(self, side: int, notice: bool) -> None:
        """The stream breaks; the master may notice, or hear of it much later or never."""
        it = self.sides[side]
        if it.peer is not None:
            if notice:
                self.master.closed(it.peer, self.now)
            it.session.closed()
            it.peer = None
            it.up.clear()
            it.down.clear()

    @rule(side=st.integers(0, 1))
    def restart_agent(self, side: int) -> None:
        self.cut(side, notice=True)
        it = self.sides[side]
        it.start(it.epoch + 1)

    @rule()
    def restart_master(self) -> None:
        for it in self.sides:
            self.cut(self.sides.index(it), notice=False)
        self.master = self._master()

    @rule(side=st.integers(0, 1), steps=st.integers(1, 4))
    def speak(self, side: int, steps: int) -> None:
        it = self.sides[side]
        for _ in range(steps):
            message = it.session.next(self.now)
            if message is not None and message is not WORKING and it.peer is not None:
                it.up.append(message)

    @rule(side=st.integers(0, 1), steps=st.integers(1, 4))
    def hear(self, side: int, steps: int) -> None:
        it = self.sides[side]
        for _ in range(steps):
            if it.peer is not None and it.up:
                message = it.up.popleft()
                try:
                    self.master.received(it.peer, message, self.now)
                except Refused:
                    self.cut(side, notice=True)
                    continue
                if isinstance(message, Health):
                    it.heard_lacking = message.behind or message.omitted > 0
        self.collect()

    @rule(side=st.integers(0, 1), behind=st.booleans())
    def lack(self, side: int, behind: bool) -> None:
        """The agent comes to know that its list is not all, or that it is."""
        it = self.sides[side]
        it.session.vouch(behind=behind, reason="it overflowed" if behind else "")

    @rule(side=st.integers(0, 1), withheld=st.booleans())
    def omit(self, side: int, withheld: bool) -> None:
        """An entry is there that nobody can examine, or is there no more."""
        found = frozenset([b"broken"] if withheld else [])
        self.sides[side].inventory.unexamined = found

    @rule(side=st.integers(0, 1), notice=st.booleans())
    def late_first_word(self, side: int, notice: bool) -> None:
        """The network delivers the first word of a stream that the agent has long given up."""
        it = self.sides[side]
        attempt = it.session.attempts - 1
        if attempt < 1:
            return
        client = self.master.registry.find((it.host, b"/d"))
        newest = client.attempt if client is not None and client.epoch == it.epoch else 0
        before = client and (client.session, client.standing)
        stray = self.master.opened("stray")
        word = Register(it.host, b"/d", it.epoch, 0, "1", attempt=attempt)
        try:
            self.master.received(stray, word, self.now)
        except Refused:
            self.master.closed(stray, self.now)
            assert client is None or (client.session, client.standing) == before
            return
        assert newest <= attempt
        if notice:
            self.master.closed(stray, self.now)
        self.collect()

    @rule(side=st.integers(0, 1), seconds=st.sampled_from([1.5, 8.0]))
    def freeze_master(self, side: int, seconds: float) -> None:
        """It stands still, and then hears one word of somebody before it has looked at the rest."""
        self.master.looked(self.now, self.now)
        self.now += seconds
        self.master.looked(self.now, self.now)
        if self.master.registry.clients:
            assert self.master.view.complete is False
        self.hear(side, 1)

    @rule(side=st.integers(0, 1), steps=st.integers(1, 4))
    def answer(self, side: int, steps: int) -> None:
        it = self.sides[side]
        for _ in range(steps):
            if it.down:
                it.session.received(it.down.popleft(), self.now)

    @rule(rounds=st.integers(1, 6))
    def talk(self, rounds: int) -> None:
        """Both sides, connected and undisturbed for a while: how deep states are reached."""
        for _ in range(rounds):
            for side in range(len(self.sides)):
                self.connect(side)
                self.speak(side, 2)
                self.hear(side, 2)
                self.answer(side, 2)
            self.wait(0.02)

    @rule(seconds=st.sampled_from([0.001, 0.011, 0.5, 1.1, 2.1]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.master.tick(self.now)
        self.collect()

    @rule(side=st.integers(0, 1))
    def lose_directory(self, side: int) -> None:
        self.sides[side].session.doubt("gone")

    @rule(side=st.integers(0, 1))
    def find_directory(self, side: int) -> None:
        self.sides[side].session.vouch()

    @precondition(lambda self: self.master.catalog.busy)
    @rule()
    def work(self) -> None:
        self.master.work()

    def collect(self) -> None:
        """Carry what the master has to say onto the wires."""
        self.master.take_awake()
        for it in self.sides:
            if it.peer is not None:
                it.down.extend(it.peer.outbox)
                it.peer.outbox.clear()
                if it.peer.ended:
                    self.cut(self.sides.index(it), notice=True)

    # What must hold

    def listed(self) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {host: [] for host in HOSTS}
        for chunk in self.master.view.chunks:
            for name, owner in zip(chunk.names, chunk.owners, strict=True):
                client = self.master.registry.by_number(owner)
                if client is not None:
                    found[client.host].append(name)
        return found

    @invariant()
    def no_mixture(self) -> None:
        """Whatever is shown of a host is a state that its directory really was in."""
        for it in self.sides:
            names = self.listed()[it.host]
            assert len(names) == len(set(names))
            if names and not self.narrow:
                assert frozenset(names) in it.past
            assert set(names) <= set().union(*it.past)
            it.inventory.check()

    @invariant()
    def who_said_that_it_is_not_all_is_never_called_complete(self) -> None:
        """Nor is a list in which somebody is taken for alive and nobody knows it."""
        if self.master.view.complete:
            assert not self.master.registry.unproven
            for client in self.master.registry.clients.values():
                assert not client.lacking
                [it] = [side for side in self.sides if side.host == client.host]
                if it.peer is client.session:
                    assert not it.heard_lacking

    @invariant()
    def sorted_and_counted(self) -> None:
        view = self.master.view
        names = [name for chunk in view.chunks for name in chunk.names]
        assert names == sorted(names)
        assert len(names) == view.files
        self.master.catalog.check()

    def teardown(self) -> None:
        """Everything heals; the list must become the truth."""
        for it in self.sides:
            it.session.vouch()
            it.inventory.unexamined = frozenset()
        for _ in range(300):
            for side, it in enumerate(self.sides):
                if it.session.silent(self.now):
                    self.cut(side, notice=True)
                self.connect(side)
                self.speak(side, 4)
                self.hear(side, 4)
                self.answer(side, 4)
            self.wait(0.1)
            self.master.work()
        self.master.work()
        view = self.master.view
        assert view.complete
        assert {host: set(names) for host, names in self.listed().items()} == {
            it.host: it.directory for it in self.sides
        }


def walk(seed: int, steps: int, *, narrow: bool) -> None:
    """One long random walk. Weighted, because a fault matters most in the midst of a talk."""
    dice = random.Random(seed)
    world = World()
    world.narrow = narrow

    def side() -> int:
        return dice.randrange(2)

    def name() -> bytes:
        return dice.choice(NAMES)

    def work() -> None:
        world.master.work()
        world.collect()

    moves: list[tuple[int, Callable[[], None]]] = [
        (20, lambda: world.change(side(), name(), dice.random() < 0.6)),
        (5, lambda: world.rename(side(), name(), name())),
        (20, lambda: world.speak(side(), 1)),
        (20, lambda: world.hear(side(), 1)),
        (20, lambda: world.answer(side(), 1)),
        (10, lambda: world.connect(side())),
        (12, lambda: world.talk(dice.randint(1, 6))),
        (10, lambda: world.wait(dice.choice([0.001, 0.011, 0.5, 1.1, 2.1]))),
        (4, lambda: world.cut(side(), notice=dice.random() < 0.7)),
        (1, lambda: world.restart_agent(side())),
        (1, world.restart_master),
        (2, lambda: world.lose_directory(side())),
        (3, lambda: world.find_directory(side())),
        (2, lambda: world.lack(side(), dice.random() < 0.5)),
        (2, lambda: world.omit(side(), dice.random() < 0.5)),
        (2, lambda: world.late_first_word(side(), notice=dice.random() < 0.5)),
        (1, lambda: world.freeze_master(side(), dice.choice([1.5, 8.0]))),
        (5, work),
    ]
    weights = [weight for weight, _ in moves]
    for _ in range(steps):
        dice.choices(moves, weights)[0][1]()
        world.no_mixture()
        world.sorted_and_counted()
        world.who_said_that_it_is_not_all_is_never_called_complete()
    world.teardown()


@pytest.mark.parametrize("batch", range(4))
@pytest.mark.parametrize("window", [4096, 8], ids=["a wide line", "a narrow line"])
def test_random_walks_converge_and_never_show_a_mixture(
    batch: int, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of long walks; the seed of a failing one stands in its traceback. On a narrow line
    each name is a part or a delta of its own, and waits for the one before."""
    monkeypatch.setattr(pacing, "LEAST", window)
    monkeypatch.setattr(pacing, "MOST", max(window, 64))
    for seed in range(batch * 100, batch * 100 + 100):
        walk(seed, steps=200, narrow=window < 4096)


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)

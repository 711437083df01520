"""Random histories of a directory: whatever happens to it, to its mount, to the watch and to the
agent, nothing is vouched for that is not so, and once it stops happening all is as it is.
"""

import random
from collections.abc import Callable

import pytest

from scout.agent.core.actions import Scanned
from scout.agent.core.identity import DirectoryIdentity, Home
from scout.agent.core.monitor import Life
from scout.agent.core.reconcile import Listing, Reconciler
from tests.model.watched_world import GRACE, NAMES, POLL, Actor, Directory, Kernel

WINDOW = POLL * 1.1 + GRACE + 1.0
"""How old a truth may be that is vouched for: what no event tells is found by the next look."""


class World:
    """What may happen, and what must hold."""

    def __init__(self, seed: int, *, folds: bool = False, silent: bool = False) -> None:
        self.dice = random.Random(seed)
        self.kernel = Kernel(folds=folds, silent=silent)
        self.actor = Actor(self.kernel, random.Random(seed))
        self.now = self.actor.now
        self.stopped = 0.0
        self.rejoining = False
        self.unheard = float("-inf")
        self.truths: list[tuple[float, frozenset[bytes] | None]] = []
        self.note()

    def note(self, *, unheard: bool = False) -> None:
        """The world changed; `unheard`: in a way of which no event tells."""
        if unheard:
            self.unheard = self.now
        truth = self.kernel.truth
        if not self.truths or self.truths[-1][1] != truth:
            self.truths.append((self.now, truth))
        del self.truths[:-50]

    # What may happen

    def change(self) -> None:
        directory, name = self.kernel.directory, self.dice.choice(NAMES)
        if directory is None:
            return
        if name in directory.names:
            directory.names.remove(name)
        elif self.kernel.lstat(directory, name):
            [other] = [it for it in directory.names if it.lower() == name.lower()]
            directory.names.remove(other)  # renamed to another spelling
            self.kernel.changed(directory, other)
            directory.names.add(name)
        else:
            directory.names.add(name)
        self.kernel.changed(directory, name)
        self.note()

    def storm(self) -> None:
        for _ in range(self.dice.randint(3, 12)):
            self.change()

    def replace(self) -> None:
        """Deleted and made anew; the number is used again as a rule, and the end may be lost."""
        old = self.kernel.directory
        if old is None:
            return
        self.kernel.tree[self.kernel.target] = Directory(
            old.number if self.dice.random() < 0.7 else self.dice.randint(30, 40)
        )
        heard = self.dice.random() < 0.6
        if self.kernel.watch is not None and self.kernel.watch[1] is old:
            self.kernel.watch = (self.kernel.watch[0], None)
            if heard:  # as on ext4; a btrfs subvolume that is deleted and made anew tells nothing
                self.kernel.tell("lost")
        self.note(unheard=True)

    def remove(self) -> None:
        if self.kernel.directory is not None:
            del self.kernel.tree[self.kernel.target]
            self.note(unheard=True)

    def make(self) -> None:
        if self.kernel.directory is None:
            self.kernel.tree[self.kernel.target] = Directory(self.dice.randint(30, 40))
            self.note(unheard=True)

    def mount(self) -> None:
        kernel = self.kernel
        if kernel.disk is None:
            kernel.mount += 1
            kernel.device = self.dice.choice([7, 7, 8])
            kernel.disk = {b"v1": Directory(10, {b"a"}), b"v2": Directory(11, {b"b"})}
        else:
            kernel.disk = None
            if kernel.watch is not None:
                kernel.watch = (kernel.watch[0], None)
        self.note(unheard=True)

    def switch(self) -> None:
        self.kernel.target = self.dice.choice([b"v1", b"v2"])
        self.note(unheard=True)

    def stop(self) -> None:
        """The agent stands still; the world goes on."""
        self.stopped = self.now + self.dice.choice([0.5, 2.0, 4.0, 20.0])

    def rejoin(self) -> None:
        self.rejoining = True

    def forget_numbers(self) -> None:
        if self.kernel.silent:
            self.kernel.unstable = self.dice.randint(0, 1000)

    def wait(self) -> None:
        self.now += self.dice.choice([0.01, 0.1, 1.0, 2.0])

    # What must hold

    def run(self) -> None:
        """The agent turns once, if it is not stopped."""
        actor = self.actor
        if self.now < self.stopped:
            return
        away = self.now - actor.now > GRACE and actor.standstill._last is not None
        actor.now = self.now
        if away:
            actor.turn()
            assert not actor.verdict.available, "vouched before it had caught up"
        if self.rejoining:
            self.rejoining = False
            actor.rejoin()
            assert not (self.vouched and actor.owes), "vouched before it had settled what waits"
        before, served = set(actor.belief), actor.life.place is not None
        actor.step()
        assert not (self.vouched and actor.taken < actor.owed), "vouched for while it owes"
        if not served and actor.life.place is None:
            assert actor.belief == before, "an unavailable directory touched the belief"
        self.check()

    @property
    def vouched(self) -> bool:
        """What is told now says that all is well."""
        verdict = self.actor.verdict
        return verdict.available and not verdict.behind and not verdict.settling

    def check(self) -> None:
        if not self.vouched or not self.actor.idle:
            return
        quick = self.actor.life.watched and self.now - self.unheard > WINDOW
        since = self.now if quick else self.now - WINDOW
        older = [truth for at, truth in self.truths if at <= since][-1:]
        allowed = older + [truth for at, truth in self.truths if at > since]
        belief = frozenset(self.actor.belief)
        if self.actor.life.watched and not quick:
            # Events of one directory were settled in another of its number: each name is as in one.
            assert all({name in belief} & {name in (it or ()) for it in allowed} for name in NAMES)
        else:
            assert belief in allowed, "vouched for what is not so"

    def settle_down(self) -> None:
        """Nothing more happens but that the directory is there."""
        if self.kernel.disk is None:
            self.mount()
        self.make()
        for _ in range(400):
            self.now += 0.05
            self.run()
        verdict = self.actor.verdict
        assert verdict.available, verdict
        assert not verdict.behind, verdict
        assert not verdict.settling, verdict
        assert frozenset(self.actor.belief) == self.kernel.truth, "not found within two polls"
        if self.actor.life.watched:
            self.change()
            for _ in range(20):
                self.now += 0.01
                self.run()
            assert frozenset(self.actor.belief) == self.kernel.truth, "the watch is dead"


def walk(seed: int, steps: int = 120, **world: bool) -> World:
    it = World(seed, **world)
    moves: list[tuple[int, Callable[[], None]]] = [
        (40, it.run),
        (20, it.wait),
        (15, it.change),
        (2, it.storm),
        (2, it.replace),
        (1, it.remove),
        (3, it.make),
        (2, it.mount),
        (2, it.switch),
        (2, it.stop),
        (3, it.rejoin),
        (1, it.forget_numbers),
    ]
    weights = [weight for weight, _ in moves]
    for _ in range(steps):
        it.dice.choices(moves, weights)[0][1]()
    it.stopped = 0.0
    it.settle_down()
    return it


@pytest.mark.parametrize("batch", range(4))
@pytest.mark.parametrize(
    "world",
    [{}, {"folds": True}, {"silent": True}, {"silent": True, "folds": True}],
    ids=["events", "folding", "polling", "polling-folding"],
)
def test_nothing_is_vouched_for_that_is_not_so(batch: int, world: dict[str, bool]) -> None:
    """The seed of a failing walk stands in its traceback."""
    for seed in range(batch * 100, batch * 100 + 100):
        walk(seed, **world)


def test_numbers_that_change_without_a_watch_take_no_file_off_the_list() -> None:
    """As those of network file systems do."""
    it = World(1, silent=True)
    it.change()
    for _ in range(40):
        it.now += 0.5
        it.run()
    for _ in range(40):
        it.kernel.unstable += 1
        it.now += 0.5
        it.run()
        assert it.actor.verdict.available


# Without a rule the model fails, or it would not be a proof of anything.


def without_proof(patch: pytest.MonkeyPatch) -> None:
    """The watch is taken for alive."""
    looked = Life.looked

    def blind(
        life: Life, now: float, place: DirectoryIdentity, *, proven: bool, seconds: float
    ) -> bool:
        return looked(life, now, place, proven=True, seconds=seconds)

    patch.setattr(Life, "looked", blind)
    patch.setattr(Kernel, "add_watch", lambda kernel: kernel.watch[0] if kernel.watch else 1)


def without_mount(patch: pytest.MonkeyPatch) -> None:
    """What lies beneath the mount is as good."""
    patch.setattr(Home, "away", lambda home, seen: "")


def without_first_look(patch: pytest.MonkeyPatch) -> None:
    """The look at the start is thrown away, and the disk goes before the next one."""
    patch.setattr(Life, "first", lambda life, place: None)
    patch.setattr(World, "__init__", gone_at_once(World.__init__))


def gone_at_once(init: Callable[..., None]) -> Callable[..., None]:
    def begin(world: World, seed: int, **keywords: bool) -> None:
        init(world, seed, **keywords)
        world.mount()

    return begin


def without_standstill(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Life, "held", lambda life, now, seconds: None)


def without_count(patch: pytest.MonkeyPatch) -> None:
    """A drain ends every standstill, also one that came after it had begun."""
    drained = Life.drained

    def forgetful(life: Life) -> None:
        life._drained_gaps, life._looked = life._gaps, True
        drained(life)

    patch.setattr(Life, "drained", forgetful)


def without_rejoining(patch: pytest.MonkeyPatch) -> None:
    """A new stream's first word is said without regard to what waits."""
    patch.setattr(Life, "rejoined", lambda life: None)


def without_overflow(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Life, "overflowed", lambda life, now: None)


def without_behind(patch: pytest.MonkeyPatch) -> None:
    """After events were lost a scan that had begun before counts."""
    scanned = Life.scanned

    def forgetful(life: Life, now: float, outcome: Scanned) -> None:
        if life._scan is not None:
            object.__setattr__(life._scan, "losses", life._losses)
        scanned(life, now, outcome)

    patch.setattr(Life, "scanned", forgetful)


def without_doubt(patch: pytest.MonkeyPatch) -> None:
    """A lookup always saves a name that is not listed, and nobody is told."""

    def judge(self: Reconciler, listing: Listing) -> tuple[list[bytes], list[bytes]]:
        return listing.gone, []

    patch.setattr(Reconciler, "judge", judge)


def without_asking(patch: pytest.MonkeyPatch) -> None:
    """Where names fold, the poll alone finds changes."""
    patch.setattr(Life, "asked", lambda life: None)


@pytest.mark.parametrize(
    ("mutant", "world"),
    [
        (without_proof, {}),
        (without_mount, {}),
        (without_mount, {"silent": True}),
        (without_first_look, {}),
        (without_standstill, {}),
        (without_standstill, {"silent": True}),
        (without_count, {}),
        (without_rejoining, {}),
        (without_overflow, {}),
        (without_behind, {}),
        (without_doubt, {"folds": True}),
        (without_doubt, {"silent": True, "folds": True}),
        (without_asking, {"folds": True}),
    ],
)
def test_the_model_notices_the_loss_of_a_rule(
    mutant: Callable[[pytest.MonkeyPatch], None],
    world: dict[str, bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutant(monkeypatch)

    def walks() -> None:
        for seed in range(200):
            walk(seed, **world)

    with pytest.raises(AssertionError):
        walks()

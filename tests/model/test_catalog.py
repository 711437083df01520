"""The catalog and its parts against plain sets and sorted lists."""

import random
import sys

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scoutmaster.core.catalog import SMALL, Catalog
from scoutmaster.core.merge import Merge
from scoutmaster.core.sorted_names import SortedNames

OWNERS = 4


def names(dice: random.Random, most: int) -> set[bytes]:
    """Up to `most` names of a small alphabet, so that owners share many of them."""
    return {b"%d" % dice.randrange(3 * most + 1) for _ in range(dice.randrange(most + 1))}


def finish(catalog: Catalog) -> None:
    """Let the catalog do all that waits."""
    while catalog.work():
        pass


class CatalogMachine(RuleBasedStateMachine):
    """`held` is what each owner has; `wanted` who was asked to be shown; passes run at any time.

    At the end of all work the list is the sorted union. Before, a reader sees of each owner a
    state that it really had since it was last asked for: never a mixture.
    """

    most = 3 * SMALL

    def __init__(self) -> None:
        super().__init__()
        self.catalog = Catalog()
        self.held = [SortedNames() for _ in range(OWNERS)]
        self.wanted: set[int] = set()
        self.past: list[list[frozenset[bytes]]] = [[frozenset()] for _ in range(OWNERS)]

    @rule(owner=st.integers(0, OWNERS - 1), seed=st.integers(0, 10_000))
    def snapshot(self, owner: int, seed: int) -> None:
        """A whole new state, large or small."""
        dice = random.Random(seed)
        fresh = names(dice, dice.choice([3, self.most]))
        self.held[owner] = SortedNames.from_sorted([sorted(fresh)] if fresh else [])
        if owner in self.wanted:
            self.catalog.show(owner, self.held[owner])
        self.note(owner)

    @rule(owner=st.integers(0, OWNERS - 1))
    def show(self, owner: int) -> None:
        if owner not in self.wanted:
            self.wanted.add(owner)
            self.catalog.show(owner, self.held[owner])

    @rule(owner=st.integers(0, OWNERS - 1))
    def hide(self, owner: int) -> None:
        if owner in self.wanted:
            self.wanted.discard(owner)
            self.catalog.hide(owner)
        self.past[owner].append(frozenset())

    @rule(owner=st.integers(0, OWNERS - 1), seed=st.integers(0, 10_000))
    def change(self, owner: int, seed: int) -> None:
        dice = random.Random(seed)
        some = names(dice, dice.choice([1, 5, 100]))
        removed = [name for name in some if name in self.held[owner]]
        added = [name for name in some if name not in self.held[owner]]
        self.held[owner].apply(added, removed)
        if owner in self.wanted:
            self.catalog.change(owner, added, removed)
        self.note(owner)

    @rule(budget=st.sampled_from([1, 50, 500]), slices=st.integers(1, 5))
    def work(self, budget: int, slices: int) -> None:
        for _ in range(slices):
            self.catalog.work(budget)

    def note(self, owner: int) -> None:
        self.past[owner].append(frozenset(self.held[owner]))

    def seen(self) -> list[tuple[bytes, int]]:
        return [entry for chunk in self.catalog.chunks for entry in chunk.entries]

    @invariant()
    def sorted_and_never_a_mixture(self) -> None:
        self.catalog.check()
        entries = self.seen()
        assert entries == sorted(entries)
        for owner in range(OWNERS):
            assert frozenset(n for n, o in entries if o == owner) in self.past[owner]
            self.held[owner].check()

    def teardown(self) -> None:
        while self.catalog.work(1000):
            pass
        assert self.seen() == sorted(
            (name, owner) for owner in self.wanted for name in self.held[owner]
        )
        assert not self.catalog.busy


TestCatalog = CatalogMachine.TestCase
TestCatalog.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("seed", range(6))
def test_a_long_random_walk(seed: int) -> None:
    """Hundreds of random steps in a row; the seed tells which."""
    dice = random.Random(seed)
    machine = CatalogMachine()
    for _ in range(300):
        owner = dice.randrange(OWNERS)
        step = dice.choice(["snapshot", "show", "show", "hide", "change", "change", "work", "work"])
        if step == "snapshot":
            machine.snapshot(owner, dice.randrange(10_000))
        elif step == "change":
            machine.change(owner, dice.randrange(10_000))
        elif step == "work":
            machine.work(dice.choice([1, 50, 500]), dice.randrange(1, 5))
        else:
            getattr(machine, step)(owner)
        machine.sorted_and_never_a_mixture()
    machine.teardown()


def test_a_pass_catches_up_in_slices_that_stay_short() -> None:
    """However much changed while it ran: each slice holds up everybody else."""
    merge = Merge((), frozenset({1}), {1: [b"a"]})
    merge.log += [(2, [b"%04d" % number], []) for number in range(1000)]
    steps = 1
    while merge.step(80) is None:
        steps += 1
    assert steps >= 100


def test_a_pass_ends_however_fast_changes_keep_coming() -> None:
    merge = Merge((), frozenset({1}), {1: [b"a"]})
    index, number = None, 0
    while index is None:
        for _ in range(500):
            merge.log.append((2, [b"%06d" % number], []))
            number += 1
        index = merge.step(80)
        assert number < 100_000
    assert len(index.names_of(2)) == number


def test_what_a_pass_has_replaced_is_let_go_in_slices() -> None:
    """After its end, which readers need not wait for."""
    catalog = Catalog()
    names = [b"%06d" % number for number in range(50_000)]
    catalog.show(1, SortedNames.from_sorted([names]))
    finish(catalog)
    old = sys.getrefcount(names[0])
    catalog.show(2, SortedNames.from_sorted([names.copy()]))
    while catalog.busy:
        catalog.work()
    slices = 1
    while catalog.work():
        slices += 1
    assert slices >= 10
    # One more in the new holding, and one more in the new chunks; none is left in the old ones.
    assert sys.getrefcount(names[0]) == old + 2
    assert not catalog.work()


def test_thousands_of_owners_of_one_name() -> None:
    """The same name from many owners lies across chunks and is found again for each of them."""
    catalog = Catalog()
    owners = list(range(1, 5001))
    random.Random(1).shuffle(owners)
    for owner in owners:
        catalog.show(owner, SortedNames.from_sorted([[b"lock"]]))
    finish(catalog)
    assert catalog.files == 5000
    catalog.check()
    for owner in owners[::2]:
        catalog.hide(owner)
    finish(catalog)
    assert [owner for chunk in catalog.chunks for owner in chunk.owners] == sorted(owners[1::2])
    catalog.check()


def test_a_change_during_a_pass_is_seen_at_once() -> None:
    """Who is not concerned by a large change does not wait for it."""
    catalog = Catalog()
    mine = SortedNames.from_sorted([[b"a"]])
    catalog.show(1, mine)
    large = SortedNames.from_sorted([[b"%08d" % number for number in range(20_000)]])
    catalog.show(2, large)
    assert catalog.work(100)
    assert catalog.work(100)
    mine.apply([b"b"], [])
    catalog.change(1, [b"b"], [])
    assert [name for chunk in catalog.chunks for name in chunk.names] == [b"a", b"b"]
    large.apply([b"z"], [b"00000000"])
    catalog.change(2, [b"z"], [b"00000000"])
    finish(catalog)
    seen = [name for chunk in catalog.chunks for name in chunk.names]
    assert seen == sorted([*large, b"a", b"b"])
    catalog.check()


def test_a_lone_small_client_comes_and_goes_at_once() -> None:
    catalog = Catalog()
    catalog.show(1, SortedNames.from_sorted([[b"a"]]))
    assert catalog.files == 1
    catalog.hide(1)
    assert (catalog.files, catalog.busy) == (0, False)


def test_a_flock_of_small_clients_waits_for_one_pass() -> None:
    """A thousand that come or go at once, one by one, would hold the event loop."""
    catalog = Catalog()
    for owner in range(1000):
        catalog.show(owner, SortedNames.from_sorted([[b"a", b"b"]]))
    assert catalog.busy
    assert catalog.files < 100
    finish(catalog)
    assert catalog.files == 2000
    for owner in range(1000):
        catalog.hide(owner)
    assert catalog.busy
    finish(catalog)
    assert catalog.files == 0
    catalog.check()


def test_a_pass_ends_although_changes_keep_coming() -> None:
    """More of them between two slices than a slice repeats."""
    catalog = Catalog()
    mine = SortedNames.from_sorted([[b"a"]])
    catalog.show(1, mine)
    catalog.show(2, SortedNames.from_sorted([[b"%08d" % number for number in range(5000)]]))
    slices = 0
    while catalog.work(100):
        slices += 1
        assert slices < 1000
        fresh = [b"%d-%d" % (slices, number) for number in range(50)]
        mine.apply(fresh, [])
        catalog.change(1, fresh, [])
    assert catalog.files == 5000 + len(mine)
    catalog.check()


def test_clients_that_came_and_went_leave_no_trace() -> None:
    """Each start of an agent is another owner; in a year that makes many."""
    catalog = Catalog()
    catalog.show(0, SortedNames.from_sorted([[b"a", b"b"]]))
    for owner in range(1, 500):
        catalog.show(owner, SortedNames.from_sorted([[b"c"]]))
        catalog.hide(owner)
        finish(catalog)
    (chunk,) = catalog.chunks
    assert chunk.owners_within == {0}

"""Events of a real inotify instance, read and settled on the loop that runs the test."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scout.agent.core.filesystems import Naming
from scout.agent.core.inventory import Inventory
from scout.agent.core.reconcile import Listing
from scout.agent.inspect import look
from scout.agent.verify import Verifier
from scout.agent.watch import Watcher

QUEUE = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())


class Watched:
    """A directory, what is believed of it, and what was called."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.floods: list[str] = []
        self.asked = 0
        self.lost: list[str] = []
        self.inventory = Inventory()
        self.watcher = Watcher(look(os.fsencode(path)), hidden=False)
        self.settler = Verifier(
            self.inventory,
            on_news=lambda: None,
            on_lost=self.lost.append,
            on_flood=self.flood,
            on_asked=self.ask,
        )
        self.settler.attach(self.watcher)

    def ask(self) -> None:
        self.asked += 1

    def flood(self, reason: str) -> None:
        self.floods.append(reason)

    def make(self, prefix: str, count: int) -> None:
        """`count` names, before the loop can read one event."""
        seed = self.path.parent / "seed"
        seed.touch()
        for number in range(count):
            os.link(seed, self.path / f"{prefix}{number}")

    async def settled_queue(self) -> None:
        """All that was queued by now is settled, without a scan."""
        await self.settler.catch_up()

    async def settled(self) -> None:
        """All that was queued by now is settled."""
        assert await self.settler.apply(Listing([], [])) is not None


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    directory = tmp_path / "directory"
    directory.mkdir()
    it = Watched(directory)
    yield it
    it.settler.detach()


async def test_a_queue_that_is_half_full_is_read_before_it_is_settled(watched: Watched) -> None:
    """What the kernel holds is bounded: room is made there first, and the rest takes its time."""
    half = QUEUE * 6 // 10
    if half > 20_000:
        pytest.skip("the kernel's queue is longer than a test can fill")
    watched.make("a", half)
    for _ in range(4):
        await asyncio.sleep(0)
    assert len(watched.inventory.names) < half
    watched.make("b", half)
    await watched.settler.begin_scan()
    await watched.settled()
    assert watched.floods == []
    assert watched.inventory.names == set(os.listdir(os.fsencode(watched.path)))


async def test_more_names_in_doubt_than_may_wait_put_everything_in_doubt(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scout.agent.verify.DOUBTS", 10)
    await watched.settler.begin_scan()
    watched.make("a", 20)
    assert await watched.settler.apply(Listing([b"stale"], [])) is None
    assert watched.floods == ["more than 10 names are in doubt"]
    assert watched.inventory.names == set()


async def test_an_event_outweighs_a_scan_that_began_before_it(watched: Watched) -> None:
    watched.make("a", 2)
    await watched.settler.begin_scan()
    await watched.settled()
    await watched.settler.begin_scan()
    (watched.path / "a0").unlink()
    assert await watched.settler.apply(Listing([b"a0", b"x"], [b"a1"])) == (2, 0)
    assert watched.inventory.names == {b"x"}


async def test_the_end_of_the_watch_drops_what_waits(watched: Watched) -> None:
    watched.make("a", 2000)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    watched.settler.detach()
    believed = set(watched.inventory.names)
    for _ in range(10):
        await asyncio.sleep(0)
    assert watched.inventory.names == believed
    assert watched.lost == []


@pytest.mark.parametrize(
    ("naming", "name", "asked"),
    [
        (Naming.EXACT, "a", False),
        (Naming.LOOSE, "1", True),
        (Naming.UNKNOWN, "1", False),
        (Naming.UNKNOWN, "a", True),
    ],
)
async def test_where_a_lookup_proves_nothing_an_event_asks_for_a_listing(
    watched: Watched, naming: Naming, name: str, asked: bool
) -> None:
    watched.settler.naming = naming
    (watched.path / name).touch()
    await watched.settled_queue()
    assert bool(watched.asked) is asked
    assert watched.inventory.names == (set() if asked else {name.encode()})

"""Turns doubts into facts: what events mention is verified by one lstat, what a listing found is
believed except where an event spoke later.

Events are hints and the file system is the truth. To read an event takes half a microsecond and
to settle it five, or a hundred beside a scan; so all that the kernel has queued is read first, and
settled batch by batch. Otherwise a storm would overflow the kernel's queue, which is short.
Where a lookup proves nothing (`Naming`), events only ask for a listing.
Owned by the event loop's thread.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Collection

from scout.agent.core import folding
from scout.agent.core.filesystems import Naming
from scout.agent.core.inventory import Inventory
from scout.agent.core.observe import Observation
from scout.agent.core.reconcile import Listing, Reconciler
from scout.agent.inspect import PATH, explain
from scout.agent.scan import is_file
from scout.agent.watch import Watcher

SLICE = 4096
"""Names believed between two turns of the event loop: about 2 ms."""

AHEAD = 512 * 1024
"""Bytes of events read between two turns of the event loop: about 11,000, 5 ms of work."""

DOUBTS = 250_000
"""Names that may wait to be settled, or that events may mention during one scan. Beyond,
everything counts as in doubt and is scanned: a bound on memory (about 30 MB each)."""

HALF_RENAME = 0.002
"""Seconds to wait for the second half of a rename. The kernel queues it microseconds later."""


class Verifier:
    """Keeps `inventory` true between two scans, and joins a scan with the events around it.

    Calls, on the loop's thread: `on_news()` after the inventory changed, `on_lost(reason)` when the
    directory may be gone, `on_flood(reason)` when everything is in doubt, `on_asked()` when only a
    listing can tell what changed.
    """

    def __init__(
        self,
        inventory: Inventory,
        *,
        on_news: Callable[[], None],
        on_lost: Callable[[str], None],
        on_flood: Callable[[str], None],
        on_asked: Callable[[], None],
    ) -> None:
        self._inventory = inventory
        self._on_news = on_news
        self._on_lost = on_lost
        self._on_flood = on_flood
        self._on_asked = on_asked
        self._watcher: Watcher | None = None
        self._doubts: deque[Collection[bytes]] = deque()
        self._waiting = 0
        self._turning = False
        self._reconciler = Reconciler()
        self._held = b""
        self._holding: asyncio.TimerHandle | None = None
        self.naming = Naming.EXACT
        """What a lookup proves in the directory that is watched."""
        self.events = 0

    @property
    def waiting(self) -> bool:
        """True while there are events that were not read, or names that are in doubt."""
        queued = self._watcher is not None and self._watcher.backlog() > 0
        return queued or bool(self._doubts)

    def attach(self, watcher: Watcher) -> None:
        """Read `watcher` from now on. Takes ownership of it."""
        self.detach()
        self._watcher = watcher
        asyncio.get_running_loop().add_reader(watcher.fileno(), self._awake, watcher)

    def detach(self) -> None:
        """End the watch; what it has not told yet is void, and so is a scan under way."""
        self._unhold()
        self._drop()
        self._reconciler.void()
        self._reconciler.forget()
        if self._watcher is not None:
            asyncio.get_running_loop().remove_reader(self._watcher.fileno())
            self._watcher.close()
            self._watcher = None

    async def begin_scan(self) -> None:
        """A scan starts now: from here on an event outweighs what it will have found.

        What the kernel has queued is read before: a change that comes now may be merged with one
        that lies there unread (inotify(7)), and would not be met.
        """
        await self._read_up()
        self._reconciler.begin(watched=self._watcher is not None)

    async def apply(self, listing: Listing) -> tuple[int, int] | None:
        """Believe a scan. How many names it changed and how many it leaves open, or None if it is
        void and must be repeated.

        First everything that the kernel queued before the scan's end is settled; so a name on
        which scan and belief differ, and which no event mentions, differs for good.
        """
        await self.catch_up()
        reconciler, changed = self._reconciler, 0
        gone, suspects = reconciler.judge(listing)
        for names, present in ((listing.appeared, True), (gone, False)):
            for start in range(0, len(names), SLICE):
                if not reconciler.valid:
                    return None
                for name in names[start : start + SLICE]:
                    if reconciler.open(name):
                        changed += self._inventory.settle(name, present)
                await asyncio.sleep(0)
        if not reconciler.valid:
            return None
        reconciler.end()
        told = self._inventory.unexamined != listing.unexamined
        self._inventory.unexamined = listing.unexamined
        if changed or told:
            self._on_news()
        return changed, len(suspects)

    async def catch_up(self) -> None:
        """Settle all that the kernel has queued by now."""
        await self._read_up()
        self._release()
        for _ in range(len(self._doubts)):
            await asyncio.sleep(0)
            self._settle_next()

    async def _read_up(self) -> None:
        """Read all that the kernel has queued by now."""
        watcher = self._watcher
        if watcher is None:
            return
        backlog = watcher.backlog()
        while backlog > 0 and watcher is self._watcher:
            size = self._read(watcher)
            if not size:
                break
            backlog -= size
            if backlog > 0:
                await asyncio.sleep(0)

    def _awake(self, watcher: Watcher) -> None:
        """There are events."""
        left = min(watcher.backlog(), AHEAD)
        while left > 0 and watcher is self._watcher:
            size = self._read(watcher)
            if not size:
                break
            left -= size
        if not self._turning:
            self._turn()

    def _turn(self) -> None:
        """Settle one batch, and come back for the next one."""
        self._settle_next()
        self._turning = bool(self._doubts)
        if self._turning:
            asyncio.get_running_loop().call_soon(self._turn)

    def _read(self, watcher: Watcher) -> int:
        seen, size = watcher.read()
        self.events += seen.events
        self._take(seen)
        return size

    def _take(self, seen: Observation) -> None:
        if seen.stirred or seen.everything:
            self._reconciler.stir()
        if seen.everything:
            self._on_flood(seen.everything)
        if seen.lost:
            self._on_lost(seen.lost)
            return
        if self._proves_nothing(seen.doubted):
            self._reconciler.mention(seen.doubted)
            if seen.doubted:
                self._on_asked()
            self._bound()
            return
        doubted = seen.doubted
        if held := self._unhold():
            doubted = {held: None, **doubted}
        if seen.half_renamed:
            # To settle it now would show the file under neither name for a moment.
            doubted.pop(seen.half_renamed, None)
            self._held = seen.half_renamed
            loop = asyncio.get_running_loop()
            self._holding = loop.call_later(HALF_RENAME, self._release)
        self._reconciler.mention(doubted)
        if self._held:
            self._reconciler.mention((self._held,))
        self._doubt(doubted)
        self._bound()

    def _proves_nothing(self, names: Collection[bytes]) -> bool:
        """True if a lookup may find one of `names` although the directory has it not."""
        if self.naming is Naming.UNKNOWN:
            return not all(map(folding.one_spelling, names))
        return self.naming is Naming.LOOSE

    def _bound(self) -> None:
        if max(self._waiting, self._reconciler.mentioned) > DOUBTS:
            self._drop()
            self._reconciler.void()
            self._on_flood(f"more than {DOUBTS} names are in doubt")

    def _doubt(self, names: Collection[bytes]) -> None:
        """`names` are to be settled, all at once."""
        if names:
            self._doubts.append(names)
            self._waiting += len(names)

    def _drop(self) -> None:
        """Settle nothing of what waits."""
        self._doubts.clear()
        self._waiting = 0

    def _unhold(self) -> bytes:
        """The name whose other half has not come yet, if there is one; it is held no more."""
        if self._holding is not None:
            self._holding.cancel()
        held, self._held, self._holding = self._held, b"", None
        return held

    def _release(self) -> None:
        """The other half did not come: the file was moved out of the directory."""
        if held := self._unhold():
            self._doubt([held])
            if not self._turning:
                self._turn()

    def _settle_next(self) -> None:
        """Settle the batch that has waited longest."""
        if self._doubts:
            names = self._doubts.popleft()
            self._waiting -= len(names)
            self._settle(names)

    def _settle(self, names: Collection[bytes]) -> None:
        """Ask the file system about each name, in the very directory that is watched."""
        watcher = self._watcher
        if watcher is None:
            return
        place = watcher.place
        descriptor = -1
        try:
            # Opened for each batch: kept open it would keep the file system from being unmounted.
            descriptor = os.open(place.path, PATH)
            status = os.fstat(descriptor)
            if (status.st_dev, status.st_ino) != (place.device, place.inode):
                self._on_lost("another directory was put in its place")
                return
            if self._look_up(names, descriptor):
                self._on_news()
        except OSError as error:
            self._on_lost(explain(error))
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _look_up(self, names: Collection[bytes], descriptor: int) -> bool:
        """True if one of `names` is not as it was believed to be."""
        settle, news = self._inventory.settle, False
        for name in names:
            try:
                news |= settle(name, is_file(name, descriptor))
            except OSError:
                # One entry that can't be looked at says nothing of the others; the listing may
                # tell what it is.
                self._on_asked()
        return news

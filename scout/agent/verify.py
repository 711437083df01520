"""Turns doubts into facts: what events mention is settled by one lstat, what a scan found is
believed except where an event spoke later.

Events are hints and the file system is the truth. To read an event takes half a microsecond and
to settle it five, or a hundred beside a scan; so all that the kernel has queued is read first, and
settled batch by batch. Otherwise a storm would overflow the kernel's queue, which is short.
Owned by the event loop's thread.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Collection

from scout.agent.core.inventory import Inventory
from scout.agent.core.observe import Observation
from scout.agent.inspect import explain
from scout.agent.scan import ScanResult, is_file
from scout.agent.watch import Watcher

PATH = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC

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
    directory may be gone, `on_flood(reason)` when everything is in doubt.
    """

    def __init__(
        self,
        inventory: Inventory,
        *,
        on_news: Callable[[], None],
        on_lost: Callable[[str], None],
        on_flood: Callable[[str], None],
    ) -> None:
        self._inventory = inventory
        self._on_news = on_news
        self._on_lost = on_lost
        self._on_flood = on_flood
        self._watcher: Watcher | None = None
        self._doubts: deque[Collection[bytes]] = deque()
        self._waiting = 0
        self._turning = False
        self._announced: set[bytes] | None = None
        self._held = b""
        self._holding: asyncio.TimerHandle | None = None
        self.events = 0

    def attach(self, watcher: Watcher) -> None:
        """Read `watcher` from now on. Takes ownership of it."""
        self.detach()
        self._watcher = watcher
        asyncio.get_running_loop().add_reader(watcher.fileno(), self._awake, watcher)

    def detach(self) -> None:
        """End the watch; what it has not told yet is void."""
        self._unhold()
        self._drop()
        if self._watcher is not None:
            asyncio.get_running_loop().remove_reader(self._watcher.fileno())
            self._watcher.close()
            self._watcher = None

    def begin_scan(self) -> None:
        """A scan starts now: from here on an event outweighs what it will have found."""
        self._announced = set()

    async def apply(self, survey: ScanResult) -> int | None:
        """Believe a scan. How many names it changed, or None if it is void and must be repeated.

        First everything that the kernel queued before the scan's end is settled; so a name on
        which scan and belief differ, and which no event mentions, differs for good.
        """
        await self._catch_up()
        changed = 0
        for names, present in ((survey.appeared, True), (survey.gone, False)):
            for start in range(0, len(names), SLICE):
                announced = self._announced
                if announced is None:
                    return None
                for name in names[start : start + SLICE]:
                    if name not in announced:
                        changed += self._inventory.settle(name, present)
                await asyncio.sleep(0)
        self._announced = None
        if changed:
            self._on_news()
        return changed

    async def _catch_up(self) -> None:
        """Settle all that the kernel has queued by now."""
        watcher = self._watcher
        if watcher is None:
            return
        backlog = watcher.backlog()
        while backlog > 0 and watcher is self._watcher:
            size = self._read(watcher)
            if not size:
                break
            backlog -= size
            await asyncio.sleep(0)
        self._release()
        for _ in range(len(self._doubts)):
            await asyncio.sleep(0)
            self._settle_next()

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
        if seen.everything:
            self._on_flood(seen.everything)
        if seen.lost:
            self._on_lost(seen.lost)
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
        if self._announced is not None:
            self._announced.update(doubted)
            if self._held:
                self._announced.add(self._held)
        self._doubt(doubted)
        if max(self._waiting, len(self._announced or ())) > DOUBTS:
            self._drop()
            self._announced = None
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
        place, settle = watcher.place, self._inventory.settle
        news = False
        descriptor = -1
        try:
            # Opened for each batch: kept open it would keep the file system from being unmounted.
            descriptor = os.open(place.path, PATH)
            status = os.fstat(descriptor)
            if (status.st_dev, status.st_ino) != (place.device, place.inode):
                self._on_lost("another directory was put in its place")
                return
            for name in names:
                news |= settle(name, is_file(name, descriptor))
        except OSError as error:
            self._on_lost(explain(error))
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        if news:
            self._on_news()

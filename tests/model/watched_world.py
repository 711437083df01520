"""A tiny world for the monitor's model: directories whose inode numbers are used again, mounts, a
link, a kernel with a short queue of events; and an agent in it that does what the core asks for.

Nothing here is real, and everything that is decided is decided by the cores under test.
"""

import random
from dataclasses import dataclass, field

from scout.agent.core.actions import Drain, Look, MonitorConfig, Scan, Scanned, Verdict, Watch
from scout.agent.core.filesystems import Naming
from scout.agent.core.identity import DirectoryIdentity
from scout.agent.core.monitor import Life
from scout.agent.core.reconcile import Listing, Reconciler
from scout.agent.core.standstill import Standstill

QUEUE = 4
POLL, GRACE = 5.0, 3.0
NAMES = [b"a", b"A", b"b", b"B", b"c"]


@dataclass(eq=False)
class Directory:
    """What a path may lead to. `number` is used again once the directory is gone."""

    number: int
    names: set[bytes] = field(default_factory=set)
    modified: int = 0


class Kernel:
    """Paths, mounts, and one inotify instance at most.

    The path is `/link`, which leads to `/disk/v1` or `/disk/v2`. Those exist on the disk, if it is
    mounted, and beneath it. `folds`: case is ignored and kept.
    """

    def __init__(self, *, folds: bool, silent: bool) -> None:
        self.folds = folds
        self.silent = silent
        self.disk: dict[bytes, Directory] | None = {b"v1": Directory(10), b"v2": Directory(11)}
        self.beneath = {b"v1": Directory(20), b"v2": Directory(21)}
        self.target = b"v1"
        self.mount = 100
        self.device = 7
        self.unstable = 0
        self.watch: tuple[int, Directory | None] | None = None
        self.next_wd = 1
        self.queue: list[tuple[str, bytes]] = []

    @property
    def tree(self) -> dict[bytes, Directory]:
        return self.beneath if self.disk is None else self.disk

    @property
    def directory(self) -> Directory | None:
        return self.tree.get(self.target)

    @property
    def truth(self) -> frozenset[bytes] | None:
        """What is to be reported; None if nothing is."""
        if self.disk is None or self.directory is None:
            return None
        return frozenset(self.directory.names)

    def look(self) -> DirectoryIdentity | None:
        found = self.directory
        if found is None:
            return None
        mounted = self.disk is not None
        return DirectoryIdentity(
            b"/disk/" + self.target,
            self.mount if mounted else 1,
            self.device if mounted else 1,
            found.number + self.unstable,
            b"/disk" if mounted else b"/",
            "fuse.own" if self.silent else ("vfat" if self.folds else "ext4"),
            Naming.LOOSE if self.folds else Naming.EXACT,
        )

    def lstat(self, directory: Directory, name: bytes) -> bool:
        if self.folds:
            return name.lower() in {other.lower() for other in directory.names}
        return name in directory.names

    def tell(self, kind: str, name: bytes = b"") -> None:
        """Queue an event, or that one was lost."""
        if len(self.queue) < QUEUE:
            self.queue.append((kind, name))
        elif self.queue[-1][0] != "overflow":
            self.queue.append(("overflow", b""))

    def changed(self, directory: Directory, name: bytes) -> None:
        directory.modified += 1
        if self.watch is not None and self.watch[1] is directory:
            self.tell("entry", name)

    def add_watch(self) -> int:
        found = self.directory
        assert found is not None
        if self.watch is not None and self.watch[1] is found:
            return self.watch[0]
        wd, self.next_wd = self.next_wd, self.next_wd + 1
        return wd


class Actor:
    """The agent: what the shells do, in steps between which the world may change."""

    def __init__(self, kernel: Kernel, dice: random.Random) -> None:
        self.kernel = kernel
        self.now = 1000.0
        config = MonitorConfig(b"/link", POLL, 30.0, False, False, False)
        self.life = Life(config, dice)
        self.reconciler = Reconciler()
        self.standstill = Standstill()
        self.belief: set[bytes] = set()
        self.doubts: list[bytes] = []
        self.working: Scan | None = None
        self.listing: Listing | None = None
        self.wd = 0
        self.moves = 0
        self.draining = False
        # Events taken from the queue, and those to be settled before anything is vouched for.
        self.taken = self.owed = 0
        first = kernel.look()
        assert first is not None
        self.life.first(first)

    @property
    def verdict(self) -> Verdict:
        return self.life.verdict(self.now)

    @property
    def idle(self) -> bool:
        """Nothing is under way and nothing waits."""
        due = self.life.deadline() <= self.now
        return self.working is None and not self.doubts and not self.kernel.queue and not due

    @property
    def owes(self) -> bool:
        """Something that was queued at a standstill, or when a stream began, is not settled."""
        return self.taken < self.owed or bool(self.doubts)

    def turn(self) -> None:
        held = self.standstill.turn(self.now, GRACE)
        if held:
            self.life.held(self.now, held)
            self.owed = self.taken + len(self.kernel.queue)

    def rejoin(self) -> None:
        """The master has the agent again."""
        if self.kernel.watch is not None and (self.kernel.queue or self.doubts):
            self.life.rejoined()
            self.owed = self.taken + len(self.kernel.queue)

    def leave_if_lost(self) -> None:
        if not self.life.watched and self.kernel.watch is not None:
            self.kernel.watch = None
            self.kernel.queue.clear()
            self.doubts.clear()
            self.reconciler.void()
            self.reconciler.forget()
            self.working = self.listing = None
            self.draining = False
            self.owed = 0

    def read(self) -> None:
        """Read all that is queued."""
        while self.kernel.queue and self.kernel.watch is not None:
            kind, name = self.kernel.queue.pop(0)
            self.taken += 1
            if kind == "lost":
                self.life.lost(self.now, "the directory was deleted")
            elif kind == "overflow":
                self.reconciler.stir()
                self.life.overflowed(self.now)
            else:
                self.reconciler.stir()
                self.reconciler.mention([name])
                if self.life.naming is Naming.EXACT:
                    self.doubts.append(name)
                else:
                    self.life.asked()
            self.leave_if_lost()

    def settle(self) -> None:
        """Verify all that is in doubt."""
        doubts, self.doubts = self.doubts, []
        for name in doubts:
            place, found = self.life.place, self.kernel.look()
            if place is None or self.kernel.watch is None:
                return
            if found is None or (found.device, found.inode) != (place.device, place.inode):
                self.life.lost(self.now, "another directory was put in its place")
                self.leave_if_lost()
                return
            directory = self.kernel.directory
            assert directory is not None
            (self.belief.add if self.kernel.lstat(directory, name) else self.belief.discard)(name)

    def step(self) -> None:
        """One turn of the loop. A drain takes two: what it is about was read in the first."""
        self.turn()
        if self.draining:
            self.draining = False
            self.settle()
            if self.kernel.watch is not None:
                self.life.drained()
            return
        self.read()
        self.settle()
        if self.working is not None:
            self._go_on(self.working)
        else:
            self._begin()
        self.leave_if_lost()

    def _begin(self) -> None:
        action = self.life.next(self.now)
        match action:
            case Look():
                self._look()
            case Watch():
                if self.kernel.look() is None:
                    self.life.look_failed(self.now, "gone")
                else:
                    self.wd = self.kernel.add_watch()
                    self.kernel.watch = (self.wd, self.kernel.directory)
                    self.kernel.queue.clear()
                    self.life.watching()
            case Drain():
                self.read()
                self.draining = True
            case Scan():
                self.read()
                self.reconciler.begin(watched=self.kernel.watch is not None)
                self.working = action

    def _look(self) -> None:
        place = self.kernel.look()
        if place is None:
            self.life.look_failed(self.now, "it does not exist")
            return
        proven = not self.life.watched or self.kernel.add_watch() == self.wd
        self.moves += self.life.looked(self.now, place, proven=proven, seconds=0.001)

    def _go_on(self, scan: Scan) -> None:
        if self.listing is None:
            self.listing = self._list(scan)
            if self.listing is None:
                self.working = None
                self.life.look_failed(self.now, "it is not there")
            return
        listing, self.listing, self.working = self.listing, None, None
        gone, suspects = self.reconciler.judge(listing)
        for names, change in ((listing.appeared, self.belief.add), (gone, self.belief.discard)):
            for name in names:
                if self.reconciler.open(name):
                    change(name)
        self.reconciler.end()
        self.life.scanned(self.now, Scanned(0.001, suspects=len(suspects)))

    def _list(self, scan: Scan) -> Listing | None:
        found, directory = self.kernel.look(), self.kernel.directory
        if found is None or directory is None:
            return None
        place = scan.directory
        same = (found.path, found.mount, found.device) == (place.path, place.mount, place.device)
        if self.life.watched:
            same &= found.inode == place.inode and self.kernel.add_watch() == self.wd
        if not same:
            return None
        missing = self.belief - directory.names
        standing = [name for name in missing if self.kernel.lstat(directory, name)]
        return Listing(
            [name for name in directory.names if name not in self.belief],
            [name for name in missing if name not in standing],
            standing,
            modified=(directory.modified, directory.modified),
        )

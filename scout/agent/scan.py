"""Reading the whole directory, on a thread of its own.

A scan may take seconds (a million files) or for ever (a dead file system). So it runs on one
daemon thread: the event loop goes on, a second scan is never started beside a hung one, and a
thread that never comes back does not keep the process from ending.
"""

import asyncio
import errno
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Set
from queue import SimpleQueue
from typing import Any, TypeVar

from scout.agent.core import folding
from scout.agent.core.filesystems import Naming
from scout.agent.core.identity import DirectoryIdentity, replaced
from scout.agent.core.inventory import Inventory
from scout.agent.core.reconcile import Listing
from scout.agent.inspect import OPEN, Unavailable, explain, sight

T = TypeVar("T")

LARGE = 100_000
"""Believed names from which on a scan first looks whether all is as believed. To tell what differs
takes a copy of the belief: for a million names 32 MB, and 30 ms in which nothing else runs."""

DOT = ord(".")

STEP = 1024
"""Entries between two signs of progress."""

ABSENT = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG))
"""What lstat(2) says of a name that is not there, or can't be."""


class Scanner:
    """The thread, and the one job that it does at a time.

    `do` is called on the event loop's thread. `progress_at` is the monotonic time of the
    last sign of progress and may be read from any thread.
    """

    def __init__(self) -> None:
        self.progress_at = time.monotonic()
        self._jobs: SimpleQueue[tuple[Callable[[], object], asyncio.Future[object]]] = SimpleQueue()
        threading.Thread(target=self._work, name="scanner", daemon=True).start()

    def do(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """Do `job`, which may hang, on the thread. The future has its result or its error."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.progress_at = time.monotonic()
        self._jobs.put((job, future))  # type: ignore[arg-type]  # a future's type is invariant
        return future

    def _work(self) -> None:
        while True:
            job, future = self._jobs.get()
            try:
                result, error = job(), None
            except Exception as problem:  # noqa: BLE001 - handed to whoever waits for it
                result, error = None, problem
            self.progress_at = time.monotonic()
            try:
                future.get_loop().call_soon_threadsafe(_deliver, future, result, error)
            except RuntimeError:
                return  # the loop is closed: the program ends

    def read(
        self,
        place: DirectoryIdentity,
        belief: Inventory,
        *,
        hidden: bool,
        watched: bool,
        naming: Naming,
    ) -> Listing:
        """Read `place` and compare it with `belief`, which may change meanwhile; on the thread.

        Raises `Unavailable` if the path leads to another directory by now, or can't be read.
        """
        known = belief.names
        started = time.monotonic()
        try:
            descriptor = os.open(place.path, OPEN)
        except OSError as error:
            raise Unavailable(explain(error)) from error
        try:
            change = replaced(place, sight(place.path, descriptor), watched=watched)
            if change:
                raise Unavailable(change)
            modified = os.fstat(descriptor).st_mtime_ns
            found = Listing([], [])
            if len(known) < LARGE or not self._same(descriptor, belief, hidden):
                found = self._compare(descriptor, belief, hidden, naming)
            found.modified = modified, os.fstat(descriptor).st_mtime_ns
        except OSError as error:
            raise Unavailable(explain(error)) from error
        finally:
            os.close(descriptor)
        found.seconds = time.monotonic() - started
        return found

    def _same(self, descriptor: int, belief: Inventory, hidden: bool) -> bool:
        """True if the directory holds just what is believed, and the belief stood still."""
        known, before, met = belief.names, belief.changes, 0
        if belief.withheld or belief.unexamined:
            return False
        unexamined: set[bytes] = set()
        for name in self._files(descriptor, unexamined):
            if name in known:
                met += 1
            elif hidden or name[0] != DOT:
                return False
        return met == len(known) and belief.changes == before and not unexamined

    def _compare(self, descriptor: int, belief: Inventory, hidden: bool, naming: Naming) -> Listing:
        known, withheld = belief.names, belief.withheld
        unmet = set(known)
        unmet.update(withheld)
        appeared: list[bytes] = []
        unexamined: set[bytes] = set()
        for name in self._files(descriptor, unexamined):
            if name in unmet:
                unmet.remove(name)
            elif name not in known and (hidden or name[0] != DOT):
                appeared.append(name)
        if not hidden:
            unexamined = {name for name in unexamined if name[0] != DOT}
        missing = unmet - unexamined
        gone, standing = self._look_up(descriptor, missing, (known, withheld))
        listing = Listing(appeared, gone, standing, unexamined=frozenset(unexamined))
        if naming is not Naming.EXACT:
            self._fold(descriptor, listing, known, unmet, naming)
        return listing

    def _files(self, descriptor: int, unexamined: set[bytes]) -> Iterator[bytes]:
        """The names that the directory lists, but for directories. Those of which it can't be told
        what they are go to `unexamined`."""
        encode: Callable[[str], bytes] | None = None
        entries: Any
        try:
            # By this path names come as the bytes that they are.
            entries = os.scandir(b"/proc/self/fd/%d" % descriptor)
        except OSError:
            # Without /proc they come as text, by number, and are turned back.
            encode = _encoder()
            entries = os.scandir(descriptor)
        with entries:
            for step, entry in enumerate(entries):
                if step % STEP == 0:
                    self.progress_at = time.monotonic()
                name: bytes = entry.name if encode is None else encode(entry.name)
                try:
                    # Asks the file system only if the listing itself does not tell.
                    if not entry.is_dir(follow_symlinks=False):
                        yield name
                except OSError:
                    unexamined.add(name)

    def _look_up(
        self, descriptor: int, missing: set[bytes], known: tuple[Set[bytes], Set[bytes]]
    ) -> tuple[list[bytes], list[bytes]]:
        """Those of `missing` that a lookup does not find, and those that it does. What an event has
        removed from both of `known` meanwhile is not asked for."""
        gone: list[bytes] = []
        standing: list[bytes] = []
        for step, name in enumerate(missing):
            if step % STEP == 0:
                self.progress_at = time.monotonic()
            if name in known[0] or name in known[1]:
                try:
                    (standing if is_file(name, descriptor) else gone).append(name)
                except OSError:
                    standing.append(name)  # nothing is known, so nothing is decided by it
        return gone, standing

    def _fold(
        self,
        descriptor: int,
        listing: Listing,
        known: Set[bytes],
        unmet: set[bytes],
        naming: Naming,
    ) -> None:
        """Learn whether other spellings of a name are found, and which of those that stand are."""
        if naming is Naming.LOOSE and not listing.standing:
            return
        listed = (known - unmet) | set(listing.appeared)
        base, others = folding.probes(listed, listed)
        identities = [_identity(name, descriptor) for name in others]
        # Last: had it gone before, that its spellings are not found would prove nothing.
        if not identities or _identity(base, descriptor) is None:
            return
        listing.exact = None in identities
        if len(identities) == 2 and not listing.exact and identities[0] == identities[1]:
            listing.aliases = frozenset(
                suspect
                for suspect, name in folding.twins(listing.standing, listed)
                if (it := _identity(suspect, descriptor)) and it == _identity(name, descriptor)
            )


def is_file(name: bytes, descriptor: int) -> bool:
    """True if the directory `descriptor` has an entry `name` that is not itself a directory.

    Raises OSError if that can't be told.
    """
    try:
        return not stat.S_ISDIR(os.lstat(name, dir_fd=descriptor).st_mode)
    except OSError as error:
        if error.errno in ABSENT:
            return False
        raise


def _identity(name: bytes, descriptor: int) -> tuple[int, int] | None:
    try:
        status = os.lstat(name, dir_fd=descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _encoder() -> Callable[[str], bytes]:
    """What turns a name back into the bytes that it was read from. Raises `Unavailable` where some
    names would come out as others."""
    encoding = sys.getfilesystemencoding()
    every = bytes(range(256))
    if encoding != "utf-8":
        text = os.fsdecode(every)
        if len(text) != len(every) or os.fsencode(text) != every:
            raise Unavailable(
                f"without /proc names can't be read exactly in the encoding {encoding}: "
                "mount /proc, or set a UTF-8 locale"
            )
    return os.fsencode


def _deliver(future: asyncio.Future[object], result: object, error: Exception | None) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)

"""Reading the whole directory, on a thread of its own.

A scan may take seconds (a million files) or for ever (a dead file system). So it runs on one
daemon thread: the event loop goes on, a second scan is never started beside a hung one, and a
thread that never comes back does not keep the process from ending.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

from scout.agent.core.identity import DirectoryIdentity, replaced
from scout.agent.core.inventory import Inventory
from scout.agent.inspect import OPEN, Unavailable, explain, look, sight

T = TypeVar("T")

LARGE = 100_000
"""Believed names from which on a scan first looks whether all is as believed. To tell what differs
takes a copy of the belief: for a million names 32 MB, and 30 ms in which nothing else runs."""

DOT = ord(".")

STEP = 1024
"""Entries between two signs of progress."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan found to differ from what was believed, and what it cost."""

    appeared: list[bytes]
    gone: list[bytes]
    seconds: float


class Scanner:
    """The thread, and the one job that it does at a time.

    `submit` is called on the event loop's thread. `progress_at` is the monotonic time of the
    last sign of progress and may be read from any thread.
    """

    def __init__(self) -> None:
        self.progress_at = time.monotonic()
        self._jobs: SimpleQueue[tuple[Callable[[], object], asyncio.Future[object]]] = SimpleQueue()
        threading.Thread(target=self._work, name="scanner", daemon=True).start()

    def look(self, path: bytes) -> asyncio.Future[DirectoryIdentity]:
        """Look once at what the path leads to. Raises `Unavailable` if nothing can be served."""
        return self.do(lambda: look(path))

    def survey(
        self, place: DirectoryIdentity, belief: Inventory, *, hidden: bool
    ) -> asyncio.Future[ScanResult]:
        """Read `place` and compare it with `belief`, which may change meanwhile.

        Raises `Unavailable` if the path leads to another directory by now, or can't be read.
        """
        return self.do(lambda: self._survey(place, belief, hidden))

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

    def _survey(self, place: DirectoryIdentity, belief: Inventory, hidden: bool) -> ScanResult:
        known = belief.names
        started = time.thread_time()
        try:
            descriptor = os.open(place.path, OPEN)
        except OSError as error:
            raise Unavailable(explain(error)) from error
        try:
            change = replaced(place, sight(place.path, descriptor))
            if change:
                raise Unavailable(change)
            appeared: list[bytes] = []
            gone: list[bytes] = []
            if len(known) < LARGE or not self._same(descriptor, belief, hidden):
                unmet = set(known)
                appeared = self._read(descriptor, unmet, known, hidden)
                gone = self._missing(descriptor, unmet, known)
        except OSError as error:
            raise Unavailable(explain(error)) from error
        finally:
            os.close(descriptor)
        return ScanResult(appeared, gone, time.thread_time() - started)

    def _same(self, descriptor: int, belief: Inventory, hidden: bool) -> bool:
        """True if the directory holds just what is believed, and the belief stood still."""
        known, before, met = belief.names, belief.changes, 0
        for entry in self._files(descriptor):
            if entry.name in known:
                met += 1
            elif hidden or entry.name[0] != DOT:
                return False
        return met == len(known) and belief.changes == before

    def _read(
        self, descriptor: int, unmet: set[bytes], known: Set[bytes], hidden: bool
    ) -> list[bytes]:
        """The names that are not known. Those that are met leave `unmet`."""
        appeared: list[bytes] = []
        for entry in self._files(descriptor):
            name = entry.name
            if name in unmet:
                unmet.remove(name)
            elif name not in known and (hidden or name[0] != DOT):
                appeared.append(name)
        return appeared

    def _files(self, descriptor: int) -> Iterator[os.DirEntry[bytes]]:
        """What the directory lists, but for directories."""
        # By this path names come as the bytes that they are; by number they would be text.
        with os.scandir(b"/proc/self/fd/%d" % descriptor) as entries:
            for step, entry in enumerate(entries):
                if step % STEP == 0:
                    self.progress_at = time.monotonic()
                if not entry.is_dir(follow_symlinks=False):
                    yield entry

    def _missing(self, descriptor: int, unmet: set[bytes], known: Set[bytes]) -> list[bytes]:
        """Those of `unmet` that are not there: a listing alone proves nothing while the directory
        changes. What an event has removed from `known` meanwhile is not asked for."""
        missing = []
        for step, name in enumerate(unmet):
            if step % STEP == 0:
                self.progress_at = time.monotonic()
            if name in known and not is_file(name, descriptor):
                missing.append(name)
        return missing


def is_file(name: bytes, descriptor: int) -> bool:
    """True if the directory `descriptor` has an entry `name` that is not itself a directory."""
    try:
        mode = os.lstat(name, dir_fd=descriptor).st_mode
    except FileNotFoundError:
        return False
    return mode & 0o170000 != 0o040000


def _deliver(future: asyncio.Future[object], result: object, error: Exception | None) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)

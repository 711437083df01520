"""inotify on one directory: the shell around `core/observe.py`.

One `Watcher` is one inotify instance that watches one directory, for as long as the path leads
to it; for another directory a new one is made. Owned by the event loop's thread; only making one
and `proves`, which may hang, belong on another.
"""

import array
import fcntl
import os
import termios
import threading

from inotify_simple import INotify

from scout.agent.core.identity import DirectoryIdentity
from scout.agent.core.observe import WANTED, Mask, Observation, decode, observe

READ = 32 * 1024
"""Bytes read at once: about 700 events of short names, 3 ms of work to settle."""

CANARY = "/dev/null"
"""A file that can be watched in every environment; only the end of that watch is of interest."""


class Watcher:
    """The watch. Raises OSError (ENOSPC, EMFILE, ENOENT ...) if it can't be set up."""

    def __init__(self, place: DirectoryIdentity, *, hidden: bool) -> None:
        self.place = place
        self.events = 0
        self._hidden = hidden
        self._inotify = INotify(nonblocking=True)
        try:
            self._wd = self._inotify.add_watch(place.path, WANTED)
        except OSError:
            self._inotify.close()
            raise
        self._canaries: set[int] = set()
        # Its descriptor must not be closed, and given to something else, while it is being used.
        self._use = threading.Lock()
        self._closing = False

    def fileno(self) -> int:
        """The descriptor that becomes readable when there are events."""
        descriptor: int = self._inotify.fileno()
        return descriptor

    def backlog(self) -> int:
        """Bytes of events that wait in the kernel now."""
        waiting = array.array("i", [0])
        fcntl.ioctl(self.fileno(), termios.FIONREAD, waiting)
        return waiting[0]

    def read(self) -> tuple[Observation, int]:
        """What the next events put in doubt, and how many bytes they took; 0 if there are none."""
        try:
            data = os.read(self.fileno(), READ)
        except BlockingIOError:
            data = b""
        seen = observe(decode(data), self._wd, hidden=self._hidden)
        self.events += seen.events
        if seen.proofs & self._canaries or seen.everything:
            self._canaries.clear()
        return seen, len(data)

    @property
    def proven(self) -> bool:
        """True unless an event that was provoked has not been met yet."""
        return not self._canaries

    def provoke(self) -> None:
        """Make the kernel queue an event; until `read` meets it nothing is proven.

        A watch that is added and removed at once leaves an IN_IGNORED (inotify(7)). It travels
        the whole way that a file's event does, and needs no right to write anywhere.
        """
        canary = self._inotify.add_watch(CANARY, Mask.DELETE_SELF)
        self._inotify.rm_watch(canary)
        self._canaries = {canary}

    def proves(self) -> bool:
        """True if this watch is the one that stands on what the path leads to. May hang.

        To add a watch that stands gives its own number; another one means that the directory is not
        the one that was watched, or that the kernel has dropped the watch.
        """
        with self._use:
            proven = not self._closing and self._stands()
        self._end()  # if it was to be closed meanwhile
        return proven

    def _stands(self) -> bool:
        try:
            found = self._inotify.add_watch(self.place.path, WANTED)
            if found == self._wd:
                return True
            self._inotify.rm_watch(found)
        except OSError:
            pass
        return False

    def close(self) -> None:
        """End the watch, or have it ended by a proof that is under way."""
        self._closing = True
        self._end()

    def _end(self) -> None:
        if self._closing and self._use.acquire(blocking=False):
            self._inotify.close()  # a second time it does nothing
            self._use.release()

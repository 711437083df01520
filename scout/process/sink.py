"""The way out for log lines: a bounded queue, and a thread that writes.

Whoever reads standard error may stand still, leave, or have a full disk. None of that is a reason
to stop serving, so nobody but the thread here ever waits for a write. The descriptor itself stays
as it is: O_NONBLOCK would hold for every program that shares it.

Lines keep their order. What finds no room, or can't be written, is counted; once lines come through
again, one of them says how many are missing, in their place.

`put` may be called from any thread, and from a signal handler amid another `put`.
"""

import os
import queue
import select
import threading
import time
import traceback
from collections.abc import Callable

ROOM = 1 << 20
"""Bytes that may wait: about 5,000 lines. The programs write a few a minute, and a few thousand at
once when a whole fleet comes back."""

RESERVE = 1 << 17
"""Bytes beyond that for errors: what ends the program is said even if there is no room for more."""

PATIENCE, LAST = 1.0, 3.0
"""Seconds at the end without anything written, and in all: then a reader who stands still, or reads
too slowly, is given up."""


class Sink:
    """Writes lines to a descriptor for as long as the program runs. See the module."""

    def __init__(self, descriptor: int, notice: Callable[[int], bytes]) -> None:
        """`notice` gives the line that says how many lines are missing. Call it once a process,
        and never fork after that."""
        self._descriptor = descriptor
        self._notice = notice
        self._lock = threading.RLock()
        # It may be entered again by a signal handler, which a queue with a condition may not. A
        # number in it stands for so many lines that were dropped there; None ends the thread.
        self._queue: queue.SimpleQueue[bytes | int | None] = queue.SimpleQueue()
        self._waiting = 0
        self._full = False
        self._gap = 0
        self._missing = 0
        self._dropped = 0
        self._progress = 0
        self._torn = False
        self._alarms: dict[object, tuple[float, Callable[[], None]]] = {}
        self._closing = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines that were not written so far, and never will be."""
        return self._dropped

    def put(self, line: bytes, *, urgent: bool = False) -> None:
        """Have `line`, which ends with a newline, written soon. It is dropped if there is no room;
        `urgent` lines may use the reserve."""
        with self._lock:
            # Once full, it must become half empty: else a slow reader gets a line about missing
            # lines for each line.
            room = ROOM // 2 if self._full else ROOM
            if self._waiting + len(line) > (ROOM + RESERVE if urgent else room):
                self._full = True
                self._gap += 1
                self._dropped += 1
                return
            if self._waiting <= ROOM // 2:
                self._full = False
            self._mark_gap()
            self._waiting += len(line)
            self._queue.put(line)

    def _mark_gap(self) -> None:
        if self._gap:
            gap, self._gap = self._gap, 0
            self._queue.put(gap)

    def at(self, when: float, key: object, alarm: Callable[[], None]) -> None:
        """Call `alarm` on the thread here at `when` (monotonic), instead of an earlier one of
        `key`; at the end of the program, if that comes first."""
        with self._lock:
            before = self._alarms.get(key)
            self._alarms[key] = (when, alarm)
            if before is None or when < before[0]:
                self._queue.put(0)  # it has to look at the clock again

    def close(self) -> None:
        """Have everything written, as far as the reader reads, and end. See `PATIENCE`, `LAST`."""
        self._closing = True
        self._queue.put(0)
        before, deadline = -1, time.monotonic() + LAST
        while before != self._progress and (left := deadline - time.monotonic()) > 0:
            before = self._progress
            if self._done.wait(min(PATIENCE, left)):
                return

    # On the thread

    def _run(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=self._until_alarm())
            except queue.Empty:
                item = 0
            if isinstance(item, bytes):
                self._write(item)
                with self._lock:
                    self._waiting -= len(item)
            elif item:
                self._missing += item
            self._ring()
            if self._queue.empty():
                with self._lock:
                    self._mark_gap()
                    if self._queue.empty():
                        self._waiting = 0  # whatever a handler that came amid a sum made of it
                if self._missing:
                    self._admit()
                if self._closing and self._queue.empty():
                    self._done.set()
                    return

    def _until_alarm(self) -> float | None:
        with self._lock:
            times = [when for when, _ in self._alarms.values()]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _ring(self) -> None:
        now = float("inf") if self._closing else time.monotonic()
        with self._lock:
            due = [key for key, (when, _) in self._alarms.items() if when <= now]
            alarms = [self._alarms.pop(key)[1] for key in due]
        for alarm in alarms:
            try:
                alarm()
            except Exception:  # noqa: BLE001 - a bug there must not silence everything
                self.put(traceback.format_exc().encode(errors="backslashreplace"), urgent=True)

    def _write(self, line: bytes) -> None:
        if (self._missing and not self._admit()) or not self._out(line):
            with self._lock:
                self._missing += 1
                self._dropped += 1

    def _admit(self) -> bool:
        """Say how many lines are missing. False if that can't be written either."""
        if not self._out(self._notice(self._missing)):
            return False
        self._missing = 0
        return True

    def _out(self, line: bytes) -> bool:
        """Write all of `line`. False if it can't be: the reader is gone, or the disk is full."""
        left = b"\n" + line if self._torn else line
        while left:
            try:
                written = os.write(self._descriptor, left)
            except BlockingIOError:
                # Somebody else made it non-blocking, for us as well.
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()
            except OSError:
                return False
            else:
                left = left[written:]
                self._torn = bool(left)
                self._progress += 1
        return True

"""Log lines whose reader stands still, leaves, or has a full disk."""

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from scout.process.sink import LAST, PATIENCE, RESERVE, ROOM, Sink

LIMIT = 30.0
"""Seconds that anything may take. It bounds a failure, nothing else."""

LINE = b"x" * 999 + b"\n"


def notice(lines: int) -> bytes:
    return b"missing %d\n" % lines


class Pipe:
    """A pipe of which nothing is read until somebody does."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self._sinks: list[Sink] = []

    def sink(self) -> Sink:
        """A sink into it, which ends with the test."""
        self._sinks.append(Sink(self.writer, notice))
        return self._sinks[-1]

    def close(self) -> None:
        """End everything; a thread that went on would write to whoever gets the number next."""
        for descriptor in (self.reader, self.writer):
            try:
                os.close(descriptor)
            except OSError:
                pass
            for sink in self._sinks:
                sink.close()
                assert sink._done.wait(LIMIT)

    def fill(self) -> int:
        """Fill it, as another program that shares it might. The number of bytes."""
        flags = fcntl.fcntl(self.writer, fcntl.F_GETFL)
        fcntl.fcntl(self.writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        written = 0
        try:
            while True:
                written += os.write(self.writer, b"\n" * 65536)
        except BlockingIOError:
            fcntl.fcntl(self.writer, fcntl.F_SETFL, flags)
        return written

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += os.read(self.reader, size - len(data))
        return data

    def rest(self) -> bytes:
        """All that comes until the writer closes."""
        data = b""
        while more := os.read(self.reader, 65536):
            data += more
        return data


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    it = Pipe()
    yield it
    it.close()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.005)


def drained(pipe: Pipe, sink: Sink) -> list[bytes]:
    """Everything that comes out, with a reader that reads."""
    data: list[bytes] = []
    reader = threading.Thread(target=lambda: data.append(pipe.rest()))
    reader.start()
    wait_until(lambda: sink._waiting == 0)
    sink.close()
    os.close(pipe.writer)
    reader.join(LIMIT)
    return data[0].splitlines(keepends=True)


def test_nobody_waits_for_a_reader_who_stands_still(pipe: Pipe) -> None:
    sink = pipe.sink()
    for number in range(20_000):
        sink.put(b"%d\n" % number * 30)
    assert sink.dropped > 0


def test_alarms_that_are_put_off_again_and_again_take_no_memory_meanwhile(pipe: Pipe) -> None:
    """As each line that is held back does; the thread may stand in a write for days."""
    pipe.fill()
    sink = pipe.sink()
    sink.put(b"a line\n")
    soon = time.monotonic() + 3600.0
    for number in range(1000):
        sink.at(soon + number, "key", lambda: None)
    assert sink._queue.qsize() <= 2
    sink.at(soon - 1.0, "key", lambda: None)
    assert sink._queue.qsize() <= 3


def test_lines_keep_their_order_and_those_that_are_missing_are_counted_in_their_place(
    pipe: Pipe,
) -> None:
    filled = pipe.fill()
    sink = pipe.sink()
    lines = [b"%06d" % number + LINE[6:] for number in range(ROOM // len(LINE) + 101)]
    for line in lines:
        sink.put(line)
    dropped = sink.dropped
    assert dropped >= 100
    pipe.read(filled)
    got = drained(pipe, sink)
    assert got == [*lines[:-dropped], notice(dropped)]


def test_lines_go_on_after_the_gap(pipe: Pipe) -> None:
    filled = pipe.fill()
    sink = pipe.sink()
    while not sink.dropped:
        sink.put(LINE)
    pipe.read(filled)
    half = ROOM // 2
    while sink._waiting > half - 2 * len(LINE):
        pipe.read(len(LINE))
    sink.put(b"after\n")
    got = drained(pipe, sink)
    assert got[-2:] == [notice(1), b"after\n"]


def test_an_error_is_said_even_if_there_is_no_room_for_more(pipe: Pipe) -> None:
    filled = pipe.fill()
    sink = pipe.sink()
    while not sink.dropped:
        sink.put(LINE)
    sink.put(b"prog: it failed\n", urgent=True)
    pipe.read(filled)
    assert drained(pipe, sink)[-2:] == [notice(1), b"prog: it failed\n"]


def test_errors_are_bounded_too(pipe: Pipe) -> None:
    pipe.fill()
    sink = pipe.sink()
    for _ in range(2 * (ROOM + RESERVE) // len(LINE)):
        sink.put(LINE, urgent=True)
    assert sink._waiting <= ROOM + RESERVE
    assert sink.dropped > 0


def test_a_reader_who_stands_still_does_not_keep_the_program_from_ending(pipe: Pipe) -> None:
    pipe.fill()
    sink = pipe.sink()
    sink.put(LINE)
    begun = time.monotonic()
    sink.close()
    assert PATIENCE <= time.monotonic() - begun < LIMIT


def test_a_slow_reader_still_gets_the_last_line(pipe: Pipe) -> None:
    filled = pipe.fill()
    sink = pipe.sink()
    sink.put(b"last\n", urgent=True)
    threading.Timer(PATIENCE / 4, pipe.read, (filled,)).start()
    sink.close()
    assert pipe.read(5) == b"last\n"
    assert PATIENCE < LAST


def test_a_reader_who_has_left_ends_nothing(pipe: Pipe) -> None:
    os.close(pipe.reader)
    sink = pipe.sink()
    sink.put(LINE)
    sink.put(LINE)
    sink.close()
    assert sink.dropped == 2


def test_a_full_disk_ends_nothing() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    sink = Sink(descriptor, notice)
    sink.put(LINE)
    sink.close()
    assert sink.dropped == 1
    os.close(descriptor)


def test_a_descriptor_that_is_closed_ends_nothing(pipe: Pipe) -> None:
    os.close(pipe.writer)
    sink = pipe.sink()
    sink.put(LINE)
    sink.close()
    assert sink.dropped == 1


def test_lines_that_could_not_be_written_are_counted_once_others_are(tmp_path: Path) -> None:
    """As on a disk that is full for a while: here a descriptor that leads elsewhere later."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    sink = Sink(descriptor, notice)
    sink.put(LINE)
    sink.put(LINE)
    wait_until(lambda: sink.dropped == 2)
    other = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    os.dup2(other, descriptor)
    sink.put(b"again\n")
    sink.close()
    assert (tmp_path / "log").read_bytes() == notice(2) + b"again\n"
    os.close(descriptor)
    os.close(other)


def test_a_descriptor_that_others_made_non_blocking_loses_nothing(pipe: Pipe) -> None:
    """O_NONBLOCK is shared by all who have the descriptor: a parent may set it at any time."""
    filled = pipe.fill()
    flags = fcntl.fcntl(pipe.writer, fcntl.F_GETFL)
    fcntl.fcntl(pipe.writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    sink = pipe.sink()
    for _ in range(100):
        sink.put(LINE)
    pipe.read(filled)
    assert drained(pipe, sink) == [LINE] * 100


def test_the_descriptor_is_left_blocking_for_those_who_share_it(pipe: Pipe) -> None:
    sink = pipe.sink()
    sink.put(LINE)
    sink.close()
    assert os.get_blocking(pipe.writer)


def test_a_signal_handler_may_log_amid_another_line(pipe: Pipe) -> None:
    sink = pipe.sink()

    def caught(_: int, frame: FrameType | None) -> None:
        sink.put(b"s\n")

    before = signal.signal(signal.SIGALRM, caught)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0005)
    try:
        reader = threading.Thread(target=pipe.rest)
        reader.start()
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            sink.put(b"m\n")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    wait_until(lambda: sink._waiting == 0)
    sink.close()
    os.close(pipe.writer)
    reader.join(LIMIT)


def test_lines_of_many_threads_stay_whole(pipe: Pipe) -> None:
    sink = pipe.sink()

    def many(line: bytes) -> None:
        for _ in range(100):
            sink.put(line)

    threads = [threading.Thread(target=many, args=(b"%d" % n * 50 + b"\n",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    got = drained(pipe, sink)
    assert len(got) == 800
    assert all(len(set(line)) == 2 and len(line) == 51 for line in got)


def test_a_bug_in_what_was_to_be_said_later_does_not_silence_the_log(pipe: Pipe) -> None:
    sink = pipe.sink()

    def alarm() -> None:
        raise RuntimeError("unforeseen")

    sink.at(0.0, "key", alarm)
    wait_until(lambda: not sink._alarms)
    sink.put(b"after\n")
    got = drained(pipe, sink)
    assert b"RuntimeError: unforeseen\n" in got
    assert b"after\n" in got

"""How much is on its way: on lines that are simulated by one queue."""

import pytest

from scout.agent.core.pacing import LEAST, MOST, TARGET, Pacing
from scout.core.messages import Progress
from scout.errors import ProtocolError


class Queue:
    """A line of `rate` bytes a second, with a round trip of `trip` seconds when it is empty."""

    def __init__(self, rate: float, trip: float) -> None:
        self.now = 100.0
        self.rate = rate
        self.trip = trip
        self.pacing = Pacing()
        self.pacing.begin(trip)
        self.pacing.snapshot(1)
        self.parts = 0
        self.worst = 0.0
        self.passed = 0
        self._free = self.now
        self._due: list[float] = []

    def run(self, seconds: float) -> None:
        """Send as much as may be sent."""
        end = self.now + seconds
        while True:
            while self.pacing.room:
                size = self.pacing.share
                self._free = max(self._free, self.now) + size / self.rate
                self.worst = max(self.worst, self._free - self.now)
                self._due.append(self._free + self.trip)
                self.pacing.sent(size, self.now)
                self.passed += size
            self.now = self._due.pop(0)
            self.parts += 1
            self.pacing.progressed(Progress(1, self.parts), self.now)
            if self.now >= end:
                return


@pytest.mark.parametrize("rate", [8e3, 16e3, 32e3, 125e3])
@pytest.mark.parametrize("trip", [0.02, 0.1, 0.6])
def test_a_heartbeat_finds_a_short_queue_on_any_line(rate: float, trip: float) -> None:
    queue = Queue(rate, trip)
    queue.run(30.0)
    assert queue.worst <= 2.2 * TARGET


@pytest.mark.parametrize("rate", [8e3, 32e3, 125e3, 1e6])
@pytest.mark.parametrize("trip", [0.001, 0.05, 0.6])
def test_what_leaves_room_still_fills_the_line(rate: float, trip: float) -> None:
    queue = Queue(rate, trip)
    queue.run(5.0)
    before = queue.passed
    queue.run(20.0)
    possible = min(rate, MOST / (trip + 0.001)) * 20.0
    assert queue.passed - before >= 0.75 * possible


def test_a_fast_line_is_known_for_one_after_a_few_round_trips() -> None:
    queue = Queue(1e9, 0.002)
    queue.run(0.05)
    assert queue.pacing.most == MOST


def test_a_line_that_becomes_slow_is_given_less() -> None:
    queue = Queue(1e6, 0.05)
    queue.run(10.0)
    queue.rate = 32e3
    queue.run(20.0)
    assert queue.pacing.most <= 32e3 * 2 * TARGET


def test_a_master_that_was_busy_once_costs_a_few_round_trips() -> None:
    pacing = Pacing()
    pacing.begin(0.05)
    pacing.sent(100, 0.0)
    pacing.acknowledged(5.0)
    assert pacing.most == LEAST
    now = 10.0
    for _ in range(12):
        pacing.sent(pacing.most, now)
        now += 0.002
        pacing.acknowledged(now)
    assert pacing.most == MOST


def test_a_master_that_answers_at_once_is_not_at_the_end_of_a_slow_line() -> None:
    """What opened the stream alone would have taken longer there. A storm in a small directory
    then is not cut into more pieces than it must be."""
    pacing = Pacing()
    pacing.begin(0.001)
    assert pacing.most >= 60_000
    pacing.begin(0.06)
    assert pacing.most == LEAST


def test_small_messages_that_are_fast_say_nothing_about_large_ones() -> None:
    pacing = Pacing()
    pacing.begin(0.05)
    for number in range(1000):
        pacing.sent(10, number)
        pacing.acknowledged(number + 0.001)
    assert pacing.most == LEAST


def test_the_slowest_of_late_fades() -> None:
    pacing = Pacing()
    pacing.begin(0.1)
    pacing.sent(10, 0.0)
    pacing.acknowledged(8.0)
    assert pacing.slowest == 8.0
    for number in range(50):
        pacing.sent(10, 10.0 + number)
        pacing.acknowledged(10.1 + number)
    assert pacing.slowest == pytest.approx(0.1)


def test_parts_that_were_never_sent_have_not_come() -> None:
    pacing = Pacing()
    pacing.begin(0.1)
    pacing.snapshot(3)
    pacing.sent(10, 0.0)
    with pytest.raises(ProtocolError, match="2 parts"):
        pacing.progressed(Progress(3, 2), 1.0)


def test_progress_of_a_snapshot_that_was_given_up_is_passed_over() -> None:
    pacing = Pacing()
    pacing.begin(0.1)
    pacing.snapshot(3)
    pacing.sent(10, 0.0)
    pacing.void()
    pacing.snapshot(4)
    pacing.sent(20, 0.0)
    pacing.progressed(Progress(3, 1), 1.0)
    assert pacing.slowest == 0.1


def test_a_message_that_goes_alone_takes_no_longer_on_a_long_line_than_on_a_short_one() -> None:
    """What fills a satellite's line is under way there; in one message it would be queued."""
    line = Queue(8_000.0, 0.6)
    line.run(30.0)
    # The last parts are short, and spend little time in the queue with much under way.
    while line._due:
        line.now = line._due.pop(0)
        line.parts += 1
        line.pacing.progressed(Progress(1, line.parts), line.now)
    for _ in range(3):
        line.pacing.sent(line.pacing.share, line.now)
        line.pacing.sent(100, line.now)
        line.now += 0.75
        line.pacing.acknowledged(line.now)
    assert line.pacing.most / line.rate <= TARGET + 0.05

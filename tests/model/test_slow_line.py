"""Agent and master joined without I/O by a line that takes its time: each message waits behind
those that were sent before it, however large they are, and counts only once it has come whole.
"""

from collections import deque
from dataclasses import dataclass, field

import pytest

from scout.agent.core.inventory import Inventory
from scout.agent.core.phase import WORKING
from scout.agent.core.session import Session
from scout.core.messages import MasterMessage
from scout.wire import codec
from scoutmaster.core.master import Master
from scoutmaster.core.policy import Policy
from scoutmaster.core.registry import Standing

FRAMES = 60
"""Bytes that HTTP/2, TCP and IP put around a small message."""


@dataclass
class Way:
    """One direction: `rate` in bytes a second, `delay` in seconds, a buffer without bounds."""

    rate: float
    delay: float
    free_at: float = 0.0
    on_way: deque[tuple[float, bytes]] = field(default_factory=deque)

    def send(self, data: bytes, now: float) -> None:
        self.free_at = max(self.free_at, now) + (len(data) + FRAMES) / self.rate
        self.on_way.append((self.free_at + self.delay, data))


class Pair:
    """One agent and its master, at the two ends of a line."""

    def __init__(self, names: int, up: Way, down: Way) -> None:
        self.now = 1000.0
        self.up, self.down = up, down
        self.inventory = Inventory()
        for number in range(names):
            self.inventory.settle(b"name-%06d-and-more" % number, True)
        self.session = Session("host", b"/d", 7, "1", self.inventory)
        self.session.vouch()
        self.master = Master(Policy(settle=0.0), 1, self.now, self.now)
        self.peer = self.master.opened("10.0.0.1:5")
        self.session.opened(self.now)
        self.standings: list[tuple[float, Standing | None]] = []

    def run(self, seconds: float) -> None:
        """Let that much time pass, event by event."""
        end = self.now + seconds
        while True:
            self._speak()
            due = [end]
            due += [way.on_way[0][0] for way in (self.up, self.down) if way.on_way]
            due += [it for it in (self.session.deadline(), self.master.deadline()) if it]
            self.now = max(self.now, min(due))
            self.master.tick(self.now)
            while self.up.on_way and self.up.on_way[0][0] <= self.now:
                data = self.up.on_way.popleft()[1]
                self.master.received(self.peer, codec.decode_agent(data), self.now)
            while self.down.on_way and self.down.on_way[0][0] <= self.now:
                self.session.received(codec.decode_master(self.down.on_way.popleft()[1]), self.now)
            assert not self.session.silent(self.now)
            while self.master.work():
                pass
            self._collect()
            if self.now >= end:
                return

    def _speak(self) -> None:
        while (message := self.session.next(self.now)) is not None:
            if message is not WORKING:
                self.up.send(codec.encode_agent(message), self.now)

    def _collect(self) -> None:
        self.master.take_awake()
        said: deque[MasterMessage] = self.peer.outbox
        while said:
            self.down.send(codec.encode_master(said.popleft()), self.now)

    def lost_sight(self) -> list[str]:
        """Why the client was unhealthy, each time since the last call."""
        return [turn.reason for turn in self.master.take_turns() if turn.bad]

    @property
    def listed(self) -> int:
        return self.master.view.files if self.master.view.complete else -1


LINES = {
    "32 kbit/s": (4e3, 0.05),
    "64 kbit/s": (8e3, 0.05),
    "128 kbit/s": (16e3, 0.05),
    "256 kbit/s": (32e3, 0.02),
    "a satellite at 64 kbit/s": (8e3, 0.3),
    "a satellite at 1 Mbit/s": (125e3, 0.3),
    "10 Mbit/s": (1.25e6, 0.01),
}


@pytest.mark.parametrize("line", LINES)
def test_a_slow_line_brings_a_snapshot_and_a_burst_without_a_flap(line: str) -> None:
    """Heartbeats must not queue behind the agent's own data."""
    rate, delay = LINES[line]
    pair = Pair(5000, Way(rate, delay), Way(rate, delay))
    pair.run(5.0 + 2 * 5000 * 24 / rate)
    assert pair.listed == 5000
    for number in range(5000):
        pair.inventory.settle(b"burst-%06d-and-more" % number, True)
    pair.run(5.0 + 2 * 5000 * 24 / rate)
    assert pair.listed == 10_000
    assert pair.lost_sight() == []


def test_changes_show_at_once_again_after_a_burst_on_a_slow_line() -> None:
    pair = Pair(0, Way(8e3, 0.05), Way(8e3, 0.05))
    pair.run(1.0)
    for number in range(2000):
        pair.inventory.settle(b"burst-%06d" % number, True)
    pair.run(20.0)
    pair.inventory.settle(b"one more", True)
    pair.run(0.2)
    assert pair.listed == 2001


def test_a_line_whose_answers_are_slow_as_well_is_used_all_the_same() -> None:
    pair = Pair(5000, Way(16e3, 0.05), Way(2e3, 0.05))
    pair.run(30.0)
    assert pair.listed == 5000
    assert pair.lost_sight() == []

"""How long to wait for a line: for a connection, and for what was sent to be taken.

A line that is cut must be found out in a second or two, and a line that is slow must not be taken
for cut. Which of them it is shows in how long the last connection took and how long the last
answers were under way.

Rules of this file:

1. An attempt to connect takes four times what the last successful one took. While nothing answers,
   every fourth attempt is a long one, and longer each time: the line may have become long. All
   others stay short, for they find soonest that the line has healed.
2. What was sent may lie unacknowledged for four times what the slowest answer of late took, and for
   `LINE_LEAST` at least.
3. A stream that stood for four times that limit at most, and ended in silence, was perhaps cut off
   by that very limit: it doubles. A stream that lasted brings it back.

Times and lengths are in seconds; times are monotonic. Owned by one thread.
"""

from dataclasses import dataclass

CONNECT_FIRST = 5.0
"""What the very first connection may take: nothing is known of the line yet."""

CONNECT_LEAST, CONNECT_MOST = 0.5, 10.0
"""Bounds on an attempt to connect, which takes two round trips."""

LONG = 4
"""One attempt in so many, of those in vain, is a long one."""

LINE_LEAST, LINE_MOST = 1.5, 30.0
"""Bounds on how long what was sent may lie unacknowledged by the master's kernel. At the least: a
segment may be lost once, and is sent again after a second where round trips take 0.6."""

FACTOR = 4.0
"""So many times what was seen is still taken for life."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How long an attempt to connect may take in all, and how long one connection within it."""

    whole: float
    each: float


class Patience:
    """What is known of the line to one master."""

    def __init__(self) -> None:
        self._took = CONNECT_FIRST / FACTOR
        self._in_vain = 0
        self._least = LINE_LEAST
        self._line = LINE_LEAST

    def attempt(self) -> Attempt:
        """For the next attempt to connect."""
        base = min(max(CONNECT_LEAST, FACTOR * self._took), CONNECT_MOST)
        rounds, rest = divmod(self._in_vain, LONG)
        if rounds and rest == 0:
            long = min(base * 2.0 ** min(rounds, 10), CONNECT_MOST)
            return Attempt(long, long)
        return Attempt(base, base)

    def connected(self, took: float) -> None:
        """The connection stood after `took`."""
        self._took, self._in_vain = took, 0

    def unanswered(self) -> None:
        """There was none in time."""
        self._in_vain += 1

    @property
    def line(self) -> float:
        """How long what the next stream sends may lie unacknowledged."""
        return self._line

    def registered(self, health_timeout: float) -> None:
        """The master waits `health_timeout` for a late heartbeat: the line is allowed as much."""
        self._least = max(LINE_LEAST, health_timeout)

    def ended(self, *, lasted: float, quiet: float, slowest: float) -> None:
        """A stream that was registered ended `lasted` after its beginning and `quiet` after the
        master's last word; the slowest answer of late was under way for `slowest`."""
        measured = FACTOR * slowest
        if lasted < FACTOR * self._line and quiet > self._line / 2:
            measured = max(measured, 2 * self._line)
        self._line = min(max(self._least, measured), LINE_MOST)

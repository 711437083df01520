"""How much may be on its way to the master unacknowledged, so that a slow line keeps room.

Whatever is sent waits in buffers in front of the line's narrowest place: the library's, the
kernel's, a modem's. A heartbeat waits behind it. So only as much is sent as passes in half a
second, which is learnt from when the master says that it has come.

Rules of this file:

1. The first round trip of a stream, and any that is shorter, is the line's own. What a later one
   takes longer is the time spent in queues.
2. A message that spent little time there, with much on its way, lets twice as much on its way.
3. One that spent too long there leaves room for what would have passed in time.
4. On a long line much of that is under way, and not in queues. A message that goes alone is in no
   queue but its own: it has as many bytes as pass in time at the rate that was seen.

The idea is that of LEDBAT (RFC 6817), with messages for packets and a target that suits a person's
uplink rather than a background transfer. Bytes are those of the names. Times are monotonic seconds.
"""

from collections import deque

from scout.core.messages import Progress
from scout.errors import ProtocolError

TARGET = 0.5
"""Seconds that a message may spend in queues. A heartbeat spends as long there, and is allowed
`--health-timeout`, a second."""

LEAST, MOST = 4 * 1024, 1024 * 1024
"""Bounds in bytes on what is on its way. The least passes in a second at 32 kbit/s; a message of so
few names costs the master twice what their share of a large one would. The most is a window of
HTTP/2."""

OPENING = 256
"""Bytes that open a stream, at least: Register, the call's headers, TCP and IP. A line that carried
them and an answer within a millisecond takes 64 KB in a quarter of a second."""

SHARE = 4
"""Parts of a snapshot on their way together: while one is acknowledged the others keep the line
busy."""


class Pacing:
    """One stream's way to the master."""

    def __init__(self) -> None:
        self.slowest = 0.0
        """Seconds that the slowest of the last messages took there and back; it fades with each
        that was faster. Outlives the stream."""
        self._window = LEAST
        self._rate = 0.0
        self._least = float("inf")
        self._on_way: deque[tuple[int, int, float]] = deque()
        self._bytes = 0
        # The snapshot that is on its way, and how many of its parts have come.
        self._sequence = self._come = 0

    def begin(self, round_trip: float) -> None:
        """A stream stands; its first question was answered after `round_trip`."""
        self.void()
        self._least = self.slowest = max(round_trip, 1e-6)
        self._rate = OPENING / self._least
        self._window = min(MOST, max(LEAST, int(self._rate * TARGET / 2)))

    def void(self) -> None:
        """What was on its way will not be acknowledged."""
        self._on_way.clear()
        self._bytes = self._sequence = 0

    def snapshot(self, sequence: int) -> None:
        """What is sent from now on are the parts of that snapshot."""
        self._sequence, self._come = sequence, 0

    @property
    def most(self) -> int:
        """Bytes in a message that goes alone."""
        return min(self._window, max(LEAST, int(self._rate * TARGET)))

    @property
    def share(self) -> int:
        """Bytes in a message of several that are on their way together."""
        return self._window // SHARE

    @property
    def room(self) -> bool:
        """May another such message leave?"""
        return self._bytes + self.share <= self._window

    def sent(self, size: int, now: float) -> None:
        """A message of `size` bytes left."""
        self._bytes += size
        self._on_way.append((size, self._bytes, now))

    def progressed(self, message: Progress, now: float) -> None:
        """Parts of a snapshot have come: of one that a Resync made void meanwhile, or of this."""
        if message.sequence != self._sequence:
            return
        if message.parts > self._come + len(self._on_way):
            raise ProtocolError(
                f"the master got {message.parts} parts",
                f"{self._come + len(self._on_way)} were sent",
            )
        for _ in range(message.parts - self._come):
            self._arrived(now)
            self._come += 1

    def acknowledged(self, now: float) -> None:
        """All that was sent has come."""
        while self._on_way:
            self._arrived(now)

    def _arrived(self, now: float) -> None:
        """The oldest of those on their way has come."""
        size, ahead, sent_at = self._on_way.popleft()
        self._bytes -= size
        took = max(now - sent_at, 0.0)
        self.slowest = max(took, self.slowest * 0.9)
        self._least = min(self._least, took)
        queued = took - self._least
        rate = ahead / max(took, 1e-6)
        self._rate = rate if queued > TARGET else max(self._rate, rate)
        if queued > TARGET:
            self._window = max(LEAST, min(self._window, int(ahead * TARGET / queued)))
        elif queued < TARGET / 2:
            self._window = min(MOST, max(self._window, 2 * ahead))

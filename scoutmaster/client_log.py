"""What the log says about clients and their streams: bounded, whatever peers do.

All of it is counted in metrics. Owned by the event loop's thread.
"""

import asyncio
from collections.abc import Callable

from scout.core.labels import cut
from scout.core.ratelimit import RateLimit
from scout.process.log import Log
from scoutmaster.core.quota import Quota
from scoutmaster.core.refusal import Ending
from scoutmaster.core.registry import SHOWN, Standing
from scoutmaster.core.transitions import Transition

LINES, PERIOD = 20, 10.0
"""Lines, and in how many seconds, about streams that ended with an error."""

BUGS, BUGS_PERIOD = 5, 60.0
"""Tracebacks, and in how many seconds, of streams that a bug of ours ended."""

LAST = 50
"""Clients of whom the last word is told though it was held back."""


class ClientLog:
    """Writes the lines that peers cause."""

    def __init__(self, log: Log, clock: Callable[[], float]) -> None:
        self._log = log
        self._clock = clock
        self._quota = Quota()
        self._refusals = RateLimit(LINES, PERIOD)
        self._bugs = RateLimit(BUGS, BUGS_PERIOD)
        self._last: dict[tuple[str, bytes], Transition] = {}
        self._timer: asyncio.TimerHandle | None = None

    def turned(self, turn: Transition) -> None:
        """A client's standing changed. What is held back last is told in a while."""
        if not turn.bad and turn.after is Standing.UNHEALTHY:
            return  # on the way from its first snapshot to being healthy
        client, now = turn.client, self._clock()
        held = self._quota.admit(client.key, now - client.registered, now)
        if held is not None:
            self._last.pop(client.key, None)
            self._say(turn, held)
        else:
            if client.key in self._last or len(self._last) < LAST:
                self._last[client.key] = turn
            self._arm(now)

    def ended(self, peer: str, ending: Ending) -> None:
        """A stream was ended with a status."""
        if ending.expected:
            self._log.debug("stream ended", peer=peer, reason=ending.message)
            return
        held = self._refusals.admit(self._clock())
        if held is not None:
            self._log.warning(
                "stream ended",
                peer=peer,
                status=ending.status.name,
                reason=ending.message,
                **({"others_not_logged": held} if held else {}),
            )

    def bug(self, peer: str) -> None:
        """The exception under way, a bug of ours, ended a stream."""
        held = self._bugs.admit(self._clock())
        if held is not None:
            fields = {"others_not_logged": held} if held else {}
            self._log.exception("a bug ended a stream", peer=peer, **fields)

    def close(self) -> None:
        """Say what is left to say."""
        if self._timer is not None:
            self._timer.cancel()
        self._overdue()

    def _arm(self, now: float) -> None:
        due = self._quota.due()
        if self._timer is None and due is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, due - now), self._overdue)

    def _overdue(self) -> None:
        """Tell where those are now of whom nothing was told, and how much was not."""
        self._timer = None
        last, self._last = self._last, {}
        held = self._quota.take() - len(last)
        for turn in last.values():
            self._say(turn, max(0, held))
            held = 0

    def _say(self, turn: Transition, held: int) -> None:
        client, say = turn.client, self._log.warning if turn.bad else self._log.info
        say(
            turn.text,
            host=cut(client.host, SHOWN),
            directory=cut(client.directory.decode("utf-8", "surrogateescape"), SHOWN),
            peer=client.peer,
            **({"reason": turn.reason} if turn.reason else {}),
            **({"others_not_logged": held} if held else {}),
        )

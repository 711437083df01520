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


class ClientLog:
    """Writes the lines that peers cause."""

    def __init__(self, log: Log, clock: Callable[[], float]) -> None:
        self._log = log
        self._clock = clock
        self._quota = Quota()
        self._refusals = RateLimit(LINES, PERIOD)
        self._timer: asyncio.TimerHandle | None = None

    def turned(self, turn: Transition) -> None:
        """A client's standing changed."""
        client, say = turn.client, self._log.warning if turn.bad else self._log.info
        if not turn.bad and turn.after is Standing.UNHEALTHY:
            say = self._log.debug  # on the way from its first snapshot to being healthy
        now = self._clock()
        held = self._quota.admit(client.key, now - client.registered, now)
        if held is None:
            self._arm(now)
            return
        say(
            f"client {turn.word}",
            host=cut(client.host, SHOWN),
            directory=cut(client.directory.decode("utf-8", "surrogateescape"), SHOWN),
            peer=client.peer,
            **({"reason": turn.reason} if turn.reason else {}),
            **({"others_not_logged": held} if held else {}),
        )

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
        self._timer = None
        held = self._quota.take()
        if held:
            self._log.warning("clients changed too often for the log", others_not_logged=held)

"""Where HTTP threads ask: the published view at once, anything else from the event loop."""

import asyncio
import time
from concurrent.futures import Future

from scout.process.clock import boottime
from scoutmaster.core.master import Master
from scoutmaster.core.verdict import Pulse, Verdict, judge
from scoutmaster.core.view import ClientRow, View

ASK_LIMIT = 5.0
"""Seconds that a request waits for the event loop before it is answered with 503."""


class MasterReader:
    """May be used from any thread."""

    def __init__(self, master: Master, loop: asyncio.AbstractEventLoop) -> None:
        self._master = master
        self._loop = loop

    def view(self) -> View:
        """The published view: one revision, whole. It is `complete` only if it still is."""
        pulse, view = self._pulse(), self._master.view
        return view if judge(pulse, time.monotonic(), boottime()).current else view.withdraw()

    def clients(self) -> tuple[ClientRow, ...]:
        """All clients at one moment. Raises TimeoutError if the event loop does not answer."""
        answer: Future[tuple[ClientRow, ...]] = Future()

        def ask() -> None:
            if answer.set_running_or_notify_cancel():
                answer.set_result(self._rows())

        try:
            self._loop.call_soon_threadsafe(ask)
        except RuntimeError as error:
            raise TimeoutError("the master has stopped") from error
        try:
            return answer.result(ASK_LIMIT)
        except TimeoutError:
            answer.cancel()
            raise

    def ready(self) -> str | None:
        """Why the list should not be relied on yet, or None."""
        return self._verdict().unready or None

    def alive(self) -> str | None:
        """Why the master is ill, or None."""
        return self._verdict().ill or None

    def _pulse(self) -> Pulse:
        master = self._master
        return Pulse(master.seen_at, master.due, master.serving, master.settled)

    def _verdict(self) -> Verdict:
        return judge(self._pulse(), time.monotonic(), boottime())

    def _rows(self) -> tuple[ClientRow, ...]:
        now = time.monotonic()
        to_unix = time.time() - now  # noqa: TID251 - for people
        rows = []
        for client in self._master.registry.clients.values():
            standing, reason = client.judge()
            rows.append(
                ClientRow(
                    host=client.host,
                    directory=client.directory,
                    state=standing.value,
                    reason=reason,
                    since=client.since + to_unix,
                    files=client.state.count,
                    sequence=client.state.sequence,
                    lag=max(0.0, now - client.heard),
                    version=client.version,
                    peer=client.peer,
                    real_path=client.real_path,
                    behind=client.behind,
                    omitted=client.omitted,
                )
            )
        return tuple(rows)

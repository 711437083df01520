"""Exceptions that nobody would see: those of callbacks, and of tasks that nobody waits for.

asyncio hands them to its loop's exception handler, which logs them and goes on; what was to be
done is not done, for ever. A timer or a reader that died so belongs to the whole program: it has to
end, with the traceback and exit code 70, and be started anew. What does not come from code of ours,
such as the noise of a library, is logged and no more.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from scout.core.ratelimit import RateLimit
from scout.process.log import Log

LINES, PERIOD = 5, 60.0
"""Lines, and in how many seconds, about what does not end the program."""


class Bugs:
    """The exception handler of one event loop. Owned by its thread."""

    def __init__(self, log: Log, packages: Sequence[str] = ("scout", "scoutmaster")) -> None:
        loop = asyncio.get_running_loop()
        self.found: asyncio.Future[BaseException] = loop.create_future()
        """The first exception that must end the program. Who waits for it raises it."""
        self._log = log
        self._packages = tuple(packages)
        self._limit = RateLimit(LINES, PERIOD)
        self._clock = loop.time
        loop.set_exception_handler(self._caught)

    async def first_of(self, *others: asyncio.Task[Any]) -> None:
        """Wait until one of the tasks is done, or a bug is found."""
        waited: list[asyncio.Future[Any]] = [self.found, *others]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)

    def _caught(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None and self._is_ours(error):
            if not self.found.done():
                self.found.set_result(error)
            return
        others = self._limit.admit(self._clock())
        if others is None:
            return
        fields = {"others_not_logged": others} if others else {}
        message = str(context.get("message", "an error in the event loop"))
        if error is None:
            self._log.error(message, **fields)
            return
        try:
            raise error
        except BaseException:  # noqa: BLE001 - raised here for its traceback, and logged
            self._log.exception(message, **fields)

    def _is_ours(self, error: BaseException) -> bool:
        """Did code of ours take part? What gRPC says of a stream that ended is none of it."""
        if type(error).__module__.partition(".")[0] == "grpc":
            return False
        trace: TracebackType | None = error.__traceback__
        while trace is not None:
            name = str(trace.tb_frame.f_globals.get("__name__", ""))
            if name.partition(".")[0] in self._packages:
                return True
            trace = trace.tb_next
        return False

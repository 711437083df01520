"""What the directories of one process share: the time for reading, and who serves which place.

Owned by the event loop's thread.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from scout.agent.core.cost import Shares
from scout.agent.core.places import Places


class Queue:
    """One at a time, first come, first served."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter(self) -> asyncio.Future[None]:
        """Done when the caller's turn has come. Cancelling it gives up the place in the queue."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._busy:
            self._waiting.append(future)
        else:
            self._busy = True
            future.set_result(None)
        return future

    def leave(self) -> None:
        """The one whose turn it is has finished: the next."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return
        self._busy = False


@dataclass(frozen=True, slots=True)
class Shared:
    """One for a process."""

    shares: Shares = field(default_factory=Shares)
    reading: Queue = field(default_factory=Queue)
    places: Places = field(default_factory=Places)


class Turn:
    """One directory's turn to be read: the disk and the interpreter are busy with one scan at a
    time, and one listing at a time takes memory."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._entered: asyncio.Future[None] | None = None
        self._begun = float("-inf")
        self._held = 0.0

    def take(self) -> asyncio.Future[None]:
        """Done when it has come. `give` must follow, whatever happens."""
        self._entered = self._queue.enter()
        return self._entered

    def begin(self, now: float) -> None:
        """It has come."""
        self._begun, self._held = now, 0.0

    def give(self, now: float) -> float:
        """It is over, or given up, or was so already. For how many seconds it was held."""
        entered, self._entered = self._entered, None
        if entered is not None and entered.done():
            self._held = now - self._begun
            self._queue.leave()
        elif entered is not None:
            entered.cancel()
        return self._held

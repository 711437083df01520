"""The watch on a real directory."""

import os
from pathlib import Path
from threading import Lock
from types import TracebackType

from scout.agent.inspect import look
from scout.agent.watch import Watcher


class LastMoment:
    """A lock before whose release the watch is closed by somebody else."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._lock = Lock()

    def acquire(self, *, blocking: bool) -> bool:
        return self._lock.acquire(blocking)

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, it: BaseException | None, at: TracebackType | None
    ) -> None:
        self._watcher.close()
        self._lock.release()


def test_a_watch_that_is_closed_as_its_proof_ends_is_closed(tmp_path: Path) -> None:
    """Else its descriptor would stay until the collector comes by."""
    watcher = Watcher(look(os.fsencode(tmp_path)), hidden=False)
    watcher._use = LastMoment(watcher)  # type: ignore[assignment]
    assert watcher.proves()
    assert watcher._inotify.closed

"""What systemd is told (sd_notify(3)). Does nothing where there is no systemd.

Any thread may call these. None of them waits: what a busy manager does not take at once is told as
soon as it does, the newest of each kind.
"""

import functools
import os
import select
import threading

from sdnotify import SystemdNotifier

LOOK = 1.0
"""Seconds between two looks whether a manager that takes nothing is still there."""


def ready() -> None:
    """The service does its job from now on."""
    _tell("READY=1")


def status(text: str) -> None:
    """One plain sentence for `systemctl status`."""
    printable = "".join(c if c.isprintable() else "?" for c in text)
    _tell(f"STATUS={printable}")


def watchdog() -> None:
    """Everything made progress lately."""
    _tell("WATCHDOG=1")


def stopping() -> None:
    """The service has begun to stop."""
    _tell("STOPPING=1")


def extend(seconds: float) -> None:
    """The start, or the stop, makes progress: it may take `seconds` from now on, or longer if the
    unit says so."""
    _tell(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")


def watchdog_interval() -> float | None:
    """Seconds within which `watchdog` must be called, or None if nobody waits for it."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    pid = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not microseconds.isdigit() or pid != str(os.getpid()):
        return None
    return int(microseconds) / 1e6 or None


def _tell(state: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    try:
        _manager(address).tell(state)
    except OSError:
        # It is not there, which is no reason to fail; it may be next time.
        _manager.cache_clear()


class _Manager:
    """The way to the manager that NOTIFY_SOCKET names. Kept open: peers may take all descriptors,
    and the watchdog must hear of us all the same."""

    def __init__(self) -> None:
        """Raises OSError if it is not there."""
        self._notifier = SystemdNotifier(debug=True)
        self._notifier.socket.settimeout(0)
        self._lock = threading.Lock()
        self._owed: dict[str, str] = {}
        """What it has not taken yet, by the name of the variable, oldest first."""
        self._teller: threading.Thread | None = None

    def tell(self, state: str) -> None:
        """Tell it now, or as soon as it reads. Raises OSError if it is gone."""
        with self._lock:
            if not self._owed and self._send(state):
                return
            name = state.partition("=")[0]
            self._owed.pop(name, None)
            self._owed[name] = state
            if self._teller is None:
                self._teller = threading.Thread(target=self._catch_up, name="notify", daemon=True)
                self._teller.start()

    def _catch_up(self) -> None:
        """On a thread of its own, which ends when nothing is owed any more."""
        poll = select.poll()
        poll.register(self._notifier.socket, select.POLLOUT)
        while True:
            poll.poll(1000 * LOOK)
            with self._lock:
                try:
                    while self._owed and self._send(next(iter(self._owed.values()))):
                        del self._owed[next(iter(self._owed))]
                except OSError:
                    self._owed.clear()
                if not self._owed:
                    self._teller = None
                    return

    def _send(self, state: str) -> bool:
        """False if its queue is full. Raises OSError if it is gone."""
        try:
            # The library writes Latin-1 where systemd reads UTF-8; these are the same bytes.
            self._notifier.notify(state.encode().decode("latin-1"))
        except BlockingIOError:
            return False
        return True


@functools.cache
def _manager(address: str) -> _Manager:  # noqa: ARG001 - the library reads it by itself
    return _Manager()

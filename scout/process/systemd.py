"""What systemd is told (sd_notify(3)). Does nothing where there is no systemd.

Any thread may call these.
"""

import functools
import os

from sdnotify import SystemdNotifier

PATIENCE = 5.0
"""Seconds to wait for a busy manager with what is said only once."""


def ready() -> None:
    """The service does its job from now on."""
    _tell("READY=1", PATIENCE)


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


def watchdog_interval() -> float | None:
    """Seconds within which `watchdog` must be called, or None if nobody waits for it."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    pid = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not microseconds.isdigit() or pid != str(os.getpid()):
        return None
    return int(microseconds) / 1e6 or None


def _tell(state: str, patience: float = 0.0) -> None:
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    try:
        notifier = _notifier(address)
        # One that does not read is no reason to wait: the next state says more.
        notifier.socket.settimeout(patience)
        # The library writes Latin-1 where systemd reads UTF-8; these are the same bytes.
        notifier.notify(state.encode().decode("latin-1"))
    except (BlockingIOError, TimeoutError):
        pass
    except OSError:
        # The manager is not there, which is no reason to fail; it may be next time.
        _notifier.cache_clear()


@functools.cache
def _notifier(address: str) -> SystemdNotifier:  # noqa: ARG001 - the library reads it by itself
    """The way to the manager at `address`, which NOTIFY_SOCKET names. Kept open: peers may take all
    descriptors, and the watchdog must hear of us all the same. Raises OSError."""
    return SystemdNotifier(debug=True)

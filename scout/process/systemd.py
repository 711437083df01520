"""What systemd is told (sd_notify(3)). Does nothing where there is no systemd.

Any thread may call these; each opens its own socket, so that nothing happens at import.
"""

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
    if not os.environ.get("NOTIFY_SOCKET"):
        return
    notifier = SystemdNotifier()
    if notifier.socket is None:
        return  # the manager is not there, which is no reason to fail
    with notifier.socket:
        # One that does not read is no reason to wait: the next state says more.
        notifier.socket.settimeout(patience)
        # The library writes Latin-1 where systemd reads UTF-8; these are the same bytes.
        notifier.notify(state.encode().decode("latin-1"))

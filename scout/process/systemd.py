"""What systemd is told (sd_notify(3)). Does nothing where there is no systemd.

Any thread may call these; each opens its own socket, so that nothing happens at import.
"""

import os

from sdnotify import SystemdNotifier


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


def watchdog_interval() -> float | None:
    """Seconds within which `watchdog` must be called, or None if nobody waits for it."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    pid = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not microseconds.isdigit() or pid != str(os.getpid()):
        return None
    return int(microseconds) / 1e6 or None


def _tell(state: str) -> None:
    if "NOTIFY_SOCKET" in os.environ:
        # sdnotify writes Latin-1, and drops in silence what that lacks; systemd reads UTF-8.
        SystemdNotifier().notify(state.encode().decode("latin-1"))

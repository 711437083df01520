"""Signals: those that ask the program to stop, and those that must not end it by accident.

SIGTERM and SIGINT stop it, and so does SIGHUP where the program has a terminal: that hung up. A
service has none; there SIGHUP, as SIGUSR1 and SIGUSR2, comes from somebody who thinks of another
program, and is only logged. One that was ignored at the start (nohup(1)) stays ignored.

Call these on the main thread.
"""

import os
import signal
from types import FrameType
from typing import TYPE_CHECKING

from scout.process import log

if TYPE_CHECKING:
    import asyncio

STRAY = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""Signals without a meaning here. Left alone they would end the process without a goodbye, and
systemd takes an end by SIGHUP for one that was asked for: it would not start the service again."""


class Stopped(BaseException):
    """The program was asked to stop before its loop ran."""


def prepare() -> None:
    """From now on a signal to stop raises `Stopped` or KeyboardInterrupt, and strays end nothing.

    As process 1 of a container the program would not hear SIGTERM at all without this.
    """
    signal.signal(signal.SIGTERM, _raise)
    for number in _strays():
        signal.signal(number, signal.SIG_IGN)


def stop_event() -> "asyncio.Event":
    """An event that is set when the process is asked to stop. Call it on the running loop."""
    import asyncio  # noqa: PLC0415 - --help, --check and a mistake need none, and it takes 18 ms

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    strays = _strays()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number not in strays and not _ignored_hang_up(number):
            loop.add_signal_handler(number, stop.set)
    # Whoever may send a signal may send a million.
    notes = log.get("signals").limited()
    for number in strays:
        loop.add_signal_handler(number, _note, notes, number.name)
    return stop


def finish() -> None:
    """The program is ending, and asking again changes nothing."""
    for number in (signal.SIGTERM, signal.SIGINT, *STRAY):
        signal.signal(number, signal.SIG_IGN)


def _raise(number: int, _: FrameType | None) -> None:
    raise Stopped(number)


def _note(notes: log.Log, name: str) -> None:
    notes.warning("a signal without a meaning here", signal=name, hint="SIGTERM stops the program")


_strays_at_start: tuple[signal.Signals, ...] | None = None


def _strays() -> tuple[signal.Signals, ...]:
    """The signals that are only logged. The same from the first call on."""
    global _strays_at_start  # noqa: PLW0603 - a process has one terminal
    if _strays_at_start is None:
        stray = STRAY[1:] if _has_terminal() else STRAY
        _strays_at_start = tuple(it for it in stray if signal.getsignal(it) is not signal.SIG_IGN)
    return _strays_at_start


def _ignored_hang_up(number: signal.Signals) -> bool:
    return number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN


def _has_terminal() -> bool:
    """Has the process a controlling terminal (tty(4))?"""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True

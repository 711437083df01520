"""Standard input, output and error, which a program may be started without (`2>&-`)."""

import io
import os
import sys


def occupy() -> None:
    """Give 0, 1 and 2 to the null device where they are closed. Call it first of all.

    Else the next socket or file would get the number, and whatever is written to standard error,
    by a library or by the interpreter when it dies, would go to a peer or into that file.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            _hold(number)
    sys.stdout = sys.stdout or _writer(1)
    sys.stderr = sys.stderr or _writer(2)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A path may hold what the locale has no letter for.
        sys.stdout.reconfigure(errors="backslashreplace")


def discard(number: int) -> None:
    """From now on nothing is written to `number`, 1 or 2, not even what waits to be."""
    _hold(number)


def _hold(number: int) -> None:
    """Let `number` lead nowhere."""
    try:
        descriptor = os.open(os.devnull, os.O_RDWR)
    except OSError:
        # A sandbox without devices: a pipe whose reader has left takes nothing, and hurts nobody.
        reader, descriptor = os.pipe()
        os.close(reader)
    if descriptor != number:
        os.dup2(descriptor, number)
        os.close(descriptor)


def _writer(number: int) -> io.TextIOWrapper:
    return open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)

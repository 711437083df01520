"""The way into a program: from exceptions to exit codes, and one clear line for each error."""

import os
import sys
import traceback
from collections.abc import Callable

from scout.errors import OutputFailed, ScoutError
from scout.process import log, signals, standard


def enter(program: str, main: Callable[[], int]) -> int:
    """Run `main` and give the exit code. A `ScoutError` becomes one line on standard error.

    Log lines that nobody takes delay the end by 3 s at most.
    """
    standard.occupy()
    try:
        signals.prepare()
        return _run(program, main)
    except signals.Stopped:
        return 0
    finally:
        signals.finish()
        log.close()


def _run(program: str, main: Callable[[], int]) -> int:
    try:
        return main()
    except ScoutError as error:
        _complain(f"{program}: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception:
        # A bug. The traceback is what whoever mends it needs.
        _complain(traceback.format_exc())
        return os.EX_SOFTWARE


def _complain(text: str) -> None:
    """Write `text` to standard error. Where that can't be done, the exit code has to do."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        standard.discard(2)


def show(text: str) -> None:
    """Write `text` to standard output, at once. Raises `OutputFailed` if it can't be.

    A reader who has left, as `head` does, is no failure.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer must not be tried again when the interpreter ends.
        standard.discard(1)
        if not isinstance(error, BrokenPipeError):
            raise OutputFailed("can't write to standard output", error.strerror or "") from error

"""The way into a program: from exceptions to exit codes, and one clear line for each error."""

import os
import sys
import traceback
from collections.abc import Callable

from scout.errors import ScoutError
from scout.process import log


def enter(program: str, main: Callable[[], int]) -> int:
    """Run `main` and give the exit code. A `ScoutError` becomes one line on standard error.

    Lines that nobody takes delay the end by 3 s at most.
    """
    try:
        return _run(program, main)
    finally:
        log.close()


def _run(program: str, main: Callable[[], int]) -> int:
    try:
        code = main()
        sys.stdout.flush()
    except ScoutError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has left; keep the interpreter from complaining at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:
        # A bug. The traceback is what whoever mends it needs.
        traceback.print_exc()
        return os.EX_SOFTWARE
    return code

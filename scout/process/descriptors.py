"""How many descriptors this process may have open: each connection is one."""

import contextlib
import resource
import sys


def raise_limit() -> int:
    """Raise the limit as far as this process may. The limit in force from now on.

    The usual one, 1024, is there for programs that use select(2); ours do not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # a sandbox may forbid it
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft

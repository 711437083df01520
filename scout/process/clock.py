"""The clock that goes on while the host is suspended. `time.monotonic` stands still then."""

import time


def boottime() -> float:
    """Seconds since the host was started, suspension included. May be called from any thread."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)

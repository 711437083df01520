"""SIGTERM and SIGINT, as an event of the loop."""

import asyncio
import signal


def stop_event() -> asyncio.Event:
    """An event that is set when the process is asked to stop. Call it on the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop

"""The loop lag monitor, on a real event loop that is really held."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from scout.process import log
from scout.process.lag import ALARM, LagMonitor

HOLD = 0.25
"""Seconds for which a test holds the loop."""


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[LagMonitor]:
    monitor = LagMonitor(log.get("test.lag"))
    task = asyncio.create_task(monitor.run())
    await seen(monitor)
    yield monitor
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def seen(monitor: LagMonitor) -> None:
    """Wait until the monitor has looked once more."""
    before = monitor.seen_at
    async with asyncio.timeout(30):
        while monitor.seen_at == before:
            await asyncio.sleep(0)


async def test_a_hold_is_measured() -> None:
    async with running() as monitor:
        time.sleep(HOLD)  # this is the hold
        await seen(monitor)
        assert monitor.worst() > ALARM


async def test_a_hold_is_seen_while_it_lasts() -> None:
    async with running() as monitor:
        time.sleep(HOLD)
        assert monitor.worst() > ALARM
    assert monitor.worst() < 10 * HOLD  # it does not go on when nobody looks any more


async def test_many_holds_are_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as monitor:
        for _ in range(3):
            time.sleep(HOLD)
            await seen(monitor)
    lines = [it for it in caplog.records if it.name == "test.lag"]
    assert [(it.levelname, it.getMessage()) for it in lines] == [
        ("WARNING", "the event loop was held")
    ]


async def test_the_line_names_who_held_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    def dawdle() -> None:
        end = time.monotonic() + 2 * HOLD
        while time.monotonic() < end:
            pass

    async with running() as monitor:
        dawdle()
        await seen(monitor)
    [line] = [it for it in caplog.records if it.name == "test.lag"]
    assert "dawdle" in getattr(line, "fields")["by"]  # noqa: B009 - mypy does not know it

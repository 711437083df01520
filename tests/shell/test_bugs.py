"""An exception that nobody waits for is seen all the same."""

import asyncio
import logging

import pytest

from scout.process import log
from scout.process.bugs import LINES, Bugs


def broken() -> None:
    raise RuntimeError("a bug")


async def test_a_bug_in_a_callback_of_ours_ends_the_program() -> None:
    bugs = Bugs(log.get("test"), packages=("tests",))
    asyncio.get_running_loop().call_soon(broken)
    async with asyncio.timeout(30.0):
        found = await bugs.found
    assert str(found) == "a bug"


async def test_a_bug_in_a_task_that_nobody_waits_for_ends_the_program() -> None:
    bugs = Bugs(log.get("test"), packages=("tests",))

    async def work() -> None:
        broken()

    task = asyncio.create_task(work())
    await asyncio.wait({task})
    del task
    async with asyncio.timeout(30.0):
        assert str(await bugs.found) == "a bug"


async def test_the_noise_of_a_library_is_logged_with_its_traceback_and_within_bounds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bugs = Bugs(log.get("test"), packages=("nobody",))
    done = asyncio.get_running_loop().create_future()
    with caplog.at_level(logging.ERROR):
        for _ in range(10 * LINES):
            asyncio.get_running_loop().call_soon(broken)
        asyncio.get_running_loop().call_soon(done.set_result, None)
        await done
    assert len(caplog.records) == LINES
    assert caplog.records[0].exc_info is not None
    assert not bugs.found.done()

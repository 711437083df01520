"""The agent's process: from a configuration to its end.

Start: look at the directories, check the master's health, register, then watch. What fails then
ends the process with its exit code, unless it is the state of one of several directories. Once
started, it never ends because of the master or a directory.
"""

import asyncio

from scout.agent.config import Config
from scout.agent.first import First, look_first, no_answer, refuse
from scout.agent.health import check_master
from scout.agent.host import START_STEP, Host
from scout.agent.scan import Scanner
from scout.errors import ScoutError
from scout.process import log, systemd
from scout.process.bugs import Bugs
from scout.process.signals import stop_event


def run(config: Config) -> int:
    """Run the agent until it is told to stop. Returns the exit code; raises `ScoutError`."""
    asyncio.run(_main(config))
    return 0


async def _main(config: Config) -> None:
    """Work until told to stop, which is heard at any time, whatever is waited for."""
    bugs = Bugs(log.get("scout"))
    leaving = asyncio.create_task(stop_event().wait())
    work = asyncio.create_task(_work(config))
    await bugs.first_of(leaving, work)
    if not work.done():
        systemd.stopping()
        if not bugs.found.done():
            _log_stop(config)
        work.cancel()
        await asyncio.wait({work})
    if not work.cancelled():
        work.result()  # it does not end by itself: raise what ended it
    if bugs.found.done():
        raise bugs.found.result()


def _log_stop(config: Config) -> None:
    first, *others = config.directories
    if others:
        log.get("scout").info("stopping", directories=len(config.directories))
    else:
        log.get("scout").info("stopping", directory=first.path)


async def _work(config: Config) -> None:
    # The operator's word on how long to wait counts, not the unit's.
    systemd.extend(config.start_timeout + START_STEP)
    scanners = [Scanner() for _ in config.directories]
    looks = [
        _first_look(directory.path, scanner, config.start_timeout)
        for directory, scanner in zip(config.directories, scanners, strict=True)
    ]
    firsts = await asyncio.gather(*looks)
    refuse(config.directories, firsts)
    systemd.extend(config.start_timeout + START_STEP)
    await check_master(str(config.master), config.start_timeout)
    await Host(config, firsts, scanners).live()


async def _first_look(directory: bytes, scanner: Scanner, timeout: float) -> First:
    try:
        # Not `wait_for`, which may lose a cancellation that comes with the result.
        async with asyncio.timeout(timeout):
            return await scanner.do(lambda: look_first(directory))
    except ScoutError as error:
        return error
    except TimeoutError:
        return no_answer(directory)

"""The agent's process: from a configuration to its end.

Start: look at the directories, check the master's health, register, then watch. What fails then
ends the process with its exit code, unless it is the state of one of several directories. Once
started, it never ends because of the master or a directory.
"""

import asyncio

from scout.agent.config import Config
from scout.agent.core.identity import DirectoryIdentity
from scout.agent.core.start import CANT_WATCH, LOOK_STATES, ending, twice
from scout.agent.health import check_master
from scout.agent.host import START_STEP, Host
from scout.agent.inspect import Unavailable, check_directory, look
from scout.agent.scan import Scanner
from scout.errors import DirectoryMissing, ScoutError
from scout.process import log, systemd
from scout.process.signals import stop_event


def run(config: Config) -> int:
    """Run the agent until it is told to stop. Returns the exit code; raises `ScoutError`."""
    asyncio.run(_main(config))
    return 0


async def _main(config: Config) -> None:
    """Work until told to stop, which is heard at any time, whatever is waited for."""
    leaving = asyncio.create_task(stop_event().wait())
    work = asyncio.create_task(_work(config))
    await asyncio.wait({leaving, work}, return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        systemd.stopping()
        if len(config.directories) == 1:
            log.get("scout").info("stopping", directory=config.directories[0].path)
        else:
            log.get("scout").info("stopping", directories=len(config.directories))
        work.cancel()
        await asyncio.wait({work})
    if not work.cancelled():
        work.result()  # it does not end by itself: raise what ended it


async def _work(config: Config) -> None:
    # The operator's word on how long to wait counts, not the unit's.
    systemd.extend(config.start_timeout + START_STEP)
    scanners = [Scanner() for _ in config.directories]
    firsts = await asyncio.gather(
        *(
            _first_look(directory.path, scanner, config.start_timeout)
            for directory, scanner in zip(config.directories, scanners, strict=True)
        )
    )
    errors = [it if isinstance(it, ScoutError) else None for it in firsts]
    seen = [
        (directory.path, it.path)
        for directory, it in zip(config.directories, firsts, strict=True)
        if isinstance(it, DirectoryIdentity)
    ]
    if error := twice(seen) or ending(errors, LOOK_STATES):
        raise error
    systemd.extend(config.start_timeout + START_STEP)
    await check_master(str(config.master), config.start_timeout)
    await Host(config, firsts, scanners).live()


async def _first_look(
    directory: bytes, scanner: Scanner, timeout: float
) -> DirectoryIdentity | ScoutError:
    """Check the directory: what it is, or what is wrong with it."""

    def check() -> DirectoryIdentity:
        check_directory(directory)
        return look(directory)

    try:
        # Not `wait_for`, which may lose a cancellation that comes with the result.
        async with asyncio.timeout(timeout):
            return await scanner.do(check)
    except Unavailable as reason:
        return DirectoryMissing(CANT_WATCH, directory, str(reason))
    except ScoutError as error:
        return error
    except TimeoutError:
        return DirectoryMissing(
            "the directory does not answer", directory, "does its file system work?"
        )

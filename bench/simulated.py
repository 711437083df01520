"""Many clients in one process, each with a stream of its own and the agent's own state machine.

`python -m bench.simulated ADDRESS COUNT FILES` keeps them until it is ended. Only what watches a
directory is left out: each holds FILES names that never change.
"""

import asyncio
import gc
import logging
import os
import random
import re
import sys
from typing import TYPE_CHECKING

from bench.stock import name
from scout.agent.core.inventory import Inventory
from scout.agent.core.session import Session
from scout.agent.report import Reporter
from scout.core.liveness import Liveness
from scout.process.log import get

if TYPE_CHECKING:
    from bench.programs import Master
    from bench.rig import Rig

AT_ONCE = 32
"""Clients that register at the same time at the start: a crowd that comes in one instant is what
the restart measures."""


class Simulated:
    """The clients of one process. Owned by the event loop's thread."""

    def __init__(self, address: str, count: int, files: int) -> None:
        self._dice = random.Random(1)
        self._log = get("simulated")
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.reporters = [self._reporter(address, number, files) for number in range(count)]

    async def run(self) -> None:
        """Let them all live, and tell once a second how they are."""
        tasks = [asyncio.create_task(self._live(it)) for it in self.reporters]
        try:
            while True:
                connected = sum(it.connected for it in self.reporters)
                settled = sum(it.acknowledged for it in self.reporters)
                reconnects = sum(it.reconnects for it in self.reporters)
                print(
                    f"connected={connected} settled={settled} reconnects={reconnects}", flush=True
                )
                await asyncio.sleep(0.5)
        finally:
            for task in tasks:
                task.cancel()

    def _reporter(self, address: str, number: int, files: int) -> "_Reporter":
        inventory = Inventory()
        for place in range(files):
            inventory.settle(name(number * files + place).encode(), present=True)
        directory = f"/srv/{number:06d}".encode()
        session = Session("simulated", directory, number + 1, "0", inventory)
        session.vouch()
        return _Reporter(address, session, Liveness(), self._log, self._dice, on_state=lambda: None)

    async def _live(self, reporter: "_Reporter") -> None:
        async with self._gate:
            task = asyncio.create_task(reporter.run())
            ended = await reporter.first
            if ended is not None:
                print(f"could not register: {ended}", flush=True)
                os._exit(1)
        await task


class _Reporter(Reporter):
    """A reporter whose session can be asked."""

    @property
    def acknowledged(self) -> bool:
        """True once the master holds all that it has."""
        return self._session.acknowledged_at is not None


class Crowd:
    """The process that simulates `count` clients of `files` files each for `master`."""

    def __init__(self, rig: "Rig", master: "Master", count: int, files: int) -> None:
        self._count = count
        self._program = rig.start(
            "bench.simulated", f"127.0.0.1:{master.grpc}", str(count), str(files)
        )

    def wait(self) -> None:
        """Wait until the master has acknowledged the state of each."""
        self._program.wait_for_line(f"settled={self._count} ")

    def reconnects(self) -> int:
        """How many streams had to be opened anew so far."""
        lines = "\n".join(self._program.lines[-100:])
        return int(re.findall(r"reconnects=(\d+)", lines)[-1])


async def _main() -> None:
    address, count, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    simulated = Simulated(address, count, files)
    # What lives for ever is not looked at again and again: this process shall be no bottleneck.
    gc.collect()
    gc.freeze()
    await simulated.run()


if __name__ == "__main__":
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    logging.disable()  # what happens is counted
    asyncio.run(_main())

"""From exec to work."""

import subprocess
import sys
import time
from collections.abc import Iterator

from bench.figures import Figure
from bench.rig import Rig


def measure(rig: Rig) -> Iterator[Figure]:
    """Both programs, beside the import of what they can't do without."""
    runs = rig.runs(9, 3)
    rig.say("start")
    for what, modules, target in (
        ("scoutmaster serving", "grpc.aio, waitress", 300.0),
        ("scout watching", "grpc.aio, inotify_simple", 250.0),
    ):
        _import(modules)
        floor = sorted(_import(modules) for _ in range(5))[2]
        find = _serving if what.startswith("scoutmaster") else _watching
        find(rig)
        yield Figure(
            "start",
            what,
            "ms",
            tuple(find(rig) for _ in range(runs)),
            "from exec to its log line, an empty directory; the floor is a Python that imports "
            + modules,
            target=target,
            floor=floor,
        )


def _serving(rig: Rig) -> float:
    with rig.programs():
        return rig.master().took * 1e3


def _watching(rig: Rig) -> float:
    with rig.programs():
        master = rig.master()
        agent = rig.start(
            "scout",
            f"--directory={rig.stock.directory(0)}",
            f"--master=127.0.0.1:{master.grpc}",
        )
        agent.wait_for_line("msg=watching ")
        return (time.perf_counter() - agent.started) * 1e3


def _import(modules: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import asyncio, {modules}"], check=True)
    return (time.perf_counter() - begun) * 1e3

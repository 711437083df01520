"""From the creation of a file to the answer that shows it, for a reader who asks without pause.

Such a reader keeps a core busy, wakes the master's threads all the time, and asks for Python's lock
as often as the change itself does. Once it is the program that also makes the change, as in
`latency`; once it does nothing else, and another program makes the changes.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

from bench.asker import Asker
from bench.figures import Figure, percentile
from bench.parts.latency import look_whole, run
from bench.programs import LIMIT, Broken
from bench.rig import Rig

SIZES = (0, 1000)

_WRITTEN = re.compile(rb"written-\d{6}")
_WROTE = re.compile(r"wrote (\S+) (\S+) (\S+)")

WAYS = {
    "reader writes": "create one file, ask for GET /files without pause on one connection until an "
    "answer shows it, remove it again, and ask until one does not",
    "reader apart": "ask for GET /files without pause on one connection, all the time, while "
    "another program creates and removes one file after the other; one that is never shown counts "
    "as if it were shown when it is removed",
}


def measure(rig: Rig) -> Iterator[Figure]:
    """Both ways in turns, at each size, beside the least server that could answer."""
    runs, count = rig.runs(5, 2), rig.runs(60, 30)
    foreign = rig.foreign
    if foreign is not None:
        asker = Asker(foreign.port, foreign.host)
        found = _both(rig, asker, foreign.directory, runs, count, removals=True)
        yield from _figures("a server elsewhere", found, {})
        return
    with rig.programs():
        directory = rig.stock.directory(0)
        asker = _least(rig, directory)
        found = _both(rig, asker, directory, runs, count, removals=False)
    floors = {way: percentile([it for one in found[way] for it in one], 50) for way in WAYS}
    for way in WAYS:
        yield Figure(
            "poller",
            f"floor, {way}, p50",
            "ms",
            tuple(percentile(it, 50) for it in found[way]),
            "inotify, one gRPC message with the same library, HTTP by a bare thread, and no list",
        )
    for size in SIZES:
        rig.say(f"poller: {size} files")
        with rig.programs():
            master, _, directory = rig.pair(size)
            asker = Asker(master.http)
            found = _both(rig, asker, directory, runs, count, removals=True)
            yield from _figures(f"{size:,} files", found, floors)


def _figures(
    what: str, found: dict[str, list[list[float]]], floors: dict[str, float]
) -> Iterator[Figure]:
    for way, method in WAYS.items():
        runs = found[way]
        for percent, target in ((50, 1.5), (99, 5.0)):
            yield Figure(
                "poller",
                f"{what}, {way}, p{percent}",
                "ms",
                tuple(percentile(it, percent) for it in runs),
                f"{method}; {len(runs)} runs of {len(runs[0])} changes, both ways in turns",
                target=target,
                floor=floors.get(way) if percent == 50 else None,
            )


def _both(
    rig: Rig, asker: Asker, directory: Path, runs: int, count: int, *, removals: bool
) -> dict[str, list[list[float]]]:
    """Milliseconds of each creation, run by run."""
    found: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    run(lambda: look_whole(asker), directory, 20, breath=0.0, removals=removals)
    for _ in range(runs):
        found["reader writes"].append(
            run(lambda: look_whole(asker), directory, count, breath=0.0, removals=removals)
        )
        found["reader apart"].append(_apart(rig, asker, directory, count))
    return found


def _apart(rig: Rig, asker: Asker, directory: Path, count: int) -> list[float]:
    with rig.programs():
        writer = rig.start("bench.writer", str(directory), str(count))
        shown: dict[str, float] = {}
        deadline = time.monotonic() + LIMIT
        while "done" not in writer.lines[-1:]:
            if time.monotonic() > deadline:
                raise Broken(f"the writer was not done within {LIMIT:g} s")
            answer = asker.ask("/files")
            for name in _WRITTEN.findall(answer.body):
                shown.setdefault(name.decode(), answer.at)
        wrote = [found for line in writer.lines if (found := _WROTE.match(line))]
    return [(shown.get(it[1], float(it[3])) - float(it[2])) * 1e3 for it in wrote]


def _least(rig: Rig, directory: Path) -> Asker:
    server = rig.start("bench.floor", "server", "--bare")
    ports = server.wait_for_line(r"serving grpc=(\d+) http=(\d+)")
    agent = rig.start(
        "bench.floor", "agent", f"--directory={directory}", f"--address=127.0.0.1:{ports[1]}"
    )
    agent.wait_for_line("watching")
    return Asker(int(ports[2]))

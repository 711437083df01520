"""From the creation of a file to the answer that shows it."""

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.asker import Asker
from bench.figures import Figure, percentile
from bench.programs import LIMIT, Broken
from bench.rig import Rig

BIG = 200_000
"""Bytes of a list that is not read whole at each look: its ETag is asked for instead."""

PAUSE = (0.015, 0.030)
"""Seconds between two changes, so that each finds a quiet directory."""

BREATH = 0.0002
"""Seconds between an answer and the next question: who asks without any takes a core for itself."""

METHOD = (
    "create one file, ask on one connection, 0.2 ms after each answer, until one shows it "
    "({how}); remove it again; medians and 99th percentiles of {runs} runs of {count} changes"
)


def measure(rig: Rig) -> Iterator[Figure]:
    """The floor, then each size."""
    runs, count = rig.runs(3, 2), rig.runs(100, 50)
    foreign = rig.foreign
    if foreign is not None:
        asker = Asker(foreign.port, foreign.host)
        yield from _figures("a server elsewhere", asker, foreign.directory, runs, count, None)
        return
    floor = _floor(rig, runs, count)
    yield Figure(
        "latency",
        "floor p50",
        "ms",
        tuple(percentile(it, 50) for it in floor),
        "inotify, one gRPC message and one HTTP answer, with the same libraries and no list",
    )
    bottom = percentile([value for it in floor for value in it], 50)
    for size in (0, 1000, 100_000, rig.million):
        rig.say(f"latency: {size} files")
        with rig.programs():
            master, _, directory = rig.pair(size)
            asker = Asker(master.http)
            yield from _figures(f"{size:,} files", asker, directory, runs, count, bottom)


def _figures(
    what: str, asker: Asker, directory: Path, runs: int, count: int, floor: float | None
) -> Iterator[Figure]:
    probe = _probe(asker)
    run(probe, directory, 20)
    found = [run(probe, directory, count) for _ in range(runs)]
    how = (
        "GET with If-None-Match, to the head of the 200" if _is_big(asker) else "GET /files, whole"
    )
    method = METHOD.format(how=how, runs=runs, count=count)
    for percent, target, most_floors in ((50, 1.5, 1.5), (99, 5.0, None)):
        yield Figure(
            "latency",
            f"{what} p{percent}",
            "ms",
            tuple(percentile(it, percent) for it in found),
            method,
            target=target,
            floor=floor if most_floors else None,
            most_floors=most_floors,
        )


Probe = Callable[[], Callable[[bytes, bool], float | None]]


def _probe(asker: Asker) -> Probe:
    """Called before a change. What it gives tells when the answer that shows it began to arrive,
    or None."""

    def by_tag() -> Callable[[bytes, bool], float | None]:
        tag = asker.ask("/files", "HEAD").tag

        def look(_name: bytes, _there: bool) -> float | None:
            answer = asker.ask("/files", tag=tag, keep=False)
            return answer.at if answer.status == 200 else None

        return look

    return by_tag if _is_big(asker) else lambda: look_whole(asker)


def look_whole(asker: Asker) -> Callable[[bytes, bool], float | None]:
    """Looks for the name in the body."""

    def look(name: bytes, there: bool) -> float | None:
        answer = asker.ask("/files")
        return answer.at if (name in answer.body) is there else None

    return look


def _is_big(asker: Asker) -> bool:
    answer = asker.ask("/files", "HEAD")
    return answer.length > BIG and bool(answer.tag)


def run(
    probe: Probe, directory: Path, count: int, *, breath: float = BREATH, removals: bool = True
) -> list[float]:
    """Milliseconds of each creation, with `breath` seconds between an answer and the next question.
    Without `removals` nobody waits until a file that was removed is shown no more."""
    dice = random.Random(1)
    found = []
    for number in range(count):
        name = f"latency-{number}"
        path = directory / name
        time.sleep(dice.uniform(*PAUSE))
        look = probe()
        begun = time.perf_counter()
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        found.append((_wait(look, name.encode(), breath, there=True) - begun) * 1e3)
        time.sleep(dice.uniform(*PAUSE))
        look = probe()
        os.unlink(path)
        if removals:
            _wait(look, name.encode(), breath, there=False)
    return found


def _wait(
    look: Callable[[bytes, bool], float | None], name: bytes, breath: float, *, there: bool
) -> float:
    """When the change was shown. Raises `Broken`."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        at = look(name, there)
        if at is not None:
            return at
        if breath:
            time.sleep(breath)
    raise Broken(f"{name!r} was not shown, or did not go, within {LIMIT:g} s")


def _floor(rig: Rig, runs: int, count: int) -> list[list[float]]:
    """The same with the least program that could show it."""
    directory = rig.stock.directory(0)
    with rig.programs():
        server = rig.start("bench.floor", "server")
        ports = server.wait_for_line(r"serving grpc=(\d+) http=(\d+)")
        agent = rig.start(
            "bench.floor",
            "agent",
            f"--directory={directory}",
            f"--address=127.0.0.1:{ports[1]}",
        )
        agent.wait_for_line("watching")
        asker = Asker(int(ports[2]))
        lengths = (20, *[count] * runs)
        return [
            run(lambda: look_whole(asker), directory, length, removals=False) for length in lengths
        ][1:]

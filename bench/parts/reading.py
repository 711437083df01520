"""Reading the whole list."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from bench.asker import Asker, wait_until
from bench.figures import Figure
from bench.rig import Rig


def measure(rig: Rig) -> Iterator[Figure]:
    """Unchanged, after a change, and not at all."""
    foreign = rig.foreign
    if foreign is not None:
        asker = Asker(foreign.port, foreign.host)
        yield from _figures(rig, asker, foreign.directory, None)
        return
    rig.say(f"get: {rig.million} files")
    with rig.programs():
        master, _, directory = rig.pair(rig.million)
        asker = Asker(master.http)
        size = asker.ask("/files", "HEAD").length
        server = rig.start("bench.floor", "server", f"--size={size}")
        floor = Asker(int(server.wait_for_line(r"http=(\d+)")[1]))
        yield from _figures(rig, asker, directory, floor)


def _figures(rig: Rig, asker: Asker, directory: Path, floor: Asker | None) -> Iterator[Figure]:
    runs = rig.runs(25, 7)
    whole, least = [], []
    _get(asker)
    if floor is not None:
        _get(floor, "/bytes")
    for _ in range(runs):
        # In turns, so that whatever else the machine does meets both.
        whole.append(_get(asker))
        if floor is not None:
            least.append(_get(floor, "/bytes"))
    bottom = sorted(least)[len(least) // 2] if least else None
    if least:
        yield Figure(
            "get",
            "floor: the same bytes",
            "ms",
            tuple(least),
            "waitress sends as many bytes from a BytesIO by file_wrapper",
        )
    yield Figure(
        "get",
        "unchanged",
        "ms",
        tuple(whole),
        f"GET /files read to its end, {runs} times on one connection",
        floor=bottom,
        most_floors=1.5,
    )
    middle = sorted(whole)[runs // 2]
    yield Figure(
        "get",
        "more right after a change",
        "ms",
        tuple(_after_change(asker, directory) - middle for _ in range(runs)),
        "the GET with If-None-Match that is the first to be answered with 200 after a file was "
        "created, less the median of the unchanged one",
        target=10.0,
    )
    yield Figure(
        "get",
        "304 a second",
        "/s",
        tuple(_unchanged(asker) for _ in range(rig.runs(5, 3))),
        "GET with a fitting If-None-Match, one after the other on one connection, for 1 s",
        target=2000.0,
        at_least=True,
        floor=_rate(floor) if floor is not None else None,
    )


def _get(asker: Asker, path: str = "/files") -> float:
    begun = time.perf_counter()
    asker.ask(path, keep=False)
    return (time.perf_counter() - begun) * 1e3


def _after_change(asker: Asker, directory: Path) -> float:
    """Milliseconds of the answer that is the first to differ."""
    path = directory / "after-change"
    took = 0.0

    def differs() -> bool:
        nonlocal took
        begun = time.perf_counter()
        answer = asker.ask("/files", tag=tag, keep=False)
        took = (time.perf_counter() - begun) * 1e3
        return answer.status == 200

    tag = asker.ask("/files", "HEAD").tag
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    wait_until(differs, "a change is shown", 0.005)
    result = took
    tag = asker.ask("/files", "HEAD").tag
    os.unlink(path)
    wait_until(differs, "a change is shown", 0.005)
    return result


def _unchanged(asker: Asker) -> float:
    tag = asker.ask("/files", "HEAD").tag
    count, end = 0, time.perf_counter() + 1.0
    while time.perf_counter() < end:
        asker.ask("/files", tag=tag)
        count += 1
    return float(count)


def _rate(asker: Asker) -> float:
    """Answers a second of the least server."""
    count, end = 0, time.perf_counter() + 1.0
    while time.perf_counter() < end:
        asker.ask("/files")
        count += 1
    return float(count)

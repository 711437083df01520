"""What it costs when nothing happens."""

import time
from collections.abc import Iterator

from bench.figures import Figure
from bench.programs import Program
from bench.rig import Rig
from bench.simulated import Crowd

SIZES = ((100_000, 1.0), (1_000_000, 3.0))


def measure(rig: Rig) -> Iterator[Figure]:
    """Two agents and a master with a thousand clients, all at once: they do not meet."""
    window = float(rig.runs(60, 30))
    sizes = [it for it in SIZES if it[0] <= rig.million]
    with rig.programs():
        quiet = rig.master()
        agents = [rig.agent(rig.stock.directory(size), quiet) for size, _ in sizes]
        for agent in agents:
            agent.wait_until_watching()
        crowded = rig.master()
        count = rig.runs(1000, 200)
        Crowd(rig, crowded, count, files=10).wait()
        floor = rig.start("bench.floor_checks", "server")
        address = "127.0.0.1:" + floor.wait_for_line(r"grpc=(\d+)")[1]
        rig.start("bench.floor_checks", "clients", address, str(count))
        rig.rest(8.0)
        rig.say(f"idle: {window:g} s")
        programs: list[Program] = [*agents, crowded, floor]
        before = [program.processor_time() for program in programs]
        begun = time.perf_counter()
        time.sleep(window)
        lasted = time.perf_counter() - begun
        shares = [
            (program.processor_time() - spent) / lasted * 100
            for program, spent in zip(programs, before, strict=True)
        ]
    method = f"processor time over {window:g} s of which nothing changes, default options"
    for (size, target), share in zip(sizes, shares, strict=False):
        yield Figure("idle", f"agent, {size:,} files", "%", (share,), method, target=target)
    yield Figure(
        "idle",
        f"master, {count:,} clients",
        "%",
        (shares[-2],),
        method + "; the floor is a gRPC server that asks as many bare streams as often",
        target=6.0,
        floor=shares[-1],
    )

"""What a scrape takes where there are many clients."""

import time
from collections.abc import Iterator

from bench.asker import Asker
from bench.figures import Figure
from bench.rig import Rig
from bench.simulated import Crowd


def measure(rig: Rig) -> Iterator[Figure]:
    """Ask for /metrics and /clients, again and again."""
    count = rig.runs(5000, 500)
    with rig.programs():
        rig.say(f"metrics: {count} clients")
        master = rig.master("--health-interval=10s")
        Crowd(rig, master, count, files=0).wait()
        rig.rest(3.0)
        asker = Asker(master.http)
        for path, target in (("/metrics", 150.0), ("/clients", None)):
            found = []
            for _ in range(rig.runs(15, 5)):
                begun = time.perf_counter()
                asker.ask(path)
                found.append((time.perf_counter() - begun) * 1e3)
                time.sleep(0.1)
            yield Figure(
                "metrics",
                f"{path} with {count:,} clients",
                "ms",
                tuple(found),
                "GET, read to its end, each 0.1 s; the first one too",
                target=target,
            )

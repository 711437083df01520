"""A master that is killed and started again."""

import time
from collections.abc import Iterator

from bench.asker import Asker, metric, wait_until
from bench.figures import Figure
from bench.rig import Rig
from bench.simulated import Crowd
from bench.stock import ENTRY


def measure(rig: Rig) -> Iterator[Figure]:
    """Kill it, start it at the same addresses, and wait until the list says it is complete."""
    count, files = rig.runs(1000, 100), 1000
    seconds, refused, lag = [], [], []
    with rig.programs():
        master = rig.master()
        crowd = Crowd(rig, master, count, files=files)
        crowd.wait()
        for number in range(rig.runs(2, 1)):
            rig.say(f"restart: {count} clients of {files} files, run {number + 1}")
            wait_complete(master.http, count * files)
            grpc, http = master.grpc, master.http
            master.kill()
            begun = time.perf_counter()
            master = rig.master(f"--expect-clients={count}", "--settle=10s", grpc=grpc, http=http)
            wait_complete(http, count * files)
            seconds.append(time.perf_counter() - begun)
            lag.append(metric(http, "scoutmaster_loop_lag_seconds") * 1e3)
            refused.append(metric(http, "scoutmaster_refusals_total"))
    method = (
        f"{count:,} clients of {files:,} files, all in one other process that needs a core of "
        "its own; SIGKILL, start at the same ports with --expect-clients, until the list says "
        "that it is complete"
    )
    yield Figure("restart", "complete", "s", tuple(seconds), method, target=10.0)
    yield Figure("restart", "refused", "", tuple(refused), method, target=0.0)
    yield Figure("restart", "loop held", "ms", tuple(lag), method)


def wait_complete(port: int, files: int) -> None:
    """Wait until the list at `port` is complete and holds at least `files`."""
    asker = Asker(port)

    def complete() -> bool:
        if asker.ask("/files", "HEAD").length < files * ENTRY:
            return False
        return b'"complete":true' in asker.ask("/files").body[-300:]

    wait_until(complete, "the list is complete", 0.1)
    asker.close()

"""Many clients on one master: does it call one of them unhealthy that is not?"""

import threading
import time
from collections.abc import Iterator

from bench.asker import Asker, metric
from bench.figures import Figure
from bench.programs import Master
from bench.rig import Rig, wait_until_listed
from bench.simulated import Crowd
from bench.stock import ENTRY


def measure(rig: Rig) -> Iterator[Figure]:
    """A thousand beside a greedy reader, then ten thousand."""
    yield from _beside_reader(rig)
    yield from _ten_thousand(rig)


def _beside_reader(rig: Rig) -> Iterator[Figure]:
    count, window = rig.runs(1000, 200), float(rig.runs(60, 15))
    with rig.programs():
        rig.say(f"clients: {count} beside a reader of {rig.million} files")
        master = rig.master()
        agent = rig.agent(rig.stock.directory(rig.million), master)
        agent.wait_until_watching()
        wait_until_listed(master.http, rig.million)
        crowd = Crowd(rig, master, count, files=0)
        crowd.wait()
        spent, missed = master.processor_time(), master.alarms
        reads, short, lasted = _read_without_pause(master, window, rig.million)
        spent = master.processor_time() - spent
        lag = metric(master.http, "scoutmaster_loop_lag_seconds")
        alarms = master.alarms - missed
        lost = crowd.reconnects()
    method = (
        f"{count:,} clients at the default 2 s, and an agent of {rig.million:,} files, while one "
        f"connection asks for GET /files without pause for {window:g} s"
    )
    yield Figure(
        "clients", "false alarms beside a reader", "", (float(alarms),), method, target=0.0
    )
    yield Figure("clients", "streams lost beside a reader", "", (float(lost),), method, target=0.0)
    yield Figure("clients", "answers without all files", "", (float(short),), method, target=0.0)
    yield Figure("clients", "lists read a second", "/s", (reads / lasted,), method)
    yield Figure(
        "clients",
        "loop held beside a reader",
        "ms",
        (lag * 1e3,),
        method + "; the longest hold of the last minute",
    )
    yield Figure(
        "clients", "master beside a reader", "% of a core", (spent / lasted * 100,), method
    )


def _read_without_pause(master: Master, window: float, files: int) -> tuple[int, int, float]:
    """How many lists were read, how many of them were short, and the seconds it took."""
    asker = Asker(master.http)
    reads = short = 0
    begun = time.perf_counter()
    while time.perf_counter() - begun < window:
        short += asker.ask("/files", keep=False).length < files * ENTRY
        reads += 1
    return reads, short, time.perf_counter() - begun


def _ten_thousand(rig: Rig) -> Iterator[Figure]:
    count, window = rig.runs(10_000, 1000), float(rig.runs(40, 20))
    with rig.programs():
        rig.say(f"clients: {count}")
        master = rig.master("--health-interval=10s")
        empty = master.resident()
        begun = time.perf_counter()
        crowd = Crowd(rig, master, count, files=0)
        crowd.wait()
        took = time.perf_counter() - begun
        rig.rest(12.0)
        each = (master.resident() - empty) * 1e6 / 1024 / count
        missed, spent = master.alarms, master.processor_time()
        threading.Event().wait(window)
        share = (master.processor_time() - spent) / window * 100
        alarms, lost = master.alarms - missed, crowd.reconnects()
        held = (master.resident() - empty) * 1e6 / 1024 / count
    method = f"{count:,} empty clients, each on its own connection, 10 s between checks"
    yield Figure("clients", f"{count:,} clients registered", "s", (took,), method)
    yield Figure("clients", f"false alarms of {count:,}", "", (float(alarms),), method, target=0.0)
    yield Figure("clients", f"streams lost of {count:,}", "", (float(lost),), method, target=0.0)
    yield Figure("clients", f"master with {count:,}", "% of a core", (share,), method, target=100.0)
    yield Figure(
        "clients", f"memory for each of {count:,}", "KiB", (max(each, held),), method, target=64.0
    )

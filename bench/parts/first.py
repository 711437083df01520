"""The first snapshot of a large directory."""

import os
import time
from collections.abc import Iterator

from bench.asker import metric
from bench.figures import Figure
from bench.rig import Rig, wait_until_listed


def measure(rig: Rig) -> Iterator[Figure]:
    """Start an agent on it, several times."""
    directory = rig.stock.directory(rig.million)
    seconds, watching, master_lag, agent_lag, alarms = [], [], [], [], []
    for number in range(rig.runs(3, 1)):
        rig.say(f"first: {rig.million} files, run {number + 1}")
        with rig.programs():
            master = rig.master()
            agent = rig.agent(directory, master)
            wait_until_listed(master.http, rig.million)
            seconds.append(time.perf_counter() - agent.started)
            watching.append(agent.wait_until_watching())
            master_lag.append(metric(master.http, "scoutmaster_loop_lag_seconds") * 1e3)
            agent_lag.append(metric(agent.metrics_port(), "scout_loop_lag_seconds") * 1e3)
            alarms.append(float(master.alarms))
    begun = time.perf_counter()
    os.listdir(directory)
    floor = time.perf_counter() - begun
    method = "HEAD /files each 20 ms from the agent's start until it has the length of the whole"
    yield Figure(
        "first",
        "visible after the start",
        "s",
        tuple(seconds),
        method + "; the floor is listdir",
        target=6.0,
        floor=floor,
    )
    yield Figure("first", "acknowledged after the start", "s", tuple(watching), "the agent's line")
    for who, values in (("master", master_lag), ("agent", agent_lag)):
        yield Figure(
            "first",
            f"{who}'s loop held",
            "ms",
            tuple(values),
            "the longest hold of the last minute, of its loop_lag_seconds",
            target=50.0,
        )
    yield Figure("first", "checks late", "", tuple(alarms), "clients called unhealthy", target=0.0)

"""A storm of changes: how long until all is shown, and what it costs."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure
from bench.programs import Master
from bench.rig import Rig, wait_until_listed
from bench.stock import create, remove

COUNT = 100_000


def storm(master: Master, directory: Path, before: int, count: int) -> None:
    """Create `count` files and remove them again, each as fast as it goes, and let both show."""
    create(directory, count, "s")
    wait_until_listed(master.http, before + count)
    remove(directory, count, "s")
    wait_until_listed(master.http, before)


def measure(rig: Rig) -> Iterator[Figure]:
    """Creates, then removals."""
    count = rig.runs(COUNT, COUNT // 10)
    visible: dict[str, list[float]] = {"creates": [], "removals": []}
    cost: dict[str, list[float]] = {"creates": [], "removals": []}
    making: dict[str, list[float]] = {"creates": [], "removals": []}
    shares: dict[str, list[float]] = {"master": [], "agent": []}
    with rig.programs():
        master, agent, directory = rig.pair(0)
        for number in range(rig.runs(4, 2)):
            rig.say(f"burst: {count} files, run {number} (0 warms up)")
            for kind, act, expected in (("creates", create, count), ("removals", remove, 0)):
                rig.rest()
                spent = master.processor_time(), agent.processor_time()
                begun = time.perf_counter()
                act(directory, count, "s")
                last = time.perf_counter()
                wait_until_listed(master.http, expected, 0.001)
                shown = time.perf_counter()
                rig.rest()
                if number == 0:
                    continue
                used = (
                    master.processor_time() - spent[0],
                    agent.processor_time() - spent[1],
                )
                making[kind].append(last - begun)
                visible[kind].append((shown - last) * 1e3)
                cost[kind].append(sum(used))
                if kind == "creates":
                    shares["master"].append(used[0])
                    shares["agent"].append(used[1])
    wanted = {"creates": (50.0, 4.0), "removals": (None, None)}
    for kind, (soon, cheap) in wanted.items():
        yield Figure(
            "burst",
            f"{count:,} {kind}, the storm itself",
            "s",
            tuple(making[kind]),
            f"{kind} (of hard links) as fast as one process can, both programs on the same cores",
        )
        yield Figure(
            "burst",
            f"{count:,} {kind}, visible after the last",
            "ms",
            tuple(visible[kind]),
            "HEAD /files each millisecond until it has the length of the whole",
            target=soon,
        )
        yield Figure(
            "burst",
            f"{count:,} {kind}, processor time",
            "s",
            tuple(cost[kind]),
            "both programs, user and system, from the first to 1 s after all is visible",
            target=cheap,
        )
    for who, values in shares.items():
        yield Figure(
            "burst", f"{count:,} creates, {who}'s share", "s", tuple(values), "the same, of one"
        )

"""What a million files take, and whether it grows."""

from collections.abc import Iterator

from bench.figures import Figure
from bench.parts.burst import storm
from bench.rig import Rig, wait_until_listed


def measure(rig: Rig) -> Iterator[Figure]:
    """Above empty, after a first reader, and after many changes."""
    rig.say("memory: empty")
    with rig.programs():
        master, agent, _ = rig.pair(0)
        empty = {"master": master.resident(), "agent": agent.resident()}
    rig.say(f"memory: {rig.million} files")
    with rig.programs():
        master = rig.master()
        directory = rig.stock.directory(rig.million)
        agent = rig.agent(directory, master)
        agent.wait_until_watching()
        unread = master.resident() - empty["master"]
        wait_until_listed(master.http, rig.million)
        rig.rest(2.0)
        full = master.resident() - empty["master"]
        watched = agent.resident() - empty["agent"]
        yield Figure("memory", "master empty", "MB", (empty["master"],), "VmRSS")
        yield Figure("memory", "agent empty", "MB", (empty["agent"],), "VmRSS")
        method = "VmRSS above that with an empty directory"
        yield Figure("memory", "master, nobody has read", "MB", (unread,), method)
        yield Figure("memory", "master, after a reader", "MB", (full,), method, target=200.0)
        yield Figure("memory", "agent", "MB", (watched,), method, target=150.0)
        rounds, size = rig.runs(10, 2), 50_000
        grown_master, grown_agent = [], []
        for number in range(rounds):
            rig.say(f"memory: {2 * size} changes, round {number + 1} of {rounds}")
            storm(master, directory, rig.million, size)
            grown_master.append(master.resident() - empty["master"])
            grown_agent.append(agent.resident() - empty["agent"])
        after = f"the same after each of {rounds} rounds of {2 * size:,} changes; the last round"
        for who, values, before in (
            ("master", grown_master, full),
            ("agent", grown_agent, watched),
        ):
            yield Figure(
                "memory",
                f"{who}, more after {2 * size * rounds:,} changes",
                "MB",
                (values[-1] - before,),
                after,
                target=20.0,
            )
            yield Figure(
                "memory",
                f"{who}, growth over the second half of them",
                "MB",
                (values[-1] - values[len(values) // 2 - 1],),
                after + " less the middle one: what grows for ever shows here",
                target=5.0,
            )

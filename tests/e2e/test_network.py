"""Two hosts, as two network namespaces joined by a veth pair that can be cut."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Program, Stage, wait_until
from tests.need import need

MASTER, AGENT = "10.250.77.1", "10.250.77.2"


class Net:
    """The namespaces, named after this process so that runs do not meet."""

    def __init__(self) -> None:
        self.here = f"scout-m-{os.getpid()}"
        self.there = f"scout-a-{os.getpid()}"

    def build(self) -> None:
        a, b = f"sm{os.getpid()}"[:15], f"sa{os.getpid()}"[:15]
        for name in (self.here, self.there):
            ip("netns", "add", name)
        ip("link", "add", a, "netns", self.here, "type", "veth", "peer", b, "netns", self.there)
        for name, link, address in ((self.here, a, MASTER), (self.there, b, AGENT)):
            ip("-n", name, "addr", "add", f"{address}/30", "dev", link)
            ip("-n", name, "link", "set", link, "up")
            ip("-n", name, "link", "set", "lo", "up")

    def cut(self) -> None:
        """Packets vanish, in both directions and without a word."""
        ip("-n", self.here, "route", "add", "blackhole", f"{AGENT}/32")
        ip("-n", self.there, "route", "add", "blackhole", f"{MASTER}/32")

    def heal(self) -> None:
        ip("-n", self.here, "route", "del", "blackhole", f"{AGENT}/32")
        ip("-n", self.there, "route", "del", "blackhole", f"{MASTER}/32")

    def remove(self) -> None:
        for name in (self.here, self.there):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def net() -> Iterator[Net]:
    """Two namespaces."""
    need("root", "network namespaces", "mounting", "ip")
    it = Net()
    try:
        it.build()
        yield it
    finally:
        it.remove()


def test_a_cut_and_a_healed_network(stage: Stage, tmp_path: Path, net: Net) -> None:
    """Files leave within interval and time limit, and return without a snapshot."""
    (tmp_path / "a").touch()
    inside = ["ip", "netns", "exec", net.here]
    master = Program(
        ["scoutmaster", "--settle=0s", f"--grpc={MASTER}:3000", "--http=127.0.0.1:3001"],
        prefix=inside,
    )
    stage.programs.append(master)
    master.wait_for_line("serving")
    agent = stage.agent(tmp_path, f"{MASTER}:3000", prefix=["ip", "netns", "exec", net.there])

    def ask(path: str) -> str:
        script = (
            "import urllib.request as u, sys;"
            f"sys.stdout.write(u.urlopen('http://127.0.0.1:3001{path}').read().decode())"
        )
        done = subprocess.run(
            [*inside, sys.executable, "-c", script], check=True, capture_output=True, text=True
        )
        return done.stdout

    def files() -> Any:
        return json.loads(ask("/files"))

    def names() -> list[str]:
        return [entry["filename"] for entry in files()["files"]]

    def snapshots() -> list[str]:
        return [line for line in ask("/metrics").splitlines() if 'kind="snapshot"' in line]

    wait_until(lambda: names() == ["a"])
    before = snapshots()
    net.cut()
    wait_until(lambda: names() == [])
    assert files()["complete"] is False
    (tmp_path / "b").touch()
    # The kernel finds that nothing arrives, long before the master's silence says something.
    assert "silent" not in agent.wait_for_line("lost the master.*")[0]
    net.heal()
    wait_until(lambda: names() == ["a", "b"])
    assert snapshots() == before
    assert agent.process.poll() is None

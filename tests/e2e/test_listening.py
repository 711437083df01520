"""Where both programs listen: all of what was asked for, or nothing, and the log says where."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scout.process.listen import has_ipv6
from tests.e2e.processes import AgentProgram, Program, Stage
from tests.need import need

IN_USE = 69


@pytest.mark.skipif(not has_ipv6(), reason="this host has no IPv6")
@pytest.mark.parametrize(
    ("family", "holder"), [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")]
)
@pytest.mark.parametrize("option", ["--grpc", "--http", "--health", "--metrics"])
def test_half_an_address_is_not_served(
    stage: Stage, tmp_path: Path, family: socket.AddressFamily, holder: str, option: str
) -> None:
    """It would answer some, and others not, and say that it listens on all addresses."""
    with socket.create_server((holder, 0), family=family) as held:
        port = held.getsockname()[1]
        program: Program
        if option in ("--grpc", "--http"):
            others = {"--grpc": "127.0.0.1:0", "--http": "127.0.0.1:0", option: str(port)}
            program = Program(["scoutmaster", *(f"{key}={it}" for key, it in others.items())])
            stage.programs.append(program)
        else:
            program = stage.agent(tmp_path, stage.master(), f"{option}={port}")
        assert program.wait() == IN_USE
        assert f"[::]:{port}" in program.log
        assert "another program" in program.log


@pytest.mark.skipif(not has_ipv6(), reason="this host has no IPv6")
@pytest.mark.parametrize("host", ["", "[::]:"])
def test_all_addresses_are_those_of_both_families(stage: Stage, tmp_path: Path, host: str) -> None:
    (tmp_path / "a").touch()
    master = Program(["scoutmaster", "--settle=0s", f"--grpc={host}0", f"--http={host}0"])
    stage.programs.append(master)
    found = master.wait_for_line(r"serving grpc=\[::\]:(\d+) http=\[::\]:(\d+)")
    for number, address in enumerate(("127.0.0.1", "[::1]")):
        agent = stage.agent(
            tmp_path,
            f"{address}:{found[1]}",
            f"--host=h{number}",
            f"--health={host}0",
            f"--metrics={host}0",
        )
        for line in ("health checks", "metrics"):
            port = agent.wait_for_line(rf'serving {line}" address=\[::\]:(\d+)')[1]
            for it in ("127.0.0.1", "::1"):
                socket.create_connection((it, int(port)), 10).close()
        agent.wait_for_line("watching directory")
    for it in ("127.0.0.1", "::1"):
        socket.create_connection((it, int(found[2])), 10).close()


def test_without_ipv6_all_addresses_are_those_of_ipv4(stage: Stage, tmp_path: Path) -> None:
    need("root", "network namespaces", "ip", "unshare", "nsenter")
    script = (
        "ip link set lo up;"
        "for it in all default lo; do echo 1 > /proc/sys/net/ipv6/conf/$it/disable_ipv6; done;"
        'exec "$@"'
    )
    prefix = ["unshare", "--net", "--", "sh", "-ec", script, "sh"]
    master = Program(["scoutmaster", "--settle=0s", "--grpc=0", "--http=[::]:0"], prefix=prefix)
    stage.programs.append(master)
    found = master.wait_for_line(r"serving grpc=0\.0\.0\.0:(\d+) http=0\.0\.0\.0:(\d+)")
    inside = ["nsenter", f"--net=/proc/{master.pid}/ns/net", "--"]
    agent = AgentProgram(
        tmp_path, f"localhost:{found[1]}", "--health=0", "--metrics=localhost:0", prefix=inside
    )
    stage.programs.append(agent)
    agent.wait_for_line(r'serving health checks" address=0\.0\.0\.0:')
    agent.wait_for_line(r'serving metrics" address=127\.0\.0\.1:')
    agent.wait_for_line("watching directory")

    script = (
        "import urllib.request as u;"
        f"print(u.urlopen('http://127.0.0.1:{found[2]}/-/healthy').read())"
    )
    command = [*inside, sys.executable, "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "alive" in done.stdout

"""Every address of a master that is called right leads to it, in a network of its own."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import Program, Stage, wait_until
from tests.e2e.test_host import Manager
from tests.need import need

HOSTS = "127.0.0.1 localhost dns unix ipv4 xds\n::1 localhost six.example\n"

LINK = """
ip link add eth0-1.2 type veth peer name peer
ip link set eth0-1.2 up
ip link set peer up
ip address add fe80::99/64 dev eth0-1.2 nodad
"""

NETWORK = f"""
mount --bind {{hosts}} /etc/hosts
ip link set lo up
{LINK}
exec "$@"
"""


@pytest.fixture
def master(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A master at port 3000 of all addresses of a network that only it is in."""
    need("root", "network namespaces", "mounting", "ip", "mount", "nsenter", "unshare")
    hosts = tmp_path_factory.mktemp("etc") / "hosts"
    hosts.write_text(HOSTS)
    setup = ["unshare", "--net", "--mount", "sh", "-e", "-c", NETWORK.format(hosts=hosts), "sh"]
    program = Program(
        ["scoutmaster", "--settle=0s", "--grpc=3000", "--http=127.0.0.1:3001"], prefix=setup
    )
    stage.programs.append(program)
    program.wait_for_line("msg=serving")
    yield program


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST", "dns", "unix", "ipv4", "xds", "six.example", "127.0.0.1",
        "[::1]", "[::ffff:127.0.0.1]", "[fe80::99%eth0-1.2]",
    ],
)  # fmt: skip
def test_an_address_leads_to_the_master_that_it_names(
    stage: Stage, tmp_path: Path, master: Program, host: str
) -> None:
    inside = ["nsenter", f"--target={master.pid}", "--net", "--mount", "--wd"]
    agent = stage.agent(tmp_path, f"{host}:3000", prefix=inside)
    agent.wait_for_line(f"msg=watching .*master={host}:3000".replace("[", r"\["))
    assert agent.stop() == 0


def test_an_agent_outlives_the_interface_that_its_master_s_address_names(
    stage: Stage, tmp_path: Path, master: Program
) -> None:
    """A zone of an interface that is away is an address that leads nowhere, for a while."""
    manager = Manager(tmp_path / "notify")
    inside = ["nsenter", f"--target={master.pid}", "--net", "--mount", "--wd"]
    environment = manager.environment(watchdog_seconds=30)
    where = "[fe80::99%eth0-1.2]:3000"
    agent = stage.agent(tmp_path, where, prefix=inside, env=environment)
    agent.wait_for_line("msg=watching")
    subprocess.run([*inside, "ip", "link", "delete", "eth0-1.2"], check=True)
    wait_until(lambda: "no connection" in manager.status())
    subprocess.run([*inside, "sh", "-e", "-c", LINK], check=True)
    agent.wait_for_line("registered with the master again")
    assert agent.stop() == 0

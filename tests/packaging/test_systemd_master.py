"""The master under the real systemd, from the real package."""

from pathlib import Path
from signal import SIGSTOP

from tests.packaging.machine import Machine, until
from tests.packaging.services import Agent


def test_a_master_that_cannot_start_says_why(clean_machine: Machine, package: Path) -> None:
    """A port in use is tried again (69), a wrong value is not (78)."""
    machine = clean_machine
    machine.install(package)
    machine.run("systemd-run", "--unit=squatter", "python3", "-m", "http.server", "3001")
    until(lambda: machine.run("curl", "-s", "localhost:3001", check=False).stdout, "the squatter")
    machine.systemctl("start", "scoutmaster", check=False)
    until(lambda: int(machine.show("scoutmaster", "NRestarts")) > 1, "it is tried again")
    status = ("status", "scoutmaster")
    until(lambda: "3001" in machine.systemctl(*status, check=False).stdout, "the reason is shown")
    machine.systemctl("stop", "squatter")
    until(lambda: machine.show("scoutmaster", "ActiveState") == "active", "the port is free")
    machine.write("/etc/default/scoutmaster", "SCOUTMASTER_SETTLE=-1s\n")
    machine.systemctl("restart", "scoutmaster", check=False)
    assert machine.show("scoutmaster", "ActiveState") == "failed"
    assert machine.show("scoutmaster", "ExecMainStatus") == "78"
    assert "SCOUTMASTER_SETTLE" in machine.systemctl(*status, check=False).stdout


def test_a_frozen_master_is_aborted_and_its_agents_return(
    clean_machine: Machine, package: Path
) -> None:
    """Agents outlive it, and bring back what it forgot."""
    machine = clean_machine
    machine.install(package)
    machine.drop_in("scoutmaster.service", "[Service]\nWatchdogSec=2\n")
    machine.systemctl("start", "scoutmaster")
    machine.write("/srv/data/letter", "")
    with Agent(machine, "/srv/data") as agent:
        agent.until_listed("letter")
        agent_pid = machine.main_pid(agent.unit)
        pid = machine.signal("scoutmaster", SIGSTOP)
        until(lambda: machine.main_pid("scoutmaster") not in (0, pid), "another master")
        until(lambda: machine.show("scoutmaster", "ActiveState") == "active", "it is ready")
        agent.until_listed("letter")
        assert machine.main_pid(agent.unit) == agent_pid
        said = machine.journal(f"_PID={pid}")
        assert any("Fatal Python error: Aborted" in line for line in said)

"""The units, on a machine where the package is installed and systemd is process 1."""

from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL, SIGSTOP

import pytest

import scout.agent.config
import scoutmaster.config
from scout.process.options import Manual
from tests.packaging.machine import Machine, until
from tests.packaging.provision import ROOT
from tests.packaging.services import Agent

Figure = Callable[[str, str], None]

EXPOSURE = {"scout@tmp.service": 1.6, "scout.service": 1.6, "scoutmaster.service": 1.2}
"""How exposed a unit may be, as `systemd-analyze security` counts."""


def test_units_verify_without_a_word(machine: Machine) -> None:
    """It exits with 0 even on keys that it does not know, so what counts is what it says."""
    done = machine.run("systemd-analyze", "verify", "--man=no", *EXPOSURE)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("unit", EXPOSURE)
def test_exposure_is_low(machine: Machine, figure: Figure, unit: str) -> None:
    """The marks of the units."""
    limit = EXPOSURE[unit]
    security = ("systemd-analyze", "security", f"--threshold={round(limit * 10)}", "--no-pager")
    done = machine.run(*security, unit)
    exposure = next(line for line in done.stdout.splitlines() if "Overall exposure" in line)
    figure(f"exposure of {unit}", exposure.split(": ")[1].split()[0])


def test_a_file_in_the_real_tmp_is_listed(machine: Machine) -> None:
    """`systemctl start scout@tmp` is all it takes, and /tmp is not a private one."""
    with Agent(machine, "/tmp") as agent:
        machine.write("/tmp/made-before", "")
        machine.write("/tmp/made in \N{SNOWMAN}", "")
        agent.until_listed("made-before", "made in \N{SNOWMAN}")


def test_a_path_with_a_hyphen_and_a_space(machine: Machine) -> None:
    """The name of the instance comes from systemd-escape; the agent watches the path itself."""
    machine.write("/srv/my-data/in box/letter", "")
    with Agent(machine, "/srv/my-data/in box") as agent:
        assert agent.unit == r"scout@srv-my\x2ddata-in\x20box.service"
        agent.until_listed("letter")


@pytest.mark.parametrize("name", ["$HOME", "50%f", "it's", 'so "called"', "a\\x2db", "grün", "@:;"])
def test_a_path_means_what_it_says(machine: Machine, name: str) -> None:
    """Whatever characters it has, none of them is taken for a variable, a specifier or a quote."""
    machine.write(f"/srv/odd/{name}/letter", "")
    with Agent(machine, f"/srv/odd/{name}") as agent:
        agent.until_listed("letter")


def test_one_agent_can_have_options_of_its_own(machine: Machine) -> None:
    """/etc/scout mirrors the watched path, and outweighs the file for all agents."""
    machine.write("/srv/my-data/out-box/letter", "")
    machine.write("/etc/scout/srv/my-data/out-box.env", "SCOUT_HOST=boxed\n")
    with Agent(machine, "/srv/my-data/out-box") as agent:
        assert agent.client()["host"] == "boxed"


def test_no_file_of_options_changes_the_directory(machine: Machine) -> None:
    """scout@... watches what its name says, even if MONITOR_DIR was set for all."""
    machine.write("/srv/named/letter", "")
    machine.write("/etc/scout/srv/named.env", "MONITOR_DIR=/srv/other\n")
    with Agent(machine, "/srv/named") as agent:
        agent.until_listed("letter")


def test_status_says_in_plain_words_what_goes_on(machine: Machine) -> None:
    """The first thing an operator looks at, before and after the directory went away."""
    machine.write("/srv/told/letter", "")
    with Agent(machine, "/srv/told") as agent:
        assert 'Status: "Watching /srv/told' in agent.status()
        assert 'Status: "' in machine.systemctl("status", "scoutmaster").stdout
        machine.path("/srv/told").rename(machine.path("/srv/gone"))
        until(lambda: "unavailable" in agent.status(), "the status tells of it")
        assert agent.active()


def test_warnings_are_the_warnings(machine: Machine) -> None:
    """Priorities reach the journal: what need not be read is not under `-p warning`."""
    machine.write("/srv/calm/letter", "")
    with Agent(machine, "/srv/calm") as agent:
        pid = f"_PID={machine.main_pid(agent.unit)}"
        until(lambda: machine.journal(pid), "the agent says something")
        assert machine.journal(pid, "-p", "warning") == []
        machine.path("/srv/calm").rename(machine.path("/srv/stormy"))
        warnings = until(lambda: machine.journal(pid, "-p", "warning"), "a warning")
        assert all("the directory is unavailable" in line for line in warnings)


def test_a_frozen_agent_is_aborted_with_a_traceback_and_comes_back(
    machine: Machine, figure: Figure
) -> None:
    """The watchdog does not depend on the agent's word."""
    machine.write("/srv/frozen/letter", "")
    with Agent(machine, "/srv/frozen", watchdog=2) as agent:
        agent.until_listed("letter")
        pid = machine.signal(agent.unit, SIGSTOP)
        seconds = agent.until_replaced(pid)
        figure("a frozen agent is back", f"{seconds:.1f} s")
        agent.until_listed("letter")
        said = machine.journal(f"_PID={pid}")
        assert any("Fatal Python error: Aborted" in line for line in said)
        assert any("most recent call first" in line for line in said)


def test_an_agent_whose_watcher_is_stuck_is_aborted_though_its_loop_runs(
    machine: Machine, figure: Figure
) -> None:
    """A thief takes its events away: the watcher proves nothing any more, and is not believed."""
    machine.write("/srv/robbed/letter", "")
    with Agent(machine, "/srv/robbed", watchdog=2, options="SCOUT_POLL_INTERVAL=500ms") as agent:
        agent.until_listed("letter")
        pid = machine.main_pid(agent.unit)
        with agent.robbed():
            seconds = agent.until_replaced(pid, limit=60)
        figure("an agent with a stuck watcher is back", f"{seconds:.1f} s")
        agent.until_listed("letter")
        said = machine.journal(f"_PID={pid}")
        assert any("no progress" in line and "component=watcher" in line for line in said)
        assert not any("component=poller" in line or "component=stream" in line for line in said)


def test_a_killed_agent_is_started_again(machine: Machine) -> None:
    """As after any crash."""
    machine.write("/srv/killed/letter", "")
    with Agent(machine, "/srv/killed") as agent:
        pid = machine.signal(agent.unit, SIGKILL)
        agent.until_replaced(pid)
        agent.until_listed("letter")


def test_a_stopped_agent_has_succeeded_and_stays_stopped(machine: Machine) -> None:
    """Exit code 0, and its files leave the list at once."""
    machine.write("/srv/stopped/letter", "")
    with Agent(machine, "/srv/stopped") as agent:
        agent.until_listed("letter")
        pid = machine.main_pid(agent.unit)
        machine.systemctl("stop", agent.unit)
        assert agent.listed() == []
        assert machine.journal(f"_PID={pid}", "-p", "warning") == []
        assert machine.show(agent.unit, "Result") == "success"
        assert machine.show(agent.unit, "ExecMainStatus") == "0"
        assert machine.show(agent.unit, "ActiveState") == "inactive"


class TestExitCodes:
    """Which ends are for a person to mend, and which pass by themselves."""

    def test_wrong_usage_is_not_restarted(self, machine: Machine) -> None:
        """64."""
        machine.write("/srv/usage/letter", "")
        agent = Agent(machine, "/srv/usage")
        line = "ExecStart=:/usr/bin/scout --directory=%f --no-such-flag"
        machine.drop_in(agent.unit, f"[Service]\nExecStart=\n{line}\n")
        agent.fails_for_good(64, "--no-such-flag")

    def test_no_permission_is_not_restarted(self, machine: Machine) -> None:
        """77."""
        machine.write("/srv/secret/letter", "")
        machine.path("/srv/secret").chmod(0o700)
        Agent(machine, "/srv/secret").fails_for_good(77, "/srv/secret")

    def test_a_wrong_value_is_not_restarted_and_stands_in_the_status(
        self, machine: Machine
    ) -> None:
        """78: one clear line where the operator looks first."""
        machine.write("/srv/wrong/letter", "")
        defaults = machine.path("/etc/default/scout")
        before = defaults.read_text()
        defaults.write_text(before + "SCOUT_POLL_INTERVAL=soon\n")
        try:
            agent = Agent(machine, "/srv/wrong")
            agent.fails_for_good(78, "SCOUT_POLL_INTERVAL")
        finally:
            defaults.write_text(before)
        (line,) = machine.journal("-u", agent.unit, "--identifier=scout")
        assert "SCOUT_POLL_INTERVAL" in line
        assert "soon" in line

    def test_a_missing_directory_is_awaited(self, machine: Machine) -> None:
        """66, again and again, until it is there."""
        with Agent(machine, "/srv/later", start=False) as agent:
            agent.fails_and_is_restarted(66)
            machine.write("/srv/later/letter", "")
            agent.until_listed("letter")

    def test_an_absent_master_is_awaited(self, machine: Machine) -> None:
        """69."""
        machine.write("/srv/alone/letter", "")
        options = "SCOUT_MASTER_ADDRESS=localhost:1"
        with Agent(machine, "/srv/alone", start=False, options=options) as agent:
            agent.fails_and_is_restarted(69)
            machine.path(agent.env_file).unlink()
            agent.until_listed("letter")

    def test_a_claim_is_awaited(self, machine: Machine) -> None:
        """75, until the other agent leaves; the same path in another spelling is no other."""
        machine.write("/srv/claimed/letter", "")
        with Agent(machine, "/srv/alias", start=False) as second:
            same = "/usr/bin/scout --directory=/srv//./claimed/"
            machine.drop_in(second.unit, f"[Service]\nExecStart=\nExecStart={same}\n")
            with Agent(machine, "/srv/claimed"):
                second.fails_and_is_restarted(75)
            until(second.active, "the second one has the claim")


def test_agents_have_no_rights(machine: Machine) -> None:
    """Neither user nor capabilities nor new privileges, and the system calls are filtered."""
    with Agent(machine, "/tmp") as agent:
        status = Path(f"/proc/{machine.host_pid(agent.unit)}/status").read_text()
        facts = dict(line.split(":\t", 1) for line in status.splitlines())
        assert facts["CapEff"] == facts["CapBnd"] == facts["CapAmb"] == "0" * 16
        assert facts["NoNewPrivs"] == "1"
        assert facts["Seccomp"] == "2"
        assert machine.run("id", "-u", "scout").stdout.strip() == facts["Uid"].split()[0]


def test_the_directorys_mount_comes_first(machine: Machine) -> None:
    """A mount unit that leads to the directory is started with the agent."""
    mount = "[Mount]\nWhat=tmpfs\nType=tmpfs\nWhere=/srv/disk\nOptions=mode=755\n"
    machine.write("/etc/systemd/system/srv-disk.mount", mount)
    machine.systemctl("daemon-reload")
    with Agent(machine, "/srv/disk") as agent:
        assert machine.show("srv-disk.mount", "ActiveState") == "active"
        machine.write("/srv/disk/letter", "")
        agent.until_listed("letter")
        # The agent does not keep it from being unmounted, and an empty mount point is no list.
        machine.run("umount", "/srv/disk")
        until(lambda: agent.client()["state"] == "unhealthy", "the unmount is noticed")
        assert agent.listed() == []


DISK = "[Mount]\nWhat=/srv/no-such-disk\nWhere={where}\nType=ext4\nOptions=loop\n"
"""A mount unit that fails, as that of a disk that is not there."""


def test_an_empty_mount_point_is_not_served(machine: Machine) -> None:
    """Without its disk the agent does not start: better no list than a wrong one."""
    machine.write("/etc/systemd/system/srv-lost.mount", DISK.format(where="/srv/lost"))
    machine.run("mkdir", "-p", "/srv/lost")
    machine.systemctl("daemon-reload")
    agent = Agent(machine, "/srv/lost")
    done = machine.systemctl("start", agent.unit, check=False)
    assert "dependency job" in done.stderr
    assert machine.main_pid(agent.unit) == 0


class TestExamples:
    """The drop-ins in packaging/examples."""

    def test_an_absent_disk_is_awaited(self, machine: Machine) -> None:
        """The agent has started, says what it misses, and serves what anybody mounts later."""
        machine.write("/etc/systemd/system/srv-absent.mount", DISK.format(where="/srv/absent"))
        machine.run("mkdir", "-p", "/srv/absent")
        agent = Agent(machine, "/srv/absent", start=False)
        agent.example("mount.conf")
        with agent:
            machine.systemctl("start", agent.unit)
            assert agent.active()
            assert "unavailable: nothing is mounted on it" in agent.status()
            reason = "nothing is mounted on it"
            until(lambda: agent.client()["reason"].startswith(reason), "the master is told")
            machine.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/srv/absent")
            machine.write("/srv/absent/letter", "")
            agent.until_listed("letter")
            machine.run("umount", "/srv/absent")
            until(lambda: agent.client()["state"] == "unhealthy", "the unmount is noticed")
            assert agent.active()

    def test_a_capability_lets_an_agent_read_everything(self, machine: Machine) -> None:
        """A directory of root's own."""
        machine.write("/srv/private/letter", "")
        machine.path("/srv/private").chmod(0o700)
        with Agent(machine, "/srv/private", start=False) as agent:
            agent.example("read-everything.conf")
            machine.systemctl("start", agent.unit)
            agent.until_listed("letter")

    def test_addresses_can_be_limited(self, machine: Machine) -> None:
        """The drop-in is understood, and leaves the loopback open."""
        machine.write("/srv/limited/letter", "")
        with Agent(machine, "/srv/limited", start=False) as agent:
            agent.example("addresses.conf")
            done = machine.run("systemd-analyze", "verify", "--man=no", agent.unit)
            assert done.stdout + done.stderr == ""
            machine.systemctl("start", agent.unit)
            agent.until_listed("letter")
            assert "192.0.2.10" in machine.show(agent.unit, "IPAddressAllow")


def test_a_group_gives_access_with_an_acl(machine: Machine) -> None:
    """The usual way, as docs/install.md tells it."""
    machine.write("/srv/shared/letter", "")
    machine.path("/srv/shared").chmod(0o700)
    machine.run("setfacl", "-m", "g:scout:rx", "/srv/shared")
    with Agent(machine, "/srv/shared") as agent:
        agent.until_listed("letter")


@pytest.mark.parametrize("manual", [scout.agent.config.MANUAL, scoutmaster.config.MANUAL])
def test_every_option_stands_in_the_file_of_defaults(manual: Manual) -> None:
    """Commented out, with its default; but for the directory, which the instance's name gives."""
    text = (ROOT / "packaging" / "default" / manual.program).read_text()
    # The directories come from the instance's name, or from /etc/scout/directories.
    elsewhere = ("MONITOR_DIR", "SCOUT_DIRECTORIES_FROM")
    options = [option for option in manual.options if option.variable not in elsewhere]
    expected = [f"#{option.variable}={option.default or ''}" for option in options]
    assert expected == [line for line in text.splitlines() if line.startswith("#SCOUT")]
    assert all(line.startswith("#") for line in text.splitlines() if line)

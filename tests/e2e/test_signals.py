"""Signals that stop a program, and those that must not end it."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.processes import LIMIT, Stage, wait_until
from tests.need import need
from tests.shell.commands import ROOT

STRAY = [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2]


@pytest.mark.parametrize("number", STRAY, ids=lambda it: it.name)
def test_a_stray_signal_is_logged_and_ends_no_service(
    stage: Stage, tmp_path: Path, number: signal.Signals
) -> None:
    """It comes from somebody who thinks of another program. systemd would take an end by SIGHUP
    for a stop, and not start the service again."""
    need("setsid")
    (tmp_path / "a").touch()
    master = stage.master(prefix=["setsid"])
    agent = stage.agent(tmp_path, master, prefix=["setsid"])
    agent.wait_for_line("watching directory")
    for program in (master, agent):
        program.send(number)
        program.wait_for_line(f'msg="a signal without a meaning here" signal={number.name}')
    (tmp_path / "b").touch()
    wait_until(lambda: master.names() == ["a", "b"])
    for program in (agent, master):
        assert program.stop() == 0


@pytest.mark.parametrize("number", STRAY, ids=lambda it: it.name)
def test_a_stray_signal_ends_no_program_that_is_starting(
    tmp_path: Path, number: signal.Signals
) -> None:
    """From the first moment on, before anything heavy is loaded."""
    need("setsid")
    code = (
        "import os, sys\nfrom scout.process.entry import enter\n"
        f"def main():\n    os.kill(os.getpid(), {int(number)}); return 3\n"
        "sys.exit(enter('prog', main))\n"
    )
    argv = ["setsid", sys.executable, "-c", code]
    assert subprocess.run(argv, cwd=ROOT, check=False).returncode == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda it: it.name)
def test_a_stop_before_the_start_is_over_is_a_stop_as_asked(number: signal.Signals) -> None:
    code = (
        "import os, signal, sys\nfrom scout.process.entry import enter\n"
        f"def main():\n    os.kill(os.getpid(), {int(number)}); return 3\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.exit(enter('prog', main))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True)
    assert done.stderr == b""
    assert done.returncode == (0 if number is signal.SIGTERM else 130)


class Terminal:
    """A program with a terminal of its own, which can hang up."""

    def __init__(self, argv: list[str], prefix: list[str]) -> None:
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execvp(prefix[0] if prefix else sys.executable, [*prefix, sys.executable, *argv])
        self.text = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        while not (found := re.search(pattern, self.text)):
            self.text += os.read(self._master, 4096).decode()
        return found

    def hang_up(self) -> None:
        os.close(self._master)

    def code(self) -> int:
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError("it does not end")


def test_an_agent_whose_terminal_hangs_up_says_goodbye(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    master = stage.master("--unhealthy-limit=1000")
    agent = Terminal(["-m", "scout", f"--directory={tmp_path}", f"--master={master.address}"], [])
    agent.wait_for("msg=watching")
    agent.hang_up()
    assert agent.code() == 0
    wait_until(lambda: master.names() == [])
    master.wait_for_line("goodbye")


def test_an_agent_that_ignores_hang_ups_outlives_its_terminal(stage: Stage, tmp_path: Path) -> None:
    """nohup(1) says so by ignoring the signal; nobody may take that back."""
    (tmp_path / "a").touch()
    master = stage.master()
    argv = ["-m", "scout", f"--directory={tmp_path}", f"--master={master.address}"]
    agent = Terminal(argv, ["sh", "-c", 'trap "" HUP; exec "$@"', "sh"])
    agent.wait_for("msg=watching")
    agent.hang_up()
    (tmp_path / "b").touch()
    wait_until(lambda: master.names() == ["a", "b"])
    os.kill(agent.pid, signal.SIGHUP)
    (tmp_path / "c").touch()
    wait_until(lambda: master.names() == ["a", "b", "c"])
    os.kill(agent.pid, signal.SIGTERM)
    assert agent.code() == 0


def test_asking_twice_changes_nothing(stage: Stage, tmp_path: Path) -> None:
    """The master answers no goodbye, which takes a while, and the agent ends as asked."""
    master = stage.master()
    agent = stage.agent(tmp_path, master)
    agent.wait_for_line("watching directory")
    master.send(signal.SIGSTOP)
    agent.send(signal.SIGTERM)
    agent.wait_for_line("msg=stopping")
    agent.send(signal.SIGTERM)
    agent.send(signal.SIGINT)
    assert agent.wait() == 0
    master.send(signal.SIGCONT)

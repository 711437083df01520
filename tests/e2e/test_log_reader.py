"""Whoever reads the log stands still, or has left: both programs serve on."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from scout.process.log import LINES
from tests.e2e.processes import LIMIT, Program, Stage, wait_until
from tests.shell.commands import ROOT


def test_a_master_serves_on_while_nobody_reads_its_log(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    master = stage.master("--log-level=debug")
    master.stand_still()
    agents = [stage.agent(tmp_path, master, f"--host=h{number}") for number in range(3)]
    wait_until(lambda: master.names() == ["a", "a", "a"])
    for agent in agents:
        agent.kill()
    wait_until(lambda: master.names() == [])
    master.read_on()
    master.wait_for_line("registered.*host=h2")
    assert master.stop() == 0
    assert "draining" in master.log


def test_an_agent_serves_on_while_nobody_reads_its_log(stage: Stage, tmp_path: Path) -> None:
    directory = tmp_path / "d"
    directory.mkdir()
    (directory / "a").touch()
    master = stage.master()
    agent = stage.agent(directory, master, "--poll-interval=100ms")
    agent.wait_for_line("watching directory")
    agent.stand_still()
    for _ in range(3):
        directory.rename(tmp_path / "e")
        wait_until(lambda: master.names() == [])
        (tmp_path / "e").rename(directory)
        wait_until(lambda: master.names() == ["a"])
    agent.read_on()
    agent.wait_for_line('"the directory is available"')
    assert agent.stop() == 0


def test_a_reader_who_stands_still_does_not_keep_an_agent_from_ending(
    stage: Stage, tmp_path: Path
) -> None:
    """It says goodbye, so its files leave at once, and ends as asked."""
    master = stage.master()
    agent = stage.agent(tmp_path, master)
    agent.wait_for_line("watching directory")
    agent.stand_still()
    begun = time.monotonic()
    assert agent.stop() == 0
    assert time.monotonic() - begun < 10.0  # systemd's patience, TimeoutStopSec
    wait_until(lambda: "goodbye" in master.log)
    agent.read_on()


def test_the_error_that_ends_a_program_comes_out_when_the_reader_reads(
    stage: Stage, tmp_path: Path
) -> None:
    """The agent finds no master; the pipe to its reader is full when it says so."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"\n" * 65536)
    except BlockingIOError:
        os.set_blocking(writer, True)
    agent = subprocess.Popen(
        [sys.executable, "-m", "scout", f"--directory={tmp_path}", "--master=127.0.0.1:1"],
        stderr=writer,
        cwd=ROOT,
    )
    os.close(writer)
    wait_until(lambda: "log" in threads_of(agent.pid))
    with os.fdopen(reader, "rb") as log:
        text = log.read()
    assert agent.wait(LIMIT) == 69
    assert b"scout: the master can't be reached: 127.0.0.1:1" in text


def threads_of(pid: int) -> list[str]:
    """The names of its threads; more than one means that the log has its own by now."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:
        return ["log"]
    return ["log"] if len(tasks) > 1 else []


def test_programs_serve_on_when_the_reader_of_their_log_has_left(
    stage: Stage, tmp_path: Path
) -> None:
    """EPIPE on each line: `scoutmaster 2>&1 | head`."""
    (tmp_path / "a").touch()
    master = stage.master()
    assert master.process.stdout
    agent = stage.agent(tmp_path, master, "--poll-interval=100ms", "--metrics=127.0.0.1:0")
    agent.wait_for_line("watching directory")
    for program in (master, agent):
        leave(program)
    other = stage.agent(tmp_path, master, "--host=other")
    wait_until(lambda: master.names() == ["a", "a"])
    assert other.stop() == 0
    tmp_path.rename(tmp_path.with_name("away"))
    wait_until(lambda: master.names() == [])
    tmp_path.with_name("away").rename(tmp_path)
    wait_until(lambda: master.names() == ["a"])
    assert master.metric("scoutmaster_log_lines_dropped_total") > 0
    wait_until(lambda: agent.metric("scout_log_lines_dropped_total") > 0)
    for program in (agent, master):
        program.send(signal.SIGTERM)
        assert program.process.wait(LIMIT) == 0


def leave(program: Program) -> None:
    """Close our end of its log for good, whatever the thread that reads it does."""
    assert program.process.stdout
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, program.process.stdout.fileno())
    os.close(null)


def test_the_owner_of_a_directory_can_not_fill_the_log_by_moving_it(
    stage: Stage, tmp_path: Path
) -> None:
    """Away and back, again and again: a few lines tell of it, and the last says how it is."""
    directory, away = tmp_path / "d", tmp_path / "e"
    directory.mkdir()
    (directory / "a").touch()
    master = stage.master()
    agent = stage.agent(directory, master, "--poll-interval=50ms")
    agent.wait_for_line("watching directory")
    for _ in range(30):
        directory.rename(away)
        wait_until(lambda: master.names() == [])
        away.rename(directory)
        wait_until(lambda: master.names() == ["a"])
    assert agent.stop() == 0
    lines = [line for line in agent.lines if "the directory is" in line]
    assert len(lines) <= LINES + 1
    assert 'msg="the directory is available"' in lines[-1]
    told = [int(it) for it in re.findall(r"others_not_logged=(\d+)", "\n".join(lines))]
    assert len(lines) + sum(told) >= 60
    assert len(agent.lines) <= 3 * LINES + 10

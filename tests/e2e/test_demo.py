"""What `make run` runs: the first thing that anybody sees of Scout."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LIMIT = 60.0
"""Seconds for the whole story. It bounds a failure, nothing else."""


PROXY = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": ""}
"""A proxy that nobody serves: the demo talks to this machine."""


def demo(directory: Path, errors: int) -> tuple[subprocess.Popen[str], str]:
    """A running demo, and its HTTP port."""
    # Two sockets at once, so that the ports differ.
    with socket.socket() as one, socket.socket() as other:
        for it in (one, other):
            it.bind(("127.0.0.1", 0))
        ports = [str(it.getsockname()[1]) for it in (one, other)]
    program = subprocess.Popen(
        [sys.executable, "packaging/demo.py", str(directory), *ports],
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        cwd=ROOT,
        env=os.environ | PROXY,
    )
    return program, ports[1]


def test_the_demo_shows_files_as_they_come_and_stops_both_programs(tmp_path: Path) -> None:
    (tmp_path / "first").touch()
    program, port = demo(tmp_path, subprocess.STDOUT)
    watchdog = threading.Timer(LIMIT, program.kill)
    watchdog.start()
    lines: list[str] = []
    assert program.stdout
    try:
        for line in program.stdout:
            lines.append(line.rstrip())
            match lines[-1]:
                case "/files: 1 file: first":
                    (tmp_path / "second").touch()
                case "/files: 2 files; new: second":
                    (tmp_path / "first").unlink()
                case "/files: 1 file; gone: first":
                    program.send_signal(signal.SIGINT)
        code = program.wait()
    finally:
        watchdog.cancel()
        program.kill()
        program.wait()
    assert (code, lines[-2:]) == (
        0,
        ["scout stopped, exit code 0", "scoutmaster stopped, exit code 0"],
    )
    assert f"http://127.0.0.1:{port}/files" in "\n".join(lines)


def test_the_demo_ends_without_a_word_when_nobody_reads_it_any_more(tmp_path: Path) -> None:
    """As in `make run | head`; both programs are stopped."""
    program, port = demo(tmp_path, subprocess.PIPE)
    assert program.stdout
    assert program.stderr
    try:
        while not program.stdout.readline().startswith("/files"):
            pass
        program.stdout.close()
        (tmp_path / "first").touch()
        code = program.wait(LIMIT)
    finally:
        program.kill()
        program.wait()
    assert (code, program.stderr.read()) == (0, "")
    program.stderr.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))

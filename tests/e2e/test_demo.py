"""What `make run` runs: the first thing that anybody sees of Scout."""

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]

LIMIT = 60.0
"""Seconds for the whole story. It bounds a failure, nothing else."""


def test_the_demo_shows_files_as_they_come_and_stops_both_programs(tmp_path: Path) -> None:
    (tmp_path / "first").touch()
    # Two sockets at once, so that the ports differ.
    with socket.socket() as one, socket.socket() as other:
        for it in (one, other):
            it.bind(("127.0.0.1", 0))
        ports = [str(it.getsockname()[1]) for it in (one, other)]
    demo = subprocess.Popen(
        [sys.executable, "packaging/demo.py", str(tmp_path), *ports],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    )
    watchdog = threading.Timer(LIMIT, demo.kill)
    watchdog.start()
    lines: list[str] = []
    assert demo.stdout
    try:
        for line in demo.stdout:
            lines.append(line.rstrip())
            match lines[-1]:
                case "/files: 1 file: first":
                    (tmp_path / "second").touch()
                case "/files: 2 files; new: second":
                    (tmp_path / "first").unlink()
                case "/files: 1 file; gone: first":
                    demo.send_signal(signal.SIGINT)
        code = demo.wait()
    finally:
        watchdog.cancel()
        demo.kill()
        demo.wait()
    assert (code, lines[-2:]) == (
        0,
        ["scout stopped, exit code 0", "scoutmaster stopped, exit code 0"],
    )
    assert f"http://127.0.0.1:{ports[1]}/files" in "\n".join(lines)

"""The programs under measurement: started as a user would, and what the kernel knows of them."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

LIMIT = 120.0
"""Seconds that anything may take. It bounds a failure, nothing else."""

_TICKS = os.sysconf("SC_CLK_TCK")


class Broken(Exception):
    """Something did not happen that had to; the text says what."""


class Program:
    """A running `python -m ...` whose lines are collected. Owned by one thread."""

    def __init__(self, *argv: str) -> None:
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("SCOUT", "MONITOR"))
        }
        self.argv = [sys.executable, "-m", *argv]
        self.started = time.perf_counter()
        self.lines: list[str] = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
            errors="backslashreplace",
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()

    def wait_for_line(self, pattern: str, since: int = 0) -> re.Match[str]:
        """The first line from number `since` on that matches. Raises `Broken`."""
        deadline = time.monotonic() + LIMIT
        with self._news:
            while True:
                for line in self.lines[since:]:
                    found = re.search(pattern, line)
                    if found:
                        return found
                since = len(self.lines)
                self._news.wait(0.5)
                if time.monotonic() > deadline or self.process.poll() is not None:
                    tail = "\n".join(self.lines[-5:])
                    raise Broken(f"no line {pattern!r} of {' '.join(self.argv)}:\n{tail}")

    def count_lines(self, pattern: str) -> int:
        """How many lines match so far."""
        with self._news:
            return sum(1 for line in self.lines if re.search(pattern, line))

    def processor_time(self) -> float:
        """Seconds of processor time so far, user and system, of all threads (proc(5), stat)."""
        text = Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident(self) -> float:
        """MB (1,000,000 bytes) of resident memory (proc(5), VmRSS)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024 / 1e6

    def stop(self) -> None:
        """End it as an operator would; it must not take long."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(LIMIT)

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Master(Program):
    """A scoutmaster that serves. Ports are free ones unless given."""

    def __init__(self, *options: str, grpc: int = 0, http: int = 0) -> None:
        if not any(option.startswith("--settle") for option in options):
            options = ("--settle=0s", *options)
        super().__init__(
            "scoutmaster", f"--grpc=127.0.0.1:{grpc}", f"--http=127.0.0.1:{http}", *options
        )
        pattern = r"serving.*grpc=127\.0\.0\.1:(\d+).*http=127\.0\.0\.1:(\d+)"
        found = self.wait_for_line(pattern)
        self.took = time.perf_counter() - self.started
        self.grpc, self.http = int(found[1]), int(found[2])

    @property
    def alarms(self) -> int:
        """How often a client was called unhealthy or was given up."""
        return self.count_lines(r'"client (unhealthy|deregistered)"')


class Agent(Program):
    """A scout on `directory`, with its metrics exposed."""

    def __init__(self, directory: Path, master: Master, *options: str) -> None:
        super().__init__(
            "scout",
            f"--directory={directory}",
            f"--master=127.0.0.1:{master.grpc}",
            "--metrics=127.0.0.1:0",
            *options,
        )

    def metrics_port(self) -> int:
        """Where its metrics are."""
        return int(self.wait_for_line(r"serving metrics.*address=127\.0\.0\.1:(\d+)")[1])

    def wait_until_watching(self) -> float:
        """Wait until the master holds all it has. Seconds from its start to that."""
        self.wait_for_line(r"msg=watching ")
        return time.perf_counter() - self.started

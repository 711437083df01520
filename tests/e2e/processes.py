"""Real programs under test: started as a user would, on free ports, asked over real sockets."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LIMIT = 30.0
"""Seconds that a condition may take on a machine under load. It bounds a failure, nothing else."""


def wait_until(condition: Callable[[], Any], limit: float = LIMIT, what: str = "") -> Any:
    """Wait until `condition()` is true, and give its value. AssertionError after `limit` s."""
    deadline = time.monotonic() + limit
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit} s: {what or condition}")
        pause.wait(0.005)


class Program:
    """A running program whose log lines are collected."""

    def __init__(
        self, argv: list[str], env: dict[str, str] | None = None, prefix: list[str] | None = None
    ) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SCOUT")}
        environment.update(env or {})
        self.argv = argv
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._read_on = threading.Event()
        self._read_on.set()
        self._stands_still = threading.Event()
        self.process = subprocess.Popen(
            [*(prefix or []), sys.executable, "-m", *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
            errors="backslashreplace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
            if not self._read_on.is_set():
                self._stands_still.set()
                self._read_on.wait()

    def stand_still(self) -> None:
        """Read no more of its log, and let the pipe to it be full."""
        assert self.process.stdout
        self._read_on.clear()
        # A description of our own: O_NONBLOCK on the program's would be the program's as well.
        pipe = os.open(f"/proc/self/fd/{self.process.stdout.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(pipe, b"\n")
            assert self._stands_still.wait(LIMIT)
            for size in (65536, 1):
                with contextlib.suppress(BlockingIOError):
                    while True:
                        os.write(pipe, b"\n" * size)
        finally:
            os.close(pipe)

    def read_on(self) -> None:
        """Read its log again."""
        self._read_on.set()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        """All that the program has printed so far."""
        return "\n".join(self.lines)

    def wait_for_line(self, pattern: str, limit: float = LIMIT) -> re.Match[str]:
        """The first line that matches; AssertionError if the program ends without it."""
        deadline = time.monotonic() + limit
        seen = 0
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    found = re.search(pattern, line)
                    if found:
                        return found
                seen = len(self.lines)
                left = deadline - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self._reader.is_alive()):
                    raise AssertionError(f"no line {pattern!r} in:\n" + "\n".join(self.lines))
                self._news.wait(min(left, 0.1))

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, limit: float = LIMIT) -> int:
        """The exit code."""
        code = self.process.wait(limit)
        if self._read_on.is_set():
            self._reader.join(limit)
        return code

    def stop(self) -> int:
        """End it as an operator would."""
        self.send(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """Make sure that it is gone."""
        if self.process.poll() is None:
            self.process.kill()
            with contextlib.suppress(ProcessLookupError):
                self.send(signal.SIGCONT)
        self.process.wait()


class MasterProgram(Program):
    """A scoutmaster, or a `module` that stands for it. Ports are free ones unless given."""

    def __init__(
        self,
        *options: str,
        grpc: int = 0,
        http: int = 0,
        module: str = "scoutmaster",
        **keywords: Any,
    ) -> None:
        super().__init__(
            [
                module,
                f"--grpc=127.0.0.1:{grpc}",
                f"--http=127.0.0.1:{http}",
                *options,
            ],
            **keywords,
        )
        try:
            found = self._where()
        except AssertionError:
            self.kill()
            raise
        self.grpc, self.http = int(found[1]), int(found[2])
        self.address = f"127.0.0.1:{self.grpc}"

    def _where(self) -> re.Match[str]:
        return self.wait_for_line(r"serving.*grpc=127\.0\.0\.1:(\d+).*http=127\.0\.0\.1:(\d+)")

    def get(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (lower case) and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=LIMIT)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return (
                answer.status,
                {k.lower(): v for k, v in answer.getheaders()},
                answer.read(),
            )
        finally:
            connection.close()

    def files(self) -> dict[str, Any]:
        """`GET /files`, whole."""
        status, _, body = self.get("/files")
        assert status == 200, body
        answer: dict[str, Any] = json.loads(body)
        return answer

    def names(self) -> list[str]:
        """The names at `/files`."""
        return [entry["filename"] for entry in self.files()["files"]]

    def clients(self) -> list[dict[str, Any]]:
        """The rows of `/clients`."""
        rows: list[dict[str, Any]] = json.loads(self.get("/clients")[2])["clients"]
        return rows

    def metric(self, name: str) -> float:
        """The sum over a metric's series; 0 if it has none."""
        return sum_metric(self.get("/metrics")[2].decode(), name)


class AgentProgram(Program):
    """A scout on `directory`. The directory may be any path, as bytes or text."""

    def __init__(
        self, directory: Path | str | bytes, master: str, *options: str, **keywords: Any
    ) -> None:
        argv = ["scout", "--directory", os.fsdecode(directory), "--master", master, *options]
        super().__init__(argv, **keywords)

    def metrics(self) -> str:
        """What it exposes; it must have been started with --metrics=127.0.0.1:0."""
        port = int(self.wait_for_line(r"serving metrics.*address=127\.0\.0\.1:(\d+)")[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """The sum over a metric's series; 0 if it has none."""
        return sum_metric(self.metrics(), name)


def sum_metric(text: str, name: str) -> float:
    """The sum over the series of `name` in a Prometheus text."""
    total = 0.0
    for line in text.splitlines():
        if re.match(rf"{name}(\{{.*\}})? ", line):
            total += float(line.rsplit(" ", 1)[1])
    return total


class Stage:
    """Starts programs and makes sure that none outlives its test."""

    def __init__(self) -> None:
        self.programs: list[Program] = []

    def master(self, *options: str, **keywords: Any) -> MasterProgram:
        """Start a master that settles at once unless told otherwise."""
        if not any(option.startswith("--settle") for option in options):
            options = ("--settle=0s", *options)
        program = MasterProgram(*options, **keywords)
        self.programs.append(program)
        return program

    def agent(
        self, directory: Path | str | bytes, master: MasterProgram | str, *options: str, **kw: Any
    ) -> AgentProgram:
        """Start an agent."""
        address = master if isinstance(master, str) else master.address
        program = AgentProgram(directory, address, *options, **kw)
        self.programs.append(program)
        return program

    def close(self) -> None:
        for program in self.programs:
            program.kill()


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """A stage that is cleared at the end."""
    it = Stage()
    try:
        yield it
    finally:
        it.close()

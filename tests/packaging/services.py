"""Agents as services of a test machine."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.packaging.machine import LIMIT, Machine, until
from tests.packaging.provision import ROOT

THIEF = Path(__file__).with_name("thief.py")


class Agent:
    """The instance of scout@.service for one directory. As a context it is started and stopped."""

    def __init__(
        self,
        machine: Machine,
        directory: str,
        *,
        start: bool = True,
        watchdog: int = 0,
        options: str = "",
    ) -> None:
        """`options` are lines of its own env file, `watchdog` seconds instead of the unit's."""
        self._machine = machine
        self._start = start
        self.directory = directory
        escape = ("systemd-escape", "--path", "--template=scout@.service", directory)
        self.unit = machine.run(*escape).stdout.strip()
        self.env_file = f"/etc/scout{directory}.env"
        if options:
            machine.write(self.env_file, options + "\n")
        if watchdog:
            machine.drop_in(self.unit, f"[Service]\nWatchdogSec={watchdog}\n")

    def __enter__(self) -> Self:
        if self._start:
            self._machine.systemctl("start", self.unit)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._machine.systemctl("stop", self.unit)

    def example(self, name: str) -> None:
        """Use a drop-in of packaging/examples."""
        text = (ROOT / "packaging" / "examples" / name).read_text()
        self._machine.drop_in(self.unit, text, name)

    # What is said about it

    def active(self) -> bool:
        """It runs, and said that it is ready."""
        return self._machine.show(self.unit, "ActiveState") == "active"

    def status(self) -> str:
        """What `systemctl status` prints."""
        return self._machine.systemctl("status", "--full", self.unit, check=False).stdout

    def client(self) -> dict[str, Any]:
        """What the master says about it."""
        clients = json.loads(self._machine.get("/clients"))["clients"]
        (client,) = (c for c in clients if c["directory"] == self.directory)
        return dict(client)

    def listed(self) -> list[str]:
        """The files that the master lists: this agent's, as long as no other one runs."""
        files = json.loads(self._machine.get("/files"))["files"]
        return [file["filename"] for file in files]

    # What is waited for

    def until_listed(self, *names: str) -> None:
        """Wait until the list has these of its files."""
        until(lambda: set(names) <= set(self.listed()), f"{names} in the list")

    def until_replaced(self, pid: int, limit: float = LIMIT) -> float:
        """Wait until another process has its place, and is ready. How many seconds that took."""
        began = time.monotonic()
        until(
            lambda: self._machine.main_pid(self.unit) not in (0, pid) and self.active(),
            "another process is ready",
            limit,
        )
        return time.monotonic() - began

    # How it fails

    def fails_for_good(self, code: int, hint: str) -> None:
        """Start it, see it end with `code`, stay so, and show a line with `hint`."""
        machine = self._machine
        assert machine.systemctl("start", self.unit, check=False).returncode != 0
        # A unit that waits for its next start would be activating.
        assert machine.show(self.unit, "ActiveState") == "failed"
        assert machine.show(self.unit, "ExecMainStatus") == str(code)
        assert machine.show(self.unit, "NRestarts") == "0"
        assert [line for line in self.status().splitlines() if hint in line and "scout:" in line]

    def fails_and_is_restarted(self, code: int) -> None:
        """Start it, and see it end with `code` and be started again."""
        machine = self._machine
        assert machine.systemctl("start", self.unit, check=False).returncode != 0
        until(lambda: int(machine.show(self.unit, "NRestarts")) >= 2, "it is started again")
        ends = machine.journal("-u", self.unit, "UNIT=" + self.unit, "EXIT_CODE=exited")
        assert all(f"status={code}/" in line for line in ends)
        assert ends

    @contextmanager
    def robbed(self) -> Iterator[None]:
        """Take its events away from it for a while."""
        command = [sys.executable, str(THIEF), str(self._machine.host_pid(self.unit))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as thief:
            try:
                assert thief.stdout is not None
                assert thief.stdout.readline() == "at work\n"
                yield
            finally:
                thief.kill()

"""A machine for a test: a real systemd as process 1, over a Debian that stays as it is.

It boots in well under a second, sees no other network than its own loopback, and leaves nothing
behind. Needs root; see `boot.sh` for how it is made.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.packaging.provision import CACHE, provided

RELEASES = {"12": CACHE / "debian12", "13": CACHE / "debian13"}
"""The systems that machines start from and packages are built in, made by install.sh."""

BOOT = Path(__file__).with_name("boot.sh")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

LIMIT = 30.0
"""Seconds that a condition may take to come true. It only bounds how long a failure takes."""

T = TypeVar("T")


def until(condition: Callable[[], T], what: str, limit: float = LIMIT) -> T:
    """The first true value of `condition`. Fails, saying `what` was awaited, after `limit` s."""
    deadline = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit:g} s: {what}; last: {value!r}")
        time.sleep(0.05)
    return value


def system(release: str) -> Path:
    """Where that release of Debian is. Skips the test, in CI fails, without it."""
    found = RELEASES[release]
    provided(found / "lib" / "systemd" / "systemd", f"a Debian {release}", "run install.sh as root")
    return found


class Failed(AssertionError):
    """A command inside ended with another exit code than expected."""


class Machine:
    """A booted machine. Close it, or use it as a context."""

    def __init__(self, release: str = "12") -> None:
        """Boot that release of Debian, and wait until the boot is over."""
        debian = system(release)
        began = time.monotonic()
        self._place = Path(tempfile.mkdtemp(prefix="scout-machine-"))
        self._cgroup = cgroup_root() / self._place.name
        self._cgroup.mkdir()
        with (self._place / "console").open("wb") as console:
            # The machine must not outlive this process, however that ends.
            self._outer = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL"]
                + ["bash", str(BOOT), str(debian), str(self._place), str(self._cgroup)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
            self._console = os.open(self._place / "console", os.O_RDONLY)
        try:
            self._init = until(self._find_init, "systemd becomes process 1")
            # Degraded is fine: what is about hardware can't work here.
            until(self._is_up, "the boot is over")
        except BaseException:
            self.close()
            raise
        self.boot_seconds = time.monotonic() - began

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # Commands and files

    def run(
        self, *command: str, check: bool = True, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside as root, with its output taken. `Failed` if it fails."""
        inside = ["nsenter", "-t", str(self._init), *"-m -p -u -i -n -C -r -w".split()]
        clean = ["env", "-i", f"PATH={PATH}", "LANG=C.UTF-8", "SYSTEMD_COLORS=0", "SYSTEMD_PAGER="]
        done = subprocess.run(
            [*inside, *clean, *command],
            text=True,
            errors="replace",
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
            **options,
        )
        if check and done.returncode:
            raise Failed(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def path(self, path: str) -> Path:
        """Where a path of the machine's root file system and its mounts is seen from here."""
        return Path(f"/proc/{self._init}/root{path}")

    def write(self, path: str, text: str) -> None:
        """Make a file inside, and the folders above it."""
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).write_text(text)

    def install(self, package: Path) -> None:
        """Install a Debian package, or upgrade to it."""
        shutil.copy(package, self.path("/srv"))
        self.run("dpkg", "--install", f"/srv/{package.name}")
        self.path(f"/srv/{package.name}").unlink()

    def get(self, path: str, port: int = 3001) -> str:
        """The answer to a GET of this machine's HTTP server."""
        return self.run(
            "curl", "--silent", "--fail-with-body", f"http://localhost:{port}{path}"
        ).stdout

    # systemd

    def systemctl(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run systemctl inside."""
        return self.run("systemctl", "--no-pager", *arguments, check=check)

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.systemctl("show", "--value", f"--property={name}", unit).stdout.strip()

    def main_pid(self, unit: str) -> int:
        """The main process of a unit, as numbered inside; 0 without one."""
        return int(self.show(unit, "MainPID"))

    def host_pid(self, unit: str) -> int:
        """The only process of a unit, as numbered outside."""
        cgroup = self._cgroup / self.show(unit, "ControlGroup").lstrip("/")
        return int((cgroup / "cgroup.procs").read_text())

    def signal(self, unit: str, number: signal.Signals) -> int:
        """Send a signal to the only process of a unit. Its id, as numbered inside."""
        pid = self.main_pid(unit)
        os.kill(self.host_pid(unit), number)
        return pid

    def drop_in(self, unit: str, text: str, name: str = "test.conf") -> None:
        """Change a unit as an administrator would."""
        self.write(f"/etc/systemd/system/{unit}.d/{name}", text)
        self.systemctl("daemon-reload")

    def journal(self, *arguments: str) -> list[str]:
        """The messages of the journal that match, oldest first."""
        self.run("journalctl", "--sync")
        lines = self.run("journalctl", "--no-pager", "--quiet", "--output=json", *arguments).stdout
        return [_text(json.loads(line)["MESSAGE"]) for line in lines.splitlines()]

    # Beginning and end

    def close(self) -> None:
        """End everything inside, and remove what it left outside."""
        end_cgroup(self._cgroup, self._outer)
        os.close(self._console)
        shutil.rmtree(self._place)

    def _find_init(self) -> int:
        """The process id, outside, of the machine's systemd; 0 until it is there."""
        if self._outer.poll() is not None:
            text = os.pread(self._console, 10_000, 0).decode(errors="replace")
            raise AssertionError(f"the machine did not start: {text}")
        pid = self._outer.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                return int(child)
        return 0

    def _is_up(self) -> bool:
        return self.systemctl("is-system-running", check=False).stdout.strip() in (
            "running",
            "degraded",
        )


def cgroup_root() -> Path:
    """The root of cgroup v2, on a host with or without the old hierarchies."""
    hybrid = Path("/sys/fs/cgroup/unified")
    return hybrid if hybrid.is_dir() else hybrid.parent


def end_cgroup(cgroup: Path, child: subprocess.Popen[bytes]) -> None:
    """End what runs in `cgroup`, of which `child` is our own process, and remove it."""
    (cgroup / "cgroup.kill").write_text("1")  # this tree and nothing else
    child.kill()  # if it has not joined the cgroup yet
    child.wait()
    until(lambda: "populated 0" in (cgroup / "cgroup.events").read_text(), "all have ended")
    for folder, _, _ in os.walk(cgroup, topdown=False):
        Path(folder).rmdir()


def _text(message: str | list[int]) -> str:
    """A message of the journal; one with bytes that are not text comes as numbers."""
    return message if isinstance(message, str) else bytes(message).decode(errors="replace")

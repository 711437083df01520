"""Images and containers for a test: podman with a storage of its own.

Containers run in a cell, which has its own mounts, cgroup and loopback network; whatever runs in it
ends with it. Needs root.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.packaging.machine import Failed, cgroup_root, end_cgroup, until
from tests.packaging.provision import CACHE, ROOT, provided

STORAGE = CACHE / "podman"

BASE = "docker.io/library/python:3.13-slim-trixie"
"""The image's base; a Debian with the same interpreter stands in for it."""

BASE_FILES = CACHE / "python-trixie.tar"

CELL = Path(__file__).with_name("cell.sh")


class Podman:
    """podman, buildah and crun with a storage in the cache. Close it, or use it as a context."""

    def __init__(self) -> None:
        """Make the cell, and the base if it is not in the storage yet."""
        self._podman = provided(shutil.which("podman"), "podman", "run install.sh as root")
        rootfs = provided(BASE_FILES, "the base of the image", "run install.sh as root")
        self._place = Path(tempfile.mkdtemp(prefix="scout-podman-"))
        # No cgroups and no limits beyond those that every root may set.
        (self._place / "containers.conf").write_text(
            '[containers]\ncgroups = "disabled"\n'
            'default_ulimits = ["nofile=8192:8192", "nproc=8192:8192"]\n'
            '[engine]\nevents_logger = "none"\n'
        )
        for state in ("run", "tmp"):
            # What a killed run left is as good as what was there before a reboot.
            shutil.rmtree(STORAGE / state, ignore_errors=True)
        self._cgroup = cgroup_root() / self._place.name
        self._cgroup.mkdir()
        self._cell = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "bash", str(CELL), str(self._cgroup)],
            stdin=subprocess.DEVNULL,
        )
        try:
            comm = Path(f"/proc/{self._cell.pid}/comm")
            until(lambda: comm.read_text() == "sleep\n", "the cell is made")
            if self.run("info", check=False).returncode:
                # Made by another version of podman, or in another place.
                shutil.rmtree(STORAGE)
            if self.run("image", "exists", BASE, check=False).returncode:
                self.run("import", "--quiet", str(rootfs), BASE)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def build(self, context: Path, tag: str, *options: str) -> None:
        """Build the image of `context`, on the host's network and with its ways to an index."""
        # Mounted for the steps of the build; none of it is in the image.
        borrowed = [p for p in ("/etc/ssl/certs", "/etc/pip.conf") if os.path.exists(p)]
        volumes = [f"--volume={path}:{path}:ro" for path in borrowed]
        self._run(
            [*self._command(), "build", "--isolation=chroot", "--pull=never", "--network=host"]
            # The format of OCI has no health checks.
            + ["--format=docker", f"--tag={tag}", *volumes, *options, str(context)],
            check=True,
        )

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman in the cell. `Failed` if it fails."""
        return self._run([*self._inside(), *self._command(), *arguments], check=check)

    def ask(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the host in the cell: on the network of its containers."""
        return self._run([*self._inside(), *command], check=check)

    def start(self, image: str, *command: str, options: tuple[str, ...] = ()) -> str:
        """Start a container as it is meant to run: read-only, without rights. Its id."""
        secure = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
        arguments = ["run", "--detach", "--network=host", *secure, *options, image, *command]
        return self.run(*arguments).stdout.strip()

    def stop(self, container: str) -> tuple[int, float]:
        """Send SIGTERM, and wait for the end. The exit code, and how many seconds it took."""
        began = time.monotonic()
        self.run("kill", "--signal=TERM", container)
        code = self.run("wait", container).stdout
        return int(code), time.monotonic() - began

    def inspect(self, image: str) -> dict[str, Any]:
        """What is known about an image."""
        (about,) = json.loads(self.run("image", "inspect", image).stdout)
        return dict(about)

    def logs(self, container: str) -> str:
        """What a container wrote."""
        done = self.run("logs", container)
        return done.stdout + done.stderr

    def close(self) -> None:
        """End all containers and remove them; the images stay for the next time."""
        if self._cell.poll() is None:
            self.run("rm", "--all", "--force", "--time=0", check=False)
            self.run("image", "prune", "--force", check=False)
        end_cgroup(self._cgroup, self._cell)
        shutil.rmtree(self._place)

    def _command(self) -> list[str]:
        return [
            str(self._podman),
            f"--root={STORAGE / 'root'}",
            f"--runroot={STORAGE / 'run'}",
            f"--tmpdir={STORAGE / 'tmp'}",
        ]

    def _inside(self) -> list[str]:
        return ["nsenter", "-t", str(self._cell.pid), "-m", "-n", "-C"]

    def _run(self, command: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            env={**os.environ, "CONTAINERS_CONF": str(self._place / "containers.conf")},
            cwd=ROOT,
            text=True,
            errors="replace",
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if check and done.returncode:
            raise Failed(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

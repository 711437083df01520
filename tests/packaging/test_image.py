"""The image, built from the Dockerfile and run as it is meant to be: read-only, without rights."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.images import BASE, Podman
from tests.packaging.machine import until
from tests.packaging.provision import CACHE, ROOT, provided

Figure = Callable[[str, str], None]

IMAGE = "localhost/scout:test"
STRANGER = "--user=12345:12345"


@pytest.fixture(scope="module")
def podman(root: None, figure: Figure) -> Iterator[Podman]:
    """podman, with the image built."""
    with Podman() as podman:
        podman.build(ROOT, IMAGE, "--build-arg=VERSION=0.test")
        size = podman.inspect(IMAGE)["Size"] / 1e6
        base = podman.inspect(BASE)["Size"] / 1e6
        figure("image", f"{size:.0f} MB, of which the base {base:.0f} MB")
        yield podman


@pytest.fixture(scope="module")
def master(podman: Podman) -> Iterator[str]:
    """A master, as the image starts it by itself."""
    container = podman.start(IMAGE)
    until(lambda: get(podman, "/-/healthy"), "the master answers")
    yield container
    podman.stop(container)


def get(podman: Podman, path: str) -> str:
    """What the master answers; empty if it does not."""
    url = f"http://localhost:3001{path}"
    return podman.ask("curl", "--silent", "--fail", url, check=False).stdout


def test_dockerfile_is_clean() -> None:
    """hadolint has no objection."""
    file = CACHE / "hadolint" / "bin" / "hadolint"
    hadolint = provided(file, "hadolint", "run tests/packaging/install.sh")
    done = subprocess.run(
        [str(hadolint), str(ROOT / "Dockerfile")], text=True, capture_output=True, check=False
    )
    assert done.stdout + done.stderr == ""


def test_it_is_nobodys_and_starts_the_master(podman: Podman) -> None:
    """A number for a user, no entry point, the master as command, labels, a health check."""
    about = podman.inspect(IMAGE)
    config = about["Config"]
    assert config["User"] == "65532:65532"
    assert config["Cmd"] == ["scoutmaster"]
    assert not config.get("Entrypoint")
    assert config["Labels"]["org.opencontainers.image.version"] == "0.test"
    assert about["HealthCheck" if "HealthCheck" in about else "Healthcheck"]["Test"][0] == "CMD"


def test_nothing_in_it_installs_or_compiles(podman: Podman) -> None:
    """No pip, no setuptools, no compiler; and nothing of the build is left."""
    find = ("find", "/", "-xdev", "(", "-name", "pip", "-o", "-name", "pip-*", "-o", "-name")
    more = ("setuptools*", "-o", "-name", "ensurepip", "-o", "-name", "gcc*", "-o", "-path")
    listing = podman.run("run", "--rm", "--user=0", IMAGE, *find, *more, "/tmp/*", ")")
    # Debian names a folder for licences and runtimes after the compiler.
    found = [line for line in listing.stdout.splitlines() if "/gcc" not in line]
    assert found == []
    assert podman.run("run", "--rm", IMAGE, "which", "gcc", "cc", check=False).stdout == ""
    assert podman.run("run", "--rm", IMAGE, "python", "-m", "pip", check=False).returncode == 1


def test_an_agent_of_a_foreign_user_reports_a_mounted_directory(
    podman: Podman, master: str, tmp_path: Path
) -> None:
    """Read-only, without capabilities; what is made on the host is listed, and what goes, goes."""
    watched = tmp_path / "parent" / "in box"
    watched.mkdir(parents=True)
    for folder in (tmp_path, watched.parent, watched):
        folder.chmod(0o755)
    (watched / "before").touch()
    parent = watched.parent
    agent = podman.start(
        *(IMAGE, "scout", "--directory", str(watched)),
        options=(STRANGER, f"--volume={parent}:{parent}:ro,rslave"),
    )

    def listed() -> list[str]:
        files = json.loads(get(podman, "/files"))["files"]
        return [file["filename"] for file in files]

    until(lambda: listed() == ["before"], "the file that was there")
    (watched / "made later").touch()
    until(lambda: listed() == ["before", "made later"], "the file that was made")
    # The directory is deleted and made again: the parent is mounted, so the agent sees the new one.
    shutil.rmtree(watched)
    watched.mkdir()
    watched.chmod(0o755)
    (watched / "again").touch()
    until(lambda: listed() == ["again"], "the file in the new directory")
    assert podman.run("healthcheck", "run", agent, check=False).returncode == 0
    code, _ = podman.stop(agent)
    assert code == 0
    assert listed() == []


def test_a_disk_that_is_not_there_yet_is_no_empty_directory(
    podman: Podman, master: str, tmp_path: Path
) -> None:
    """With --require-mount: what a container has mounted is the disk's parent, and not the disk."""
    disk = tmp_path / "parent" / "disk"
    disk.mkdir(parents=True)
    for folder in (tmp_path, disk.parent, disk):
        folder.chmod(0o755)
    parent = disk.parent
    # As a node's or a host's root is: the parent is no mount of its own there, but shared.
    subprocess.run(["mount", "--bind", str(parent), str(parent)], check=True)
    try:
        subprocess.run(["mount", "--make-shared", str(parent)], check=True)
        agent = podman.start(
            *(IMAGE, "scout", "--directory", str(disk), "--require-mount", "--poll-interval=200ms"),
            options=(STRANGER, f"--volume={parent}:{parent}:ro,rslave"),
        )

        def client() -> dict[str, Any]:
            clients = json.loads(get(podman, "/clients"))["clients"]
            return next((c for c in clients if c["directory"] == str(disk)), {})

        until(lambda: "nothing is mounted" in client().get("reason", ""), "the disk is missed")
        assert json.loads(get(podman, "/files"))["complete"] is False
        assert podman.stop(agent)[0] == 0
    finally:
        subprocess.run(["umount", "--lazy", str(parent)], check=True)


def test_it_stops_when_asked(podman: Podman, figure: Figure, tmp_path: Path) -> None:
    """Both programs end with 0 at SIGTERM, though nothing else runs that could pass it on."""
    tmp_path.chmod(0o755)
    master = podman.start(IMAGE, "scoutmaster", "--grpc=4000", "--http=4001", options=(STRANGER,))
    asked = ("curl", "--silent", "--fail", "http://localhost:4001/-/healthy")
    until(lambda: podman.ask(*asked, check=False).stdout, "the master answers")
    agent = podman.start(
        *(IMAGE, "scout", "--directory=/srv", "--master=localhost:4000"),
        options=(STRANGER, f"--volume={tmp_path}:/srv:ro"),
    )
    until(lambda: "watching" in podman.logs(agent), "the agent watches")
    for name, container in (("agent", agent), ("master", master)):
        code, seconds = podman.stop(container)
        assert code == 0, podman.logs(container)
        figure(f"container of the {name} stops", f"{seconds:.2f} s")


def test_health_check_follows_the_masters_options(podman: Podman) -> None:
    """It asks where the flags and the environment say, and fails where nobody answers."""
    options = ("--env=SCOUTMASTER_HTTP=127.0.0.1:5001",)
    container = podman.start(IMAGE, "scoutmaster", "--grpc", "5000", options=options)
    healthy = podman.run
    until(lambda: healthy("healthcheck", "run", container, check=False).returncode == 0, "healthy")
    podman.run("exec", container, "python", "-c", "import os, signal; os.kill(1, signal.SIGTERM)")
    podman.run("wait", container)


def test_an_agent_without_its_directory_is_well(
    podman: Podman, master: str, tmp_path: Path
) -> None:
    """Its health check asks for its liveness: another container would not find the directory."""
    watched = tmp_path / "watched"
    watched.mkdir()
    tmp_path.chmod(0o755)
    agent = podman.start(
        *(IMAGE, "scout", "--directory", str(watched), "--health=localhost:6000"),
        options=(f"--volume={tmp_path}:{tmp_path}:ro,rslave",),
    )

    def health() -> int:
        return podman.run("healthcheck", "run", agent, check=False).returncode

    def reason() -> str:
        clients = json.loads(get(podman, "/clients"))["clients"]
        return next(str(c["reason"]) for c in clients if c["directory"] == str(watched))

    until(lambda: health() == 0, "the agent is well")
    watched.rmdir()
    until(lambda: reason() == "the directory does not exist", "the master knows why")
    assert health() == 0
    # As it is, it comes back by itself; and it is not well if it does not answer.
    watched.mkdir()
    until(lambda: reason() == "", "the directory is back")
    process = int(podman.run("inspect", "--format={{.State.Pid}}", agent).stdout)
    os.kill(process, signal.SIGSTOP)
    assert health() != 0
    os.kill(process, signal.SIGCONT)
    assert podman.stop(agent)[0] == 0


def test_a_wrong_value_is_one_line_in_the_log(podman: Podman) -> None:
    """Where whoever runs containers looks first."""
    done = podman.run("run", "--rm", "--env=SCOUTMASTER_SETTLE=soon", IMAGE, check=False)
    assert done.returncode == 78
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("scoutmaster: ")]
    assert "SCOUTMASTER_SETTLE" in line
    assert "soon" in line

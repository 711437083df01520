"""The package on each release of Debian: built, installed, and both programs started there."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import scout
from tests.packaging.conftest import build_package
from tests.packaging.machine import Machine, until
from tests.packaging.services import Agent

Figure = Callable[[str, str], None]

PYTHONS = {"12": 11, "13": 13}
"""The minor version of Debian's Python, by release."""


class Built:
    """A release of Debian and the package that was built in it."""

    def __init__(self, release: str, package: Path) -> None:
        self.release = release
        self.package = package

    def field(self, name: str) -> str:
        """A field of the package's control file."""
        asked = ["dpkg-deb", "--field", str(self.package), name]
        return subprocess.run(asked, check=True, text=True, capture_output=True).stdout.strip()


@pytest.fixture(scope="module", params=PYTHONS, ids="debian{}".format)
def built(
    request: pytest.FixtureRequest, root: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Built]:
    """Built once; for Debian 12 it is the one that all other tests take."""
    if request.param == "12":
        yield Built("12", request.getfixturevalue("package"))
    else:
        place = tmp_path_factory.mktemp("debian")
        yield Built(request.param, build_package(request.param, place))


def test_it_depends_on_the_python_that_it_was_built_for(built: Built) -> None:
    """No other can load what is compiled in it."""
    minor = PYTHONS[built.release]
    wanted = [f"python3 (>= 3.{minor})", f"python3 (<< 3.{minor + 1})", f"python3.{minor}"]
    assert built.field("Depends").split(", ")[:3] == wanted


def test_its_version_tells_for_which_release_it_is(built: Built) -> None:
    """So two of them can lie in one archive, and the newer release's is the newer one."""
    assert built.field("Version") == f"{scout.__version__}-1~deb{built.release}"
    older = f"{scout.__version__}-1~deb{int(built.release) - 1}"
    compared = ["dpkg", "--compare-versions", built.field("Version"), "gt", older]
    assert subprocess.run(compared, check=False).returncode == 0


def test_both_programs_run_there_under_systemd_and_list_a_file(
    built: Built, figure: Figure
) -> None:
    """Installed by dpkg; with the units as they are, no drop-in, on the loopback."""
    with Machine(built.release) as machine:
        machine.install(built.package)
        assert machine.run("dpkg", "--verify", "scout").stdout == ""
        for check in (("scoutmaster", "--check"), ("scout", "--check", "--directory", "/srv")):
            machine.run(*check)
        machine.systemctl("start", "scoutmaster")
        agent = Agent(machine, "/srv/in box")
        machine.write("/srv/in box/first", "")
        verify = ("systemd-analyze", "verify", "--man=no", "scoutmaster.service", agent.unit)
        assert machine.run(*verify).stderr == ""
        machine.systemctl("start", agent.unit)
        machine.write("/srv/in box/a letter", "")

        def listed() -> list[str]:
            return [f["filename"] for f in json.loads(machine.get("/files"))["files"]]

        until(lambda: listed() == ["a letter", "first"], "the files are listed")
        machine.path("/srv/in box/first").unlink()
        until(lambda: listed() == ["a letter"], "the file is gone from the list")
        python = machine.run("readlink", "-f", "/opt/scout/bin/python").stdout.strip()
        assert python == f"/usr/bin/python3.{PYTHONS[built.release]}"
        machine.systemctl("stop", agent.unit, "scoutmaster")
        assert machine.systemctl("--plain", "--no-legend", "--failed").stdout == ""
        figure(f"boot of Debian {built.release}", f"{machine.boot_seconds:.2f} s")


def test_a_package_of_another_release_is_refused_and_says_why(built: Built) -> None:
    """Instead of two programs that can't load their libraries."""
    other = "13" if built.release == "12" else "12"
    with Machine(other) as machine:
        machine.path("/srv/scout.deb").write_bytes(built.package.read_bytes())
        done = machine.run("dpkg", "--install", "/srv/scout.deb", check=False)
        assert done.returncode != 0
        assert f"python3.{PYTHONS[built.release]}" in done.stderr

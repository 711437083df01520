"""What several tests of packaging share: packages, machines, and the figures at the end."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.packaging.machine import Machine
from tests.packaging.provision import ROOT, provided

SOURCES = ("CHANGELOG.md", "LICENSE", "packaging", "requirements.txt", "scout", "scoutmaster")
"""What a package is made of."""

NEXT = "999.0"
"""The version of the package that comes after the present one."""

FIGURES = pytest.StashKey[dict[str, str]]()


@pytest.fixture(scope="session")
def root() -> None:
    """Skip without root; in CI, where nothing may be skipped, fail."""
    if os.geteuid() != 0:
        reason = "needs root, for namespaces and mounts"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def figure(pytestconfig: pytest.Config) -> Callable[[str, str], None]:
    """Call with a name and a value that the end of the run shall show."""
    return pytestconfig.stash.setdefault(FIGURES, {}).__setitem__


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show what was measured."""
    figures = config.stash.get(FIGURES, {})
    if figures:
        terminalreporter.section("figures")
    for name, value in figures.items():
        terminalreporter.write_line(f"{name}: {value}")


def build_package(sources: Path, target: Path) -> Path:
    """Build the Debian package of `sources`."""
    provided(shutil.which("dpkg-deb"), "dpkg-deb", "packages are built on Debian")
    done = subprocess.run(
        [str(sources / "packaging" / "deb" / "build"), str(target)],
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package, built from this tree."""
    return build_package(ROOT, tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def next_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a later version."""
    place = tmp_path_factory.mktemp("next")
    sources = place / "sources"
    sources.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name)
        else:
            shutil.copy(ROOT / name, sources / name)
    with (sources / "scout" / "__init__.py").open("a") as module:
        module.write(f'\n__version__ = "{NEXT}"\n')
    return build_package(sources, place)


@pytest.fixture
def clean_machine(root: None) -> Iterator[Machine]:
    """A machine of its own, without the package."""
    with Machine() as machine:
        yield machine


@pytest.fixture(scope="session")
def machine(root: None, package: Path, figure: Callable[[str, str], None]) -> Iterator[Machine]:
    """A machine with the package installed and the master started."""
    with Machine() as machine:
        figure("boot of the machine", f"{machine.boot_seconds:.2f} s")
        machine.install(package)
        machine.systemctl("start", "scoutmaster")
        yield machine

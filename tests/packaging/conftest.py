"""What several tests of packaging share: packages, machines, and the figures at the end."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.need import need
from tests.packaging.machine import Machine, system
from tests.packaging.provision import ROOT

SOURCES = (
    *("CHANGELOG.md", "LICENSE", "Makefile", "packaging", "requirements.txt", "scout"),
    "scoutmaster",
)
"""What a package is made of."""

NEXT = "999.0"
"""The version of the package that comes after the present one."""

INSIDE = Path(__file__).with_name("inside.sh")

FIGURES = pytest.StashKey[dict[str, str]]()


@pytest.fixture(scope="session")
def root() -> None:
    """Skip without root; in CI, where nothing may be skipped, fail."""
    need("root", "mounting", "network namespaces")


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


def build_package(release: str, place: Path, version: str = "") -> Path:
    """Build the Debian package of this tree, or of a later version, in that release of Debian."""
    sources = place / "sources"
    sources.mkdir()
    without = shutil.ignore_patterns("__pycache__")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=without)
        else:
            shutil.copy(ROOT / name, sources / name)
    if version:
        with (sources / "scout" / "__init__.py").open("a") as module:
            module.write(f'\n__version__ = "{version}"\n')
    done = subprocess.run(
        ["bash", str(INSIDE), str(system(release)), str(place), "packaging/deb/build ../out"],
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (package,) = (place / "out").glob("*.deb")
    return package


@pytest.fixture(scope="session")
def package(root: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package, built from this tree."""
    return build_package("12", tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def next_package(root: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a later version."""
    return build_package("12", tmp_path_factory.mktemp("next"), NEXT)


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

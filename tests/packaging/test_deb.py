"""The Debian package: what is in it, and installing, upgrading, removing and purging it."""

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import scout.agent.config
import scoutmaster.config
from scout.process.options import WISHES, Manual
from tests.packaging.conftest import NEXT
from tests.packaging.machine import Machine, until
from tests.packaging.provision import provided
from tests.packaging.services import Agent

Figure = Callable[[str, str], None]

MANUALS = [scout.agent.config.MANUAL, scoutmaster.config.MANUAL]


@pytest.fixture(scope="module")
def content(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, unpacked."""
    folder = tmp_path_factory.mktemp("content") / "root"
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(folder)], check=True)
    return folder


class TestContent:
    """What is in the package."""

    def test_nothing_tells_where_it_was_built(self, content: Path) -> None:
        """Neither the folder of the sources nor that of the build."""
        for file in content.rglob("*"):
            if file.is_file() and not file.is_symlink():
                data = file.read_bytes()
                assert b"/home/builder" not in data, file
                assert b"/tmp/tmp." not in data, file

    def test_what_an_administrator_edits_is_configuration(self, content: Path) -> None:
        """An upgrade asks before it replaces any of it."""
        inside = [f"/{f.relative_to(content)}" for f in (content / "etc").rglob("*") if f.is_file()]
        assert sorted(inside) == (content / "DEBIAN" / "conffiles").read_text().split()

    def test_every_source_is_compiled(self, content: Path) -> None:
        """The services could not do it: they may not write there."""
        for source in (content / "opt" / "scout").rglob("*.py"):
            (compiled,) = (source.parent / "__pycache__").glob(f"{source.stem}.cpython-*.pyc")
            # Unchecked: bit 0 for "by hash", and not bit 1, "compare the source".
            assert compiled.read_bytes()[4:8] == b"\x01\x00\x00\x00"

    def test_there_is_no_installer_in_it(self, content: Path) -> None:
        """What the programs need and nothing else."""
        site = next((content / "opt" / "scout" / "lib").glob("python3.*/site-packages"))
        assert not (site / "pip").exists()
        assert not (site / "setuptools").exists()
        names = sorted(f.name for f in (content / "opt" / "scout" / "bin").iterdir())
        assert names == ["python", "scout", "scoutmaster"]

    @pytest.mark.parametrize("manual", MANUALS, ids=lambda m: m.program)
    def test_manual_page_is_clean_and_whole(self, content: Path, manual: Manual) -> None:
        """mandoc has no objection, and each option is there as --help has it."""
        mandoc = provided(Path("/usr/bin/mandoc"), "mandoc", "run install.sh as root")
        packed = content / "usr" / "share" / "man" / "man8" / f"{manual.program}.8.gz"
        page = gzip.decompress(packed.read_bytes())
        lint = subprocess.run(
            [str(mandoc), "-T", "lint", "-W", "warning"],
            input=page,
            capture_output=True,
            check=False,
        )
        assert lint.stdout == b""
        shown = subprocess.run(
            [str(mandoc), "-T", "utf8", "-O", "width=500"],
            input=page,
            capture_output=True,
            check=True,
        )
        # A terminal makes a letter bold by printing it twice.
        text = subprocess.run(["col", "-bx"], input=shown.stdout, capture_output=True, check=True)
        words = text.stdout.decode()
        for option in manual.options:
            assert option.usage in words
            assert option.variable in words
            assert " ".join(option.help.split()).split("  ")[0] in words
        for code, meaning in manual.exit_codes:
            assert str(code) in words
            assert meaning[1:] in words

    @pytest.mark.parametrize("manual", MANUALS, ids=lambda m: m.program)
    def test_completion_knows_each_flag(self, content: Path, manual: Manual) -> None:
        """And the values of those that have a choice."""
        flags = [option.flag for option in manual.options] + list(WISHES)
        assert complete(content, manual.program, "") == flags
        assert complete(content, manual.program, "--log-l") == ["--log-level"]
        levels = ["debug", "info", "warning", "error"]
        assert complete(content, manual.program, "--log-level", "") == levels
        assert complete(content, manual.program, "--log-level", "=") == levels
        assert complete(content, manual.program, "--log-level", "=", "w") == ["warning"]

    def test_completion_finds_directories_with_spaces(self, content: Path, tmp_path: Path) -> None:
        """A name with a space is one."""
        (tmp_path / "in box").mkdir()
        (tmp_path / "in file").touch()
        found = complete(content, "scout", "--directory", f"{tmp_path}/i")
        assert found == [f"{tmp_path}/in box"]


def complete(content: Path, program: str, *words: str) -> list[str]:
    """What bash offers in place of the last of the words."""
    file = content / "usr" / "share" / "bash-completion" / "completions" / program
    script = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; };'
        '_"$1"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", str(file), program, *words],
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def files(machine: Machine) -> set[str]:
    """Every path of the machine's disk, but for what dpkg, systemd and users' numbers leave."""
    found = machine.run("find", "/", "-xdev", "-not", "-type", "s").stdout.splitlines()
    passing = ("/var/lib/dpkg", "/var/log", "/var/cache", "/var/lib/systemd", "/root", "/etc/.pwd")
    backups = {f"/etc/{name}-" for name in ("passwd", "group", "shadow", "gshadow")}
    return {path for path in found if not path.startswith(passing)} - backups


def test_installing_starts_and_enables_nothing(clean_machine: Machine, package: Path) -> None:
    """What runs on which host is for the administrator to say."""
    machine = clean_machine
    machine.install(package)
    assert machine.show("scoutmaster", "ActiveState") == "inactive"
    assert machine.show("scoutmaster", "UnitFileState") == "disabled"
    assert machine.systemctl("--plain", "--no-legend", "list-units", "scout@*").stdout == ""
    assert machine.run("dpkg", "--verify", "scout").stdout == ""


def test_programs_run_for_everyone(clean_machine: Machine, package: Path) -> None:
    """As a user without rights, who sees both in the PATH."""
    machine = clean_machine
    machine.install(package)
    for program in ("scout", "scoutmaster"):
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        version = machine.run(*nobody, program, "--version").stdout
        assert version == f"{program} {scout.__version__}\n"


def test_an_upgrade_brings_all_that_runs_back(
    clean_machine: Machine, package: Path, next_package: Path, figure: Figure
) -> None:
    """The master and five agents run the next version, the list is whole, settings are kept."""
    machine = clean_machine
    machine.install(package)
    defaults = machine.path("/etc/default/scoutmaster")
    defaults.write_text(defaults.read_text() + "SCOUTMASTER_EXPECT_CLIENTS=5\n")
    machine.systemctl("start", "scoutmaster")
    names = ["one", "two", "three", "in box", "a-b"]
    agents = [Agent(machine, f"/srv/{name}") for name in names]
    for name, agent in zip(names, agents, strict=True):
        machine.write(f"/srv/{name}/letter to {name}", "")
        machine.systemctl("enable", "--now", agent.unit)
    # One that fails at the moment of the upgrade must not stop it.
    missing = Agent(machine, "/srv/missing")
    machine.systemctl("start", missing.unit, check=False)
    services = ["scoutmaster.service", *(agent.unit for agent in agents)]
    whole = json.loads(machine.get("/files"))["files"]
    assert [f["filename"] for f in whole] == sorted(f"letter to {name}" for name in names)
    before = [machine.main_pid(unit) for unit in services]

    machine.install(next_package)

    after = [machine.main_pid(unit) for unit in services]
    assert 0 not in after
    assert not set(before) & set(after)
    until(lambda: json.loads(machine.get("/files"))["complete"], "the list is complete")
    assert json.loads(machine.get("/files"))["files"] == whole
    clients = json.loads(machine.get("/clients"))["clients"]
    assert [client["version"] for client in clients] == [NEXT] * 5
    assert "EXPECT_CLIENTS=5" in defaults.read_text()
    machine.systemctl("stop", missing.unit)


def test_removing_stops_everything_and_purging_leaves_nothing(
    clean_machine: Machine, package: Path
) -> None:
    """Between the two, only the settings are there."""
    machine = clean_machine
    before = files(machine)
    machine.install(package)
    machine.systemctl("enable", "--now", "scoutmaster")
    agent = Agent(machine, "/srv", options="SCOUT_HOST=other")
    machine.write("/srv-too/file", "")
    machine.path("/etc/scout/directories").write_text("/srv-too\n")
    machine.systemctl("enable", "--now", agent.unit, "scout")
    pids = [machine.main_pid(unit) for unit in ("scoutmaster", agent.unit, "scout")]

    machine.run("dpkg", "--remove", "scout")

    assert not [pid for pid in pids if machine.path(f"/proc/{pid}").exists()]
    wants = "/etc/systemd/system/multi-user.target.wants"
    assert files(machine) - before == {
        *("/etc/default/scout", "/etc/default/scoutmaster", "/etc/scout", "/etc/scout/srv.env"),
        *("/etc/scout/directories", "/srv-too", "/srv-too/file"),
        *(f"{wants}/{unit}.service" for unit in ("scoutmaster", "scout@srv", "scout")),
    }
    # Installed again, it is as it was.
    machine.install(package)
    units = ("scoutmaster", agent.unit, "scout")
    assert machine.systemctl("is-enabled", *units).stdout == 3 * "enabled\n"

    machine.run("dpkg", "--purge", "scout")

    assert files(machine) - before == {"/srv-too", "/srv-too/file"}
    assert machine.systemctl("--plain", "--no-legend", "--failed").stdout == ""

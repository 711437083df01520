"""A test whose tools are missing is skipped and names them; in CI it fails."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import need

TESTS = Path(__file__).parents[1]

EVERYWHERE = {"bash", "dpkg", "dpkg-deb", "env", "sh", "sleep", "true"}
"""Programs of Debian's essential packages that tests start."""

ESSENTIAL = {"util-linux"}
"""Such a package that is in the list all the same: other systems have it under other names."""

OF_PACKAGING = {
    "col": "bsdextrautils",
    "curl": "curl",
    "podman": "podman",
    "prometheus": "prometheus",
}
"""Which package has a program that only tests/packaging starts."""


@pytest.fixture
def minimal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without programs, and not in CI."""
    monkeypatch.setattr(need, "find", lambda _: None)
    monkeypatch.delenv("CI", raising=False)
    return monkeypatch


def test_what_is_missing_skips_a_test_and_is_named_with_the_way_to_get_it(
    minimal: pytest.MonkeyPatch,
) -> None:
    minimal.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(pytest.skip.Exception) as skipped:
        need.need("root", "bindfs", "ip", "bindfs")
    assert str(skipped.value) == (
        "needs root: run it with sudo; bindfs: apt-get install bindfs; ip: apt-get install iproute2"
    )


def test_in_ci_nothing_may_be_missing(minimal: pytest.MonkeyPatch) -> None:
    minimal.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="apt-get install bindfs"):
        need.need("bindfs")


def test_what_is_there_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(need, "find", lambda program: f"/usr/bin/{program}")
    need.need("ip", "bindfs")


CARELESS = """
import subprocess
import pytest
from tests import need
need.search_path = lambda: "/nowhere"

@pytest.fixture
def mounted():
    subprocess.run(["bindfs"])

def test_with_a_fixture(mounted): pass
def test_by_itself(): subprocess.run(["bindfs"])
def test_about_a_file(): open("/nowhere/bindfs")
"""


def test_a_program_that_a_test_forgot_to_ask_for_is_named_all_the_same(tmp_path: Path) -> None:
    """The same sentence and no traceback; but a file that is missing is a defect."""
    (tmp_path / "conftest.py").write_text("from tests.conftest import *")
    (tmp_path / "test_it.py").write_text(CARELESS)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", str(tmp_path)],
        env=environment | {"PYTHONPATH": str(TESTS.parent), "PATH": "/nowhere"},
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=False,
    )
    assert "SKIPPED [2]" in done.stdout
    assert "needs bindfs: apt-get install bindfs" in done.stdout
    assert "1 failed, 2 skipped" in done.stdout


COMMAND_LINES = {("subprocess", "run"), ("subprocess", "Popen"), ("self", "_run")}
"""Who takes a whole command line, which may be made elsewhere in the module."""


def started(tree: ast.AST) -> set[str]:
    """The programs that a module names as the first word of a command line, or looks for."""
    found = set()
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        what, whose = getattr(call.func, "attr", ""), getattr(call.func, "value", None)
        owner = getattr(whose, "id", "")
        lines = [k.value for k in call.keywords if k.arg == "prefix"]
        for argument in call.args[:1]:
            plain = what in ("run", "Popen") and isinstance(argument, ast.List)
            made = (owner, what) in COMMAND_LINES and not isinstance(argument, ast.Constant)
            # The latter with a program of this machine (`images.Podman`).
            word = (owner, what) in (("shutil", "which"), ("podman", "ask"))
            lines += [argument] if plain or made or word else []
        for line in lines:
            found |= first_words(line, tree)
    return found


def first_words(line: ast.AST | None, tree: ast.AST) -> set[str]:
    """What may be the first word of a command line, as far as its own module tells."""
    match line:
        case ast.Constant(value=str(word)):
            return {word}
        case ast.List(elts=[first, *_]) | ast.Tuple(elts=[first, *_]):
            return first_words(first, tree)
        case ast.Starred(value=inner) | ast.BinOp(left=inner):
            return first_words(inner, tree)
        case ast.Name(id=name):
            values = [
                it.value
                for it in ast.walk(tree)
                if isinstance(it, ast.Assign)
                and any(isinstance(to, ast.Name) and to.id == name for to in it.targets)
                and isinstance(it.value, ast.List | ast.Tuple)
            ]
            return set().union(*(first_words(it, tree) for it in values))
        case ast.Call(func=ast.Attribute(attr=name)):
            returned = [
                it.value
                for function in ast.walk(tree)
                if isinstance(function, ast.FunctionDef) and function.name == name
                for it in ast.walk(function)
                if isinstance(it, ast.Return) and isinstance(it.value, ast.List)
            ]
            return set().union(*(first_words(it, tree) for it in returned))
    return set()


def starts(*, packaging: bool) -> dict[str, str]:
    """Program -> a file that starts it, in tests/packaging or everywhere else."""
    return {
        program: str(file.relative_to(TESTS))
        for file in TESTS.rglob("*.py")
        if ("packaging" in file.parts) == packaging
        for program in started(ast.parse(file.read_bytes()))
        # What begins with a hyphen comes after a program that only its variable tells.
        if not program.startswith(("scout", "-")) and program not in EVERYWHERE
    }


def test_every_program_that_a_test_starts_has_its_package_in_the_list() -> None:
    """So `.ci/run` installs it and `need` can name it. tests/packaging has its own installer."""
    found = starts(packaging=False)
    assert {"bindfs", "git", "unshare"} <= found.keys()
    assert {it: found[it] for it in found if it not in need.PACKAGES} == {}


def test_every_program_that_a_test_of_packaging_starts_is_installed_before() -> None:
    """By its own installer, from Debian's packages, unless each Debian has it."""
    installers = [TESTS / "packaging" / it for it in ("install.sh", "install-charts.sh")]
    text = "".join(it.read_text() for it in installers)
    listed = re.findall(r"^for package in (.*); do$", text, re.MULTILINE)
    installed = {*" ".join(listed).split(), *re.findall(r'missing="\$missing ([^ "$]+)"', text)}
    packages = need.PACKAGES | OF_PACKAGING
    found = starts(packaging=True)
    assert {"col", "curl", "mount", "nsenter", "podman", "prometheus"} <= found.keys()
    assert {it: found[it] for it in found if packages.get(it) not in installed | ESSENTIAL} == {}

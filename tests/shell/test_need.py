"""A test whose tools are missing is skipped and names them; in CI it fails."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import need

TESTS = Path(__file__).parents[1]

EVERYWHERE = {"bash", "sh", "sleep", "true"}
"""Programs of Debian's essential packages that tests start."""


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


def started(tree: ast.AST) -> set[str]:
    """The programs that a test names as the first word of a command line."""
    found = set()
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        lists = [a for a in call.args[:1] if getattr(call.func, "attr", "") in ("run", "Popen")]
        lists += [k.value for k in call.keywords if k.arg == "prefix"]
        for words in lists:
            if isinstance(words, ast.List) and isinstance(words.elts[0], ast.Constant):
                found.add(str(words.elts[0].value))
    return found


def test_every_program_that_a_test_starts_has_its_package_in_the_list() -> None:
    """So `.ci/run` installs it and `need` can name it. tests/packaging has its own installer."""
    unknown = {
        f"{file.relative_to(TESTS)}: {program}"
        for file in TESTS.rglob("*.py")
        if "packaging" not in file.parts
        for program in started(ast.parse(file.read_bytes()))
        if not program.startswith("scout") and program not in EVERYWHERE | need.PACKAGES.keys()
    }
    assert unknown == set()

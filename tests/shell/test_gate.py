"""The gate's own rule: what is checked in is as it was, or it fails. Its steps do nothing here."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.need import need

ROOT = Path(__file__).parents[2]

NOBODY = 65534

Gate = Callable[[Path, str], subprocess.CompletedProcess[str]]


def clean() -> dict[str, str]:
    """The environment without what whoever runs the tests has set up for git."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_CONFIG_GLOBAL": "/dev/null"}


def git(where: Path, *words: str) -> None:
    """git, as somebody of no fame."""
    who = ["-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "safe.directory=*"]
    subprocess.run(["git", *who, *words], cwd=where, env=clean(), check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with the gate and one more file."""
    need("git")
    where = tmp_path / "in box"
    (where / "tests").mkdir(parents=True)
    shutil.copytree(ROOT / ".ci", where / ".ci")
    (where / "tests" / "need.py").write_text("print()\n")  # nothing is missing
    (where / "file").write_text("as it was\n")
    git(where, "init", "--quiet")
    git(where, "add", ".")
    git(where, "commit", "--quiet", "--message=All")
    return where


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Runs the gate of a clone, where `make` is another command of the shell."""
    tools = tmp_path / "tools"
    tools.mkdir()

    def run(where: Path, make: str) -> subprocess.CompletedProcess[str]:
        (tools / "make").write_text(f"#!/bin/sh\n{make}\n")
        (tools / "make").chmod(0o755)
        return subprocess.run(
            ["bash", where / ".ci" / "run"],
            env=clean() | {"PATH": f"{tools}:{os.environ['PATH']}"},
            text=True,
            capture_output=True,
            check=False,
        )

    return run


def holds(gate: Gate, where: Path) -> None:
    """The gate passes what stays as it is, and names what does not."""
    well = gate(where, "true")
    assert (well.returncode, well.stderr) == (0, "")
    assert "all well" in well.stdout
    ill = gate(where, "echo another >file")
    assert ill.returncode == 1
    assert " M file" in ill.stdout
    assert "changed by the checks" in ill.stderr


def test_a_file_that_a_check_changed_fails_the_gate(clone: Path, gate: Gate) -> None:
    holds(gate, clone)


def test_it_does_so_in_a_further_work_tree_too(clone: Path, gate: Gate) -> None:
    """Where `.git` is a file."""
    git(clone, "worktree", "add", "--quiet", "../another")
    holds(gate, clone.parent / "another")


def test_it_does_so_in_the_clone_of_another_user_too(clone: Path, gate: Gate) -> None:
    """Which git does not read by itself."""
    need("root")
    for path in (clone, *clone.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    holds(gate, clone)


def test_what_git_can_not_read_is_said_before_all_the_rest(clone: Path, gate: Gate) -> None:
    shutil.rmtree(clone / ".git")
    done = gate(clone, "echo a step ran")
    assert done.returncode == 1
    assert ".ci/run: git can't read this folder as a clone" in done.stderr
    assert "a step ran" not in done.stdout


def test_a_gate_that_can_not_ask_git_at_the_end_fails(clone: Path, gate: Gate) -> None:
    done = gate(clone, "rm -f .git/HEAD")
    assert done.returncode != 0
    assert "all well" not in done.stdout

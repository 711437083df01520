"""The way into a program: what comes out of `main`, as a real process shows it."""

import os
import signal
import subprocess
import sys

import pytest

from scout import errors
from scout.errors import ScoutError
from tests.shell.commands import ROOT

BRANCHES = [
    (errors.UsageError, 64),
    (errors.DirectoryMissing, 66),
    (errors.MasterUnavailable, 69),
    (errors.AddressInUse, 69),
    (errors.ScoutError, 70),
    (errors.OutputFailed, 74),
    (errors.Claimed, 75),
    (errors.ProtocolError, 76),
    (errors.NoPermission, 77),
    (errors.ConfigError, 78),
]


def program(body: str) -> subprocess.CompletedProcess[str]:
    """A program whose `main` is `body`, run to its end."""
    code = (
        "import os, signal, sys\nfrom scout import errors\nfrom scout.process.entry import enter\n"
        f"def main():\n    {body}\nsys.exit(enter('prog', main))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code], text=True, capture_output=True, cwd=ROOT, check=False
    )


@pytest.mark.parametrize(("kind", "code"), BRANCHES)
def test_an_error_is_one_line_and_its_exit_code(kind: type[ScoutError], code: int) -> None:
    done = program(f"raise errors.{kind.__name__}('it failed', '/a b', 'mend it')")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == "prog: it failed: /a b; mend it\n"


def test_every_error_has_its_place_in_the_tree() -> None:
    """Each is drawn with its exit code at the top of the module."""
    for kind, code in BRANCHES:
        assert f"{kind.__name__} " in f"{errors.__doc__}"
        assert str(code) in f"{errors.__doc__}"
    assert {kind for kind, _ in BRANCHES} == {ScoutError, *ScoutError.__subclasses__()}


def test_what_main_returns_is_the_exit_code() -> None:
    assert program("return 3").returncode == 3


def test_a_bug_shows_its_traceback_and_ends_with_70() -> None:
    done = program("raise RuntimeError('unforeseen')")
    assert done.returncode == 70
    assert "Traceback" in done.stderr
    assert "RuntimeError: unforeseen" in done.stderr


def test_ctrl_c_before_anything_runs_is_no_traceback() -> None:
    done = program(
        # A shell starts what runs in the background with SIGINT ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler); "
        "os.kill(os.getpid(), signal.SIGINT); return 0"
    )
    assert (done.returncode, done.stderr) == (128 + signal.SIGINT, "")


def test_what_an_error_is_about_may_be_any_bytes() -> None:
    error = errors.DirectoryMissing("gone", b"/new\nline\xff", "look\tthere")
    assert str(error) == r"gone: /new\nline\udcff; look\tthere"
    assert error.on == os.fsdecode(b"/new\nline\xff")


def test_an_error_may_leave_out_what_is_not_known() -> None:
    assert str(ScoutError("it failed")) == "it failed"
    assert str(ScoutError("it failed", hint="try again")) == "it failed; try again"

"""Programs that are started with standard input, output or error closed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shell.commands import LIMIT, ROOT, run

ALL = ("<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- 2>&-", "<&- >&- 2>&-")


def without(redirections: str) -> list[str]:
    """What runs the words that follow without some descriptors."""
    return ["sh", "-c", f'exec "$@" {redirections}', "sh"]


@pytest.mark.parametrize("redirections", ALL)
@pytest.mark.parametrize("program", ["scout", "scoutmaster"])
@pytest.mark.parametrize(("argument", "code"), [("--version", 0), ("--help", 0), ("--bogus", 64)])
def test_what_is_closed_changes_no_exit_code(
    program: str, redirections: str, argument: str, code: int
) -> None:
    assert run(program, argument, prefix=without(redirections)).code == code


@pytest.mark.parametrize("redirections", ALL)
def test_an_error_ends_with_its_code_whatever_is_closed(redirections: str, tmp_path: Path) -> None:
    """Also once the log was set up."""
    argv = ("--directory", str(tmp_path), "--master", "127.0.0.1:1")
    assert run("scout", *argv, prefix=without(redirections)).code == 69


def descriptors(code: str, redirections: str) -> str:
    """What a program that runs `code` first of all writes to descriptor 9."""
    reader, writer = os.pipe()
    body = (
        "import os, socket, sys\n"
        f"{code}\n"
        "from scout.process import standard\n"
        "standard.occupy()\n"
        "it = socket.socket()\n"
        "print('lost'); print('lost', file=sys.stderr)\n"
        "where = [os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in (0, 1, 2)]\n"
        f"os.write({writer}, repr([it.fileno() > 2, *where]).encode())\n"
    )
    argv = [*without(redirections), sys.executable, "-c", body]
    subprocess.run(argv, cwd=ROOT, check=False, timeout=LIMIT, pass_fds=[writer])
    os.close(writer)
    with os.fdopen(reader) as pipe:
        return pipe.read()


def test_no_socket_gets_the_number_of_standard_error() -> None:
    """Else whatever is written there, by a library or a dying interpreter, goes to a peer."""
    null = "'/dev/null', '/dev/null', '/dev/null'"
    assert descriptors("", "<&- >&- 2>&-") == f"[True, {null}]"


def test_without_a_null_device_no_socket_gets_it_either() -> None:
    got = descriptors("os.devnull = '/nonexistent/null'", "<&- >&- 2>&-")
    assert got == "[True, 'pipe', 'pipe', 'pipe']"


def test_what_is_open_is_left_alone() -> None:
    got = descriptors("", "</dev/zero >&- 2>/dev/zero")
    assert got == "[True, '/dev/zero', '/dev/null', '/dev/zero']"


@pytest.mark.parametrize("program", ["scout", "scoutmaster"])
def test_a_full_disk_under_the_output_is_said_and_ends_with_74(program: str) -> None:
    ended = run(program, "--help", prefix=without(">/dev/full"))
    assert ended.code == 74
    why = "can't write to standard output: No space left on device"
    assert ended.complaint() == f"{program}: {why}"


@pytest.mark.parametrize("program", ["scout", "scoutmaster"])
def test_a_complaint_that_nobody_takes_changes_no_exit_code(program: str) -> None:
    assert run(program, "--bogus", prefix=without("2>/dev/full")).code == 64


def test_a_check_is_printed_in_any_locale(tmp_path: Path) -> None:
    """A path may hold what the locale has no letter for."""
    directory = tmp_path / "\u0444\u0430\u0439\u043b"
    directory.mkdir()
    environ = {"PYTHONIOENCODING": "latin-1"}
    ended = run("scout", "--check", "--directory", str(directory), environ=environ)
    assert (ended.code, ended.err) == (0, "")
    assert r"\u0444" in ended.out

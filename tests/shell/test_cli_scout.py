"""Starts of the agent that can't succeed: one clear line, the right exit code, no traceback."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scout import __version__
from tests.need import need
from tests.shell.commands import POWERLESS, ROOT, run

TMP = "/tmp"


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        ([], ("--directory DIR", "MONITOR_DIR")),
        (["--directory", "relative/path"], ("--directory", "'relative/path'", "absolute")),
        (["--directory", ""], ("--directory", "''", "absolute")),
        (["--directory"], ("--directory DIR", "--help")),
        (["--directory", TMP, "--master", "nonsense"], ("--master", "'nonsense'", "HOST:PORT")),
        (["--directory", TMP, "--master", "localhost:0"], ("--master", "'localhost:0'")),
        (["--directory", TMP, "--master", "localhost:65536"], ("--master", "'localhost:65536'")),
        (["--directory", TMP, "--poll-interval", "5"], ("--poll-interval", "'5'", "500ms, 5s")),
        (["--directory", TMP, "--poll-interval", "0s"], ("--poll-interval", "'0s'")),
        (["--directory", TMP, "--scan-timeout", "soon"], ("--scan-timeout", "'soon'")),
        (["--directory", TMP, "--health", "x"], ("--health", "'x'", "ADDRESS:PORT")),
        (["--directory", TMP, "--log-level", "loud"], ("--log-level", "'loud'", "debug, info")),
        (["--directory", TMP, "--host", "a\nb"], ("--host", "printable")),
        (["--directory", TMP, "--poll-only=perhaps"], ("--poll-only", "'perhaps'", "yes or on")),
        (["--directory", TMP, "--frobnicate"], ("unknown option", "'--frobnicate'", "--help")),
        (["--direct", TMP], ("unknown option", "'--direct'", "did you mean --directory?")),
        (["--directory", TMP, "--poll-only", "yes"], ("'yes'", "--poll-only=yes")),
        (["--check=yes"], ("no value is expected", "'--check=yes'", "--check")),
        ([TMP], ("unexpected argument", "'/tmp'")),
    ],
)
def test_a_wrong_command_line_ends_with_64(argv: list[str], parts: tuple[str, ...]) -> None:
    ended = run("scout", *argv)
    line = ended.complaint()
    assert (ended.code, line.startswith("scout: ")) == (64, True)
    for part in parts:
        assert part in line


@pytest.mark.parametrize(
    ("environ", "parts"),
    [
        ({"MONITOR_DIR": ""}, ("MONITOR_DIR", "''", "absolute")),
        ({"MONITOR_DIR": "tmp"}, ("MONITOR_DIR", "'tmp'", "absolute")),
        ({"MONITOR_DIR": TMP, "SCOUT_MASTER_ADDRESS": ""}, ("SCOUT_MASTER_ADDRESS", "''")),
        ({"MONITOR_DIR": TMP, "SCOUT_MASTER_ADDRESS": "3000"}, ("SCOUT_MASTER_ADDRESS", "'3000'")),
        ({"MONITOR_DIR": TMP, "SCOUT_POLL_INTERVAL": "5"}, ("SCOUT_POLL_INTERVAL", "'5'")),
        ({"MONITOR_DIR": TMP, "SCOUT_POLL_ONLY": "maybe"}, ("SCOUT_POLL_ONLY", "'maybe'")),
        ({"MONITOR_DIR": TMP, "SCOUT_METRICS": "::1"}, ("SCOUT_METRICS", "'::1'")),
        ({"MONITOR_DIR": TMP, "SCOUT_LOG_FORMAT": "xml"}, ("SCOUT_LOG_FORMAT", "'xml'", "json")),
        ({"MONITOR_DIR": TMP, "SCOUT_HOST": "web-1 "}, ("SCOUT_HOST", "'web-1 '", "blank")),
        ({"MONITOR_DIR": TMP, "SCOUT_HOST": '"web-1"'}, ("SCOUT_HOST", "web-1", "quotes")),
        ({"MONITOR_DIR": TMP, "SCOUT_HOST": "web-1\r"}, ("SCOUT_HOST", "carriage return")),
        ({"MONITOR_DIR": TMP, "SCOUT_POLL_INTERVAL": "5s\r"}, ("'5s\\r'", "carriage return")),
        ({"MONITOR_DIR": TMP, "SCOUT_POLL_ONLY": "yes "}, ("'yes '", "blank")),
        ({"MONITOR_DIR": f'"{TMP}"'}, ("MONITOR_DIR", "quotes")),
        ({"MONITOR_DIR": TMP, "SCOUT_MASTER_ADDRESS": "m:1\r"}, ("'m:1\\r'", "carriage return")),
        ({"MONITOR_DIR": TMP, "SCOUT_MASTER_ADDRESS": "'m:1'"}, ("HOST:PORT", "quotes")),
        ({"MONITOR_DIR": TMP, "SCOUT_HEALTH": "4000", "SCOUT_METRICS": "4000"}, ("differ", "4000")),
        (
            {"MONITOR_DIR": TMP, "SCOUT_HEALTH": "4000", "SCOUT_METRICS": "127.0.0.1:4000"},
            ("differ",),
        ),
    ],
)
def test_a_wrong_variable_ends_with_78(environ: dict[str, str], parts: tuple[str, ...]) -> None:
    ended = run("scout", environ=environ)
    line = ended.complaint()
    assert ended.code == 78
    for part in parts:
        assert part in line


@pytest.mark.parametrize("check", [["--check"], []])
def test_a_missing_directory_ends_with_66(tmp_path: Path, check: list[str]) -> None:
    ended = run("scout", *check, "--directory", str(tmp_path / "gone"))
    assert "does not exist" in ended.complaint()
    assert ended.code == 66


@pytest.mark.parametrize("check", [["--check"], []])
def test_a_file_in_place_of_the_directory_ends_with_66(tmp_path: Path, check: list[str]) -> None:
    (tmp_path / "file").touch()
    ended = run("scout", *check, "--directory", str(tmp_path / "file"))
    assert "not a directory" in ended.complaint()
    assert ended.code == 66


@pytest.mark.parametrize("path", ["file/below", "loop", "x" * 300])
def test_a_path_that_cannot_lead_anywhere_ends_with_66(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    ended = run("scout", "--directory", str(tmp_path / path))
    assert str(tmp_path) in ended.complaint()
    assert ended.code == 66


@pytest.mark.parametrize("check", [["--check"], []])
@pytest.mark.parametrize("mode", [0o000, 0o400, 0o100, 0o200])
def test_a_directory_that_cannot_be_read_and_searched_ends_with_77(
    tmp_path: Path, check: list[str], mode: int
) -> None:
    """To list the names takes r, to look at the entries takes x."""
    directory = tmp_path / "closed"
    directory.mkdir(mode=mode)
    ended = run("scout", *check, "--directory", str(directory), prefix=POWERLESS)
    line = ended.complaint()
    assert "no permission" in line
    assert str(directory) in line
    assert ended.code == 77


def test_a_directory_below_one_that_is_closed_ends_with_77(tmp_path: Path) -> None:
    (tmp_path / "closed" / "in").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o600)
    ended = run("scout", "--directory", str(tmp_path / "closed" / "in"), prefix=POWERLESS)
    (tmp_path / "closed").chmod(0o700)
    assert "no permission" in ended.complaint()
    assert ended.code == 77


def test_a_master_that_is_down_ends_with_69(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen: connections are refused
        master = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run("scout", "--directory", str(tmp_path), "--master", master)
    line = ended.complaint()
    assert master in line
    assert ended.code == 69


def test_a_master_that_is_silent_ends_with_69_in_the_time_that_it_is_given(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        master = f"127.0.0.1:{silent.getsockname()[1]}"
        ended = run(
            "scout", "--directory", str(tmp_path), "--master", master, "--start-timeout", "200ms"
        )
    assert master in ended.complaint()
    assert ended.code == 69


def test_a_master_whose_name_is_not_known_ends_with_69(tmp_path: Path) -> None:
    """Names below .invalid never resolve (RFC 6761)."""
    master = "scoutmaster.invalid:3000"
    ended = run("scout", "--directory", str(tmp_path), "--master", master, "--start-timeout", "2s")
    assert master in ended.complaint()
    assert ended.code == 69


def test_a_check_says_what_is_valid_and_needs_no_master(tmp_path: Path) -> None:
    ended = run("scout", "--check", "--directory", str(tmp_path), "--master", "localhost:1")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("scout: ")
    assert ended.out.count("\n") == 1
    assert str(tmp_path) in ended.out
    assert "localhost:1" in ended.out


def test_a_check_of_several_directories_tells_which_are_not_there(tmp_path: Path) -> None:
    file = tmp_path / "directories"
    file.write_text(f"{tmp_path}\n{tmp_path}/gone\n")
    ended = run("scout", "--check", "--directories-from", str(file))
    assert (ended.code, ended.err) == (0, "")
    wrong, right = ended.out.splitlines()
    assert wrong.startswith(f"scout: the directory does not exist: {tmp_path}/gone")
    assert "2 directories for localhost:3000" in right


def test_a_check_of_several_directories_refuses_what_the_start_would(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    for name, code in (("link", 78), ("gone", 66)):
        first = tmp_path / ("lost" if name == "gone" else "")
        ended = run("scout", "--check", f"--directory={first}", f"--directory={tmp_path / name}")
        assert ended.code == code
        assert str(tmp_path) in ended.complaint()


@pytest.mark.parametrize("check", [[], ["--check"]])
@pytest.mark.parametrize(
    "host", ["a?b", "a%41", "127.1", "[1.2.3.4]", "m\u00fcller", os.fsdecode(b"\xff"), "a b"]
)
def test_what_is_no_host_is_refused_by_the_check_as_by_the_start(
    host: str, check: list[str]
) -> None:
    """gRPC would read some of these as something else, and fail on others with a traceback."""
    ended = run("scout", *check, "--directory", TMP, "--master", f"{host}:3000")
    assert (ended.code, "HOST:PORT" in ended.complaint()) == (64, True)


@pytest.mark.parametrize("option", ["--host", "--health", "--log-level", "--bogus"])
@pytest.mark.parametrize("program", ["scout", "scoutmaster"])
def test_bytes_that_are_no_text_end_with_64(program: str, option: str) -> None:
    ended = run(program, option, b"\xff\xfe")
    assert (ended.code, ended.complaint().startswith(f"{program}: ")) == (64, True)


def test_bytes_that_are_no_text_in_the_environment_end_with_78() -> None:
    environ = {"MONITOR_DIR": TMP, "SCOUT_HOST": os.fsdecode(b"\xff")}
    ended = run("scout", "--check", environ=environ)
    assert (ended.code, "printable" in ended.complaint()) == (78, True)


@pytest.mark.parametrize("name", [b" web ", b"a\xffb"])
def test_a_host_whose_own_name_cannot_be_used_is_told_so(name: bytes) -> None:
    """Whoever may set it may set it to any bytes (sethostname(2))."""
    need("root", "unshare")
    octal = "".join(f"\\{byte:03o}" for byte in name)
    script = f"printf '{octal}' >/proc/sys/kernel/hostname; exec \"$@\""
    prefix = ["unshare", "--uts", "sh", "-ec", script, "sh"]
    ended = run("scout", "--check", "--directory", TMP, prefix=prefix)
    assert (ended.code, "set --host" in ended.complaint()) == (78, True)
    assert run("scout", "--check", "--directory", TMP, "--host=a", prefix=prefix).code == 0


def test_a_long_value_is_not_repeated_in_full() -> None:
    ended = run("scout", "--directory", "x" * 100_000)
    assert (ended.code, len(ended.complaint()) < 1000) == (64, True)


def test_a_directory_with_a_carriage_return_is_named_as_such(tmp_path: Path) -> None:
    """A path may end in anything, so it is looked for; but that it does is worth a word."""
    ended = run("scout", "--check", environ={"MONITOR_DIR": f"{tmp_path}\r"})
    assert (ended.code, "carriage return" in ended.complaint()) == (66, True)
    (tmp_path / "a ").mkdir()
    assert run("scout", "--check", environ={"MONITOR_DIR": f"{tmp_path}/a "}).code == 0


def test_a_check_prints_one_line_whatever_the_directory_is_called(tmp_path: Path) -> None:
    directory = os.fsencode(tmp_path) + b"/new\nline \xff\x1b[31m"
    os.mkdir(directory)
    ended = run("scout", "--check", "--directory", directory)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out[:-1].isprintable()


def test_a_complaint_is_one_line_whatever_the_directory_is_called(tmp_path: Path) -> None:
    ended = run("scout", "--directory", os.fsencode(tmp_path) + b"/new\nline \xff\x1b[31m")
    assert r"new\nline" in ended.complaint()
    assert ended.code == 66


def test_empty_variables_count_as_not_set(tmp_path: Path) -> None:
    """A line `SCOUT_HOST=` in a file of variables is no mistake."""
    empty = dict.fromkeys(["SCOUT_HOST", "SCOUT_POLL_INTERVAL", "SCOUT_HEALTH"], "")
    assert run("scout", "--check", "--directory", str(tmp_path), environ=empty).code == 0


def test_the_version_is_the_package_version() -> None:
    assert run("scout", "--version").out == f"scout {__version__}\n"


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_is_the_manual(flag: str) -> None:
    ended = run("scout", flag)
    assert (ended.code, ended.err) == (0, "")
    for part in ("MONITOR_DIR", "SCOUT_MASTER_ADDRESS", "localhost:3000", "exit codes:", "75"):
        assert part in ended.out


def test_a_reader_of_the_manual_may_leave_early() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "scout", "--help"],
        stdout=write,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        check=False,
    )
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 0


@pytest.mark.parametrize("package", ["scout.agent", "scoutmaster"])
def test_a_wrong_command_line_is_refused_without_loading_grpc(package: str) -> None:
    """Start-up time: gRPC alone takes longer to load than all that is needed to say no."""
    code = (
        f"import sys; sys.argv[1:] = ['--frobnicate']; import {package}.cli as cli; "
        "code = cli.main(); sys.exit('grpc' in sys.modules or code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=False)
    assert done.returncode == 64

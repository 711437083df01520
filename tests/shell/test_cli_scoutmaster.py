"""Starts of the master that can't succeed: one clear line, the right exit code, no traceback."""

import itertools
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scout import __version__
from tests.need import need
from tests.shell.commands import POWERLESS, run

NOBODY = """
import encodings.idna, os, socket, subprocess, sys
from pathlib import Path
import scoutmaster.cli, scoutmaster.serve
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")
holder = socket.create_server(("127.0.0.1", 80))
os.setresuid(65534, 65534, 65534)
sys.exit(scoutmaster.cli.main())
"""
"""A master of a user without rights, on a host where port 80 needs none and is taken."""

FREE = ["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        (["--grpc", "http"], ("--grpc", "'http'", "ADDRESS:PORT")),
        (["--grpc", "65536"], ("--grpc", "'65536'")),
        (["--http", "::1:3001"], ("--http", "'::1:3001'", "[::1]:3000")),
        (["--health-interval", "2"], ("--health-interval", "'2'", "500ms, 5s")),
        (["--health-timeout", "-1s"], ("--health-timeout", "'-1s'")),
        (["--unhealthy-limit", "0"], ("--unhealthy-limit", "'0'", "from 1")),
        (["--settle", "-1s"], ("--settle", "'-1s'")),
        (["--expect-clients", "many"], ("--expect-clients", "'many'")),
        (["--max-clients", "0"], ("--max-clients", "'0'")),
        (["--http-threads", "1.5"], ("--http-threads", "'1.5'")),
        (["--port", "3000"], ("unknown option", "'--port'", "scoutmaster --help")),
    ],
)
def test_a_wrong_command_line_ends_with_64(argv: list[str], parts: tuple[str, ...]) -> None:
    ended = run("scoutmaster", *argv)
    line = ended.complaint()
    assert (ended.code, line.startswith("scoutmaster: ")) == (64, True)
    for part in parts:
        assert part in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCOUTMASTER_GRPC", "nonsense"),
        ("SCOUTMASTER_HEALTH_INTERVAL", "2"),
        ("SCOUTMASTER_MAX_FILES", "-1"),
        ("SCOUTMASTER_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_variable_ends_with_78(name: str, value: str) -> None:
    ended = run("scoutmaster", environ={name: value})
    line = ended.complaint()
    assert name in line
    assert repr(value) in line
    assert ended.code == 78


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        (["--health-timeout", "2s"], ("--health-timeout", "--health-interval")),
        (["--health-interval", "500ms"], ("--health-timeout", "--health-interval")),
        (["--expect-clients", "11", "--max-clients", "10"], ("--expect-clients", "--max-clients")),
        (["--grpc", "3000", "--http", "3000"], ("--grpc", "--http")),
    ],
)
def test_settings_that_contradict_each_other_end_with_78(
    argv: list[str], parts: tuple[str, ...]
) -> None:
    ended = run("scoutmaster", *argv)
    line = ended.complaint()
    assert ended.code == 78
    for part in parts:
        assert part in line


@pytest.mark.parametrize("option", ["--grpc", "--http"])
def test_an_address_in_use_ends_with_69(option: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        argv = dict(zip(FREE[::2], FREE[1::2], strict=True)) | {option: address}
        ended = run("scoutmaster", *(word for pair in argv.items() for word in pair))
    line = ended.complaint()
    assert f"{address}; another program listens there; see {option}" in line
    assert ended.code == 69


@pytest.mark.parametrize("check", [[], ["--check"]])
@pytest.mark.parametrize("option", ["--grpc", "--http"])
def test_an_address_of_another_host_ends_with_69(option: str, check: list[str]) -> None:
    """192.0.2.0/24 belongs to documentation, never to a host (RFC 5737)."""
    argv = dict(zip(FREE[::2], FREE[1::2], strict=True)) | {option: "192.0.2.1:3000"}
    ended = run("scoutmaster", *check, *(word for pair in argv.items() for word in pair))
    line = ended.complaint()
    assert f"192.0.2.1:3000; this host has no such address; see {option}" in line
    assert ended.code == 69


@pytest.mark.parametrize("check", [[], ["--check"]])
@pytest.mark.parametrize("option", ["--grpc", "--http"])
def test_a_port_that_needs_rights_ends_with_77(option: str, check: list[str]) -> None:
    """By what the kernel says, not by who we are: root may lack the capability."""
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) < 1024:
        pytest.skip("no port needs rights here")
    argv = dict(zip(FREE[::2], FREE[1::2], strict=True)) | {option: "127.0.0.1:1023"}
    words = [word for pair in argv.items() for word in pair]
    ended = run("scoutmaster", *check, *words, prefix=POWERLESS)
    line = ended.complaint()
    assert f"127.0.0.1:1023; choose a {option} port above 1023" in line
    assert ended.code == 77


@pytest.mark.parametrize("option", ["--grpc", "--http"])
def test_a_low_port_that_anybody_may_have_can_be_in_use(option: str) -> None:
    """In a container, most often: no port needs rights there, and the master is not root."""
    need("root", "network namespaces", "ip")
    argv = dict(zip(FREE[::2], FREE[1::2], strict=True)) | {option: "127.0.0.1:80"}
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", NOBODY, *itertools.chain(*argv.items())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"127.0.0.1:80; another program listens there; see {option}" in done.stderr
    assert done.returncode == 69


def test_a_check_says_what_is_valid_and_opens_nothing() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        ended = run("scoutmaster", "--check", "--grpc", address)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("scoutmaster: ")
    assert ended.out.count("\n") == 1
    assert address in ended.out


def test_the_defaults_are_a_valid_configuration() -> None:
    assert run("scoutmaster", "--check").code == 0


def test_the_version_is_the_package_version() -> None:
    assert run("scoutmaster", "--version").out == f"scoutmaster {__version__}\n"


def test_help_is_the_manual() -> None:
    ended = run("scoutmaster", "--help")
    assert (ended.code, ended.err) == (0, "")
    for part in ("--grpc ADDRESS", "SCOUTMASTER_HTTP", "default: 3001", "exit codes:"):
        assert part in ended.out

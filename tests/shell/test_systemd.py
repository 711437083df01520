"""What is told to systemd, through a real datagram socket."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scout.process import systemd


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The service manager's end of the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as it:
        it.bind(str(tmp_path / "notify"))
        it.settimeout(30.0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield it


def test_each_state_is_one_datagram(manager: socket.socket) -> None:
    systemd.ready()
    systemd.watchdog()
    systemd.stopping()
    assert [manager.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_a_status_cannot_smuggle_in_another_assignment(manager: socket.socket) -> None:
    """A newline separates assignments (sd_notify(3)), and a file name may hold one."""
    systemd.status("watching /tmp/a\nREADY=1")
    assert manager.recv(100).count(b"\n") == 0


def test_a_status_with_undecodable_bytes_is_still_told(manager: socket.socket) -> None:
    systemd.status("watching " + os.fsdecode(b"/tmp/\xff ") + "größer шире")
    assert manager.recv(100).endswith(" größer шире".encode())


def test_an_abstract_socket_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"scout-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.settimeout(30.0)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        systemd.ready()
        assert manager.recv(100) == b"READY=1"


def test_a_manager_that_is_gone_is_no_reason_to_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    systemd.ready()


def fill() -> int:
    """Fill its queue, which is bounded (net.unix.max_dgram_qlen). How many it holds at most."""
    queue = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    for _ in range(queue + 10):
        systemd.watchdog()
    return queue


def test_a_manager_that_does_not_read_holds_nobody_up(manager: socket.socket) -> None:
    """Neither with what is told again and again, nor with what is told once."""
    fill()
    begun = time.monotonic()
    systemd.ready()
    systemd.status("watching")
    systemd.stopping()
    assert time.monotonic() - begun < 1.0
    assert manager.recv(100) == b"WATCHDOG=1"


def test_what_a_busy_manager_did_not_take_is_told_when_it_reads(manager: socket.socket) -> None:
    """In order, and of each kind the newest: it may have missed that we are ready."""
    fill()
    systemd.ready()
    for text in ("one", "two", "three"):
        systemd.status(text)
    systemd.stopping()
    told: list[bytes] = []
    while not told or told[-1] != b"STOPPING=1":
        told.append(manager.recv(100))
    assert [it for it in told if it != b"WATCHDOG=1"] == [
        b"READY=1", b"STATUS=three", b"STOPPING=1"
    ]  # fmt: skip
    systemd.status("after")
    assert manager.recv(100) == b"STATUS=after"


def test_a_start_that_goes_on_asks_for_more_time(manager: socket.socket) -> None:
    systemd.extend(1.5)
    assert manager.recv(100) == b"EXTEND_TIMEOUT_USEC=1500000"


def test_without_a_manager_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd.ready()


@pytest.mark.parametrize(
    ("microseconds", "pid", "seconds"),
    [
        ("30000000", None, 30.0),
        ("500000", "mine", 0.5),
        ("30000000", "1", None),
        (None, None, None),
        ("", None, None),
        ("soon", None, None),
        ("0", None, None),
    ],
)
def test_the_watchdog_is_fed_only_if_this_very_process_is_watched(
    monkeypatch: pytest.MonkeyPatch,
    microseconds: str | None,
    pid: str | None,
    seconds: float | None,
) -> None:
    """The variables are inherited by children; 0 turns it off (sd_watchdog_enabled(3))."""
    values = {
        "WATCHDOG_USEC": microseconds,
        "WATCHDOG_PID": str(os.getpid()) if pid == "mine" else pid,
    }
    for name, value in values.items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert systemd.watchdog_interval() == seconds

"""The agent, put together: what it tells systemd while it starts."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scout.agent import config
from scout.agent.host import Host
from scout.agent.inspect import look

MORE = b"EXTEND_TIMEOUT_USEC=60000000"


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The service manager's end of the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as it:
        it.bind(str(tmp_path / "notify"))
        it.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "30000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        yield it


def host(directory: Path) -> Host:
    _, settings = config.read(["--directory", str(directory), "--log-level=error"], {})
    assert settings is not None
    return Host(settings, [look(os.fsencode(directory))])


async def told(manager: socket.socket) -> bytes:
    async with asyncio.timeout(30.0):
        return await asyncio.get_running_loop().sock_recv(manager, 4096)


async def test_a_start_that_makes_progress_may_take_as_long_as_it_takes(
    tmp_path: Path, manager: socket.socket
) -> None:
    """A first scan of more than TimeoutStartSec would be ended, and begin again for ever."""
    it = host(tmp_path)
    it.agents[0].liveness.expect("poller", 1000.0, time.monotonic())
    feeding = asyncio.create_task(it._feed_watchdog())
    for _ in range(3):
        assert {await told(manager), await told(manager)} <= {MORE, b"WATCHDOG=1"}
    feeding.cancel()


async def test_a_start_that_is_stuck_is_ended(
    tmp_path: Path, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = host(tmp_path)
    looks = 0

    def stuck(now: float) -> dict[str, float]:
        nonlocal looks
        looks += 1
        return {"poller": 1.0}

    monkeypatch.setattr(it.agents[0].liveness, "stuck", stuck)
    feeding = asyncio.create_task(it._feed_watchdog())
    async with asyncio.timeout(30.0):
        while looks < 5:
            await asyncio.sleep(0.01)
    feeding.cancel()
    said: list[bytes] = []
    try:
        while True:
            said.append(manager.recv(4096))
    except BlockingIOError:
        pass
    assert said[0] == MORE  # before anything was looked at
    assert not {MORE, b"WATCHDOG=1"} & set(said[1:])


async def test_a_bug_in_one_of_several_agents_ends_all_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also at the start, where the others would wait for ever for its answer."""
    directories = [tmp_path / "a", tmp_path / "b"]
    for directory in directories:
        directory.mkdir()
    _, settings = config.read([f"--directory={it}" for it in directories], {})
    assert settings is not None
    it = Host(settings, [look(os.fsencode(directory)) for directory in directories])

    async def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(it.agents[1].reporter, "run", broken)
    async with asyncio.timeout(30.0):
        with pytest.raises(ZeroDivisionError):
            await it.live()

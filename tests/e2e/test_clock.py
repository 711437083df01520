"""The time of day is set, back and forth, while both programs run: nothing depends on it."""

import http.client
import subprocess
from pathlib import Path

import pytest

from tests.e2e.processes import LIMIT, MasterProgram, Stage, wait_until
from tests.need import need


class Clock:
    """The time of day of programs that are started with `env`; what is monotonic stays true."""

    def __init__(self, tmp_path: Path) -> None:
        self._file = tmp_path / "clock"
        self.set("+0")
        asked = ["faketime", "-m", "--exclude-monotonic", "-f", "+0", "printenv", "LD_PRELOAD"]
        preload = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
        self.env = {
            "LD_PRELOAD": preload,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset: str) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(offset + "\n")
        new.replace(self._file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    need("faketime")
    return Clock(tmp_path)


def hour_of(master: MasterProgram) -> str:
    """The hour that the master's answers name."""
    return master.get("/-/healthy")[1]["date"].split()[4][:2]


@pytest.mark.parametrize("offset", ["-1h", "+3h"])
def test_neither_list_nor_readers_suffer_when_the_clock_is_set(
    stage: Stage, tmp_path: Path, clock: Clock, offset: str
) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    (watched / "a").touch()
    master = stage.master("--http-connections=5", env=clock.env)
    agent = stage.agent(watched, master, env=clock.env)
    wait_until(lambda: master.names() == ["a"])
    held = [http.client.HTTPConnection("127.0.0.1", master.http, timeout=LIMIT) for _ in range(4)]
    used = []
    for connection in held:
        connection.request("GET", "/-/healthy")
        assert connection.getresponse().read() == b"alive\n"
        used.append(connection.sock)
    before = hour_of(master)
    clock.set(offset)
    wait_until(lambda: hour_of(master) != before)
    for connection, its in zip(held, used, strict=True):
        connection.request("GET", "/-/healthy")
        assert connection.getresponse().read() == b"alive\n"
        assert connection.sock is its  # http.client would connect anew without a word
    (watched / "b").touch()
    wait_until(lambda: master.names() == ["a", "b"])
    assert master.files()["complete"] is True
    fifth = http.client.HTTPConnection("127.0.0.1", master.http, timeout=LIMIT)
    fifth.request("GET", "/-/healthy")
    fifth.getresponse().read()
    assert master.names() == ["a", "b"]  # at the limit: room is made for this one
    assert "unhealthy" not in master.log
    assert "lost the master" not in agent.log
    for connection in (*held, fifth):
        connection.close()

"""How long connections last, by a clock that nobody sets; the time of day may jump."""

import http.client
import time
from collections.abc import Callable

import pytest

from scout.process import connection as rules
from tests.e2e.processes import wait_until
from tests.shell.web_client import LIMIT, Site, ask, serving

HOUR = 3600.0

REQUEST = b"GET /files HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time of day of this process forward by some seconds, or back."""
    true = time.time

    def set_clock(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: true() + seconds)

    return set_clock


def keep(site: Site) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=LIMIT)
    assert ask(connection, "/-/healthy").status == 200
    return connection


@pytest.mark.parametrize("back", [HOUR, 24 * HOUR])
def test_room_is_made_though_the_clock_was_set_back(
    jump: Callable[[float], None], back: float
) -> None:
    with serving(connections=5, still=1.0) as site:
        held = [keep(site) for _ in range(5)]
        jump(-back)
        assert site.ask("/files").status == 200
        for connection in held:
            connection.close()


def test_a_connection_in_use_is_kept_though_the_clock_jumps_forward(
    jump: Callable[[float], None],
) -> None:
    """Waitress would close what was silent for two minutes of the time of day."""
    with serving(connections=5) as site:
        held = [keep(site) for _ in range(5)]
        used = [it.sock for it in held]
        jump(+HOUR)
        with site.connect() as waiting:
            waiting.sendall(REQUEST)
            for connection, its in zip(held, used, strict=True):
                assert ask(connection, "/-/healthy").status == 200
                assert connection.sock is its
            for connection in held:
                connection.close()
            assert waiting.recv(12) == b"HTTP/1.1 200"


def test_the_server_ends_promptly_though_the_clock_was_set_back(
    jump: Callable[[float], None],
) -> None:
    site = Site()
    keep(site).close()
    jump(-HOUR)
    begun = time.monotonic()
    site.server.close()
    assert time.monotonic() - begun < 5.0
    assert not site.server._thread.is_alive()


def test_the_date_of_an_answer_is_the_time_of_day(jump: Callable[[float], None]) -> None:
    jump(-HOUR)
    with serving() as site:
        date = site.ask("/files").headers["date"]
        assert date.endswith("GMT")
        before = time.strftime("%d %b %Y %H", time.gmtime(time.time()))
        assert before in date or time.strftime("%d %b %Y %H", time.gmtime(time.time())) in date


def test_one_byte_now_and_then_does_not_hold_a_connection_where_others_wait() -> None:
    """Its request has to come in the time in which another must show that it lives."""
    with serving(connections=1, still=0.5) as site, site.connect() as slow:
        for byte in b"GET /files HT":
            slow.send(bytes([byte]))
        with site.connect() as waiting:
            waiting.sendall(REQUEST)
            waiting.settimeout(0.05)
            answer = b""
            for _ in range(int(LIMIT / 0.05)):
                try:
                    answer = waiting.recv(12)
                    break
                except TimeoutError:
                    slow.send(b"x")
            assert answer == b"HTTP/1.1 200"


def test_half_a_request_is_answered_with_408_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though there is room, and a byte comes now and then."""
    monkeypatch.setattr(rules, "REQUEST_SECONDS", 0.5)
    with serving() as site, site.connect() as slow:
        slow.sendall(b"GET /files HTTP/1.1\r\nHost: x")
        assert slow.recv(12) == b"HTTP/1.1 408"
        assert site.refused == {408: 1}


def test_half_a_body_is_answered_with_408_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "REQUEST_SECONDS", 0.5)
    with serving() as site, site.connect() as slow:
        slow.sendall(b"GET /files HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell")
        assert slow.recv(12) == b"HTTP/1.1 408"


def test_a_line_too_many_behind_a_request_begins_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some clients end a body so; 408 would come unasked, and be taken for the next answer."""
    monkeypatch.setattr(rules, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(rules, "UNUSED_SECONDS", 2.0)
    with serving() as site, site.connect() as unused:
        unused.sendall(REQUEST.replace(b"/files", b"/-/healthy") + b"\r\n")
        answer = unused.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b"alive\n")
    assert not site.refused


def test_a_connection_that_nobody_uses_is_closed_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "UNUSED_SECONDS", 0.5)
    with serving() as site, site.connect() as unused:
        assert unused.recv(1) == b""
        connection = keep(site)
        assert connection.sock.recv(1) == b""
        wait_until(lambda: not site.server._server.active_channels)
        connection.close()

"""What is answered on the loop's own thread, and what is not."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from scout.process.connection import Connection
from scoutmaster import render
from scoutmaster.core.view import ClientRow
from scoutmaster.web import FEW, SHORT
from tests.shell.web_client import LIMIT, Desk, Site, serving, view_of

PLAIN = {"Accept_Encoding": "identity"}


class SlowDesk(Desk):
    """Gives the clients when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = threading.Event(), threading.Event()

    def clients(self) -> tuple[ClientRow, ...]:
        self.asked.set()
        assert self.go_on.wait(LIMIT)
        return super().clients()


@contextmanager
def busy() -> Iterator[tuple[Site, SlowDesk]]:
    """A server whose only thread has its hands full."""
    desk = SlowDesk()
    with serving(threads=1, desk=desk) as site, site.connect() as who:
        who.sendall(request("/clients"))
        assert desk.asked.wait(LIMIT)
        try:
            yield site, desk
        finally:
            desk.go_on.set()
        assert b"healthy" in read(who)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads that sent something, in order."""
    names: list[str] = []
    send = Connection.send

    def noted(self: Connection, data: bytes, *, do_close: bool = True) -> int:
        names.append(threading.current_thread().name)
        sent: int = send(self, data, do_close=do_close)
        return sent

    monkeypatch.setattr(Connection, "send", noted)
    return names


def request(path: str, *fields: str) -> bytes:
    """A GET of `path`."""
    return "".join(f"{it}\r\n" for it in (f"GET {path} HTTP/1.1", "Host: x", *fields, "")).encode()


def read(it: socket.socket, count: int = 1) -> bytes:
    """What comes until `count` answers with a Content-Length are whole."""
    got = b""
    while True:
        rest, whole = got, 0
        while b"\r\n\r\n" in rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
            if len(rest) < size:
                break
            rest, whole = rest[size:], whole + 1
        if whole == count:
            return got
        data = it.recv(65536)
        assert data
        got += data


def test_a_short_answer_needs_no_thread_that_is_free() -> None:
    with busy() as (site, desk):
        answer = site.ask("/files", **PLAIN)
        assert answer.status == 200
        tag = answer.headers["etag"]
        assert site.ask("/files", If_None_Match=tag, **PLAIN).status == 304
        assert site.ask("/-/healthy").status == site.ask("/-/ready").status == 200
        desk.trouble = "ill"
        assert site.ask("/-/healthy").status == site.ask("/files", **PLAIN).status == 503


def test_a_long_list_that_is_known_needs_no_thread_that_is_free() -> None:
    with busy() as (site, desk):
        desk.shown = view_of(*(b"%06d" % number for number in range(FEW + 1)))
        assert site.ask("/files", If_None_Match='"e-1"', **PLAIN).status == 304


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize(
    ("coding", "count", "tail"),
    [
        ("identity", FEW + 1, b""),
        ("gzip", FEW, b""),
        ("identity", FEW, b"x" * 4089),
        ("identity", SHORT // 4095 + 1, b"x" * 4089),
        ("identity", SHORT // 4095 + 1, b"\xff" * 4089),
    ],
    ids=["many", "compressed", "longest names", "few longest names", "few longest odd names"],
)
def test_a_long_answer_does_not_hold_up_the_short_ones(
    coding: str, count: int, tail: bytes, remembered: bool
) -> None:
    with busy() as (site, desk):
        desk.shown = view_of(*(b"%06d" % number + tail for number in range(count)))
        if remembered:
            render.files(desk.shown)
        with site.connect() as who:
            who.sendall(request("/files", f"Accept-Encoding: {coding}"))
            # It would have come before this one, were it not left to the thread.
            assert site.ask("/-/healthy").status == 200
            who.setblocking(False)
            with pytest.raises(BlockingIOError):
                who.recv(1)
            who.settimeout(LIMIT)
            desk.go_on.set()
            assert b"200 OK" in read(who)


def test_short_answers_are_no_sign_that_the_threads_live() -> None:
    with busy() as (site, desk):
        before = site.server.served_at
        site.server.prod()
        for _ in range(3):
            assert site.ask("/files", **PLAIN).status == 200
        assert site.server.served_at == before
        desk.go_on.set()
        deadline = time.monotonic() + LIMIT
        while site.server.served_at == before:
            assert time.monotonic() < deadline


def test_who_asks_ahead_is_answered_in_order_and_not_while_others_wait(threads: list[str]) -> None:
    with serving() as site, site.connect() as who:
        paths = ["/files", "/-/healthy", "/clients", "/files", "/metrics", "/files"]
        who.sendall(b"".join(map(request, paths)))
        got = read(who, len(paths))
        marks = [b'"files":[', b"alive\n", b'"clients": [', b'"files":[', b"up 1\n", b'"files":[']
        for mark in marks:
            assert mark in got
            got = got.partition(mark)[2]
        assert not any(name == "http" for name in threads[:-1])


def test_a_short_answer_is_sent_in_one_piece(threads: list[str]) -> None:
    with serving() as site:
        assert site.ask("/files", **PLAIN).status == 200
        assert threads == ["http"]
        assert site.ask("/clients").status == 200
        assert len(threads) == 2


def test_the_body_of_a_short_answer_is_whole_at_every_size() -> None:
    with serving() as site:
        for count in (0, 1, FEW, FEW + 1, 3 * FEW):
            desk_names = [b"%06d" % number for number in range(count)]
            site.desk.shown = view_of(*desk_names)
            answer = site.ask("/files", **PLAIN)
            assert answer.body.count(b"filename") == count
            assert site.ask("/files", "HEAD", **PLAIN).headers["content-length"] == str(
                len(answer.body)
            )

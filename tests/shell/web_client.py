"""An HTTP server of the product on a free port, and raw connections to it."""

import http.client
import json
import socket
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from scout.process import listen, log
from scout.process.values import Address
from scout.process.wsgi import STILL, HttpServer
from scoutmaster import web
from scoutmaster.core.chunk import Chunk
from scoutmaster.core.view import ClientRow, View
from scoutmaster.web import App

LIMIT = 30.0
"""Seconds that an answer may take. It bounds a failure, nothing else."""

ROW = ClientRow("h", b"/d", "healthy", "", 1_700_000_000.0, 2, 3, 0.012, "1.0", "ipv4:[::1]:5")


def view_of(*names: bytes, number: int = 1) -> View:
    """A complete view of `names`, which ascend."""
    chunk = Chunk(list(names), array("I", [1] * len(names)), frozenset([1]))
    return View(f"e-{number}", (chunk,) if names else (), len(names), True, 1, 0)


class Desk:
    """What the application asks, set by the test."""

    def __init__(self) -> None:
        self.shown = view_of(b"a", b"b")
        self.trouble: str | None = None
        self.answers = True

    def view(self) -> View:
        return self.shown

    def clients(self) -> tuple[ClientRow, ...]:
        if not self.answers:
            raise TimeoutError
        return (ROW,)

    def ready(self) -> str | None:
        return self.trouble

    def alive(self) -> str | None:
        return self.trouble


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (lower case) and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self) -> dict[str, Any]:
        """The body as RFC 9457 has it; AssertionError if it is none."""
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(self.body)
        assert found["type"] == "about:blank"
        assert found["status"] == self.status
        assert found["title"]
        assert found["detail"]
        return found


class Site:
    """A served application."""

    def __init__(
        self,
        threads: int = 4,
        connections: int = 100,
        host: str = "127.0.0.1",
        port: int = 0,
        desk: web.Desk | None = None,
        still: float = STILL,
    ) -> None:
        self.desk = Desk()
        self.observed: Counter[tuple[str, int]] = Counter()
        self.refused: Counter[int] = Counter()
        app = App(desk or self.desk, lambda: b"up 1\n", self._observe, log.get("test"))
        self.server = HttpServer(
            app,
            listen.listen(Address(host, port), "HTTP", "--http"),
            "test",
            threads=threads,
            connections=connections,
            still=still,
            refused=self._refused,
            at_once=app.at_once,
        )
        self.port = int(self.server.address.rpartition(":")[2])

    def _observe(self, route: str, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.observed[route, status] += 1

    def _refused(self, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.refused[status] += 1

    def answers(self) -> bool:
        """Is somebody else served, while others are slow?"""
        return self.ask("/-/healthy").status == 200

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """One request on a connection of its own; `_` in a header's name stands for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            return ask(connection, path, method, **headers)
        finally:
            connection.close()

    def connect(self, window: int | None = None) -> socket.socket:
        """A raw connection; `window` bytes is all that it takes without being read."""
        it = socket.socket()
        it.settimeout(LIMIT)
        if window is not None:
            it.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        it.connect(("127.0.0.1", self.port))
        return it


def ask(
    connection: http.client.HTTPConnection, path: str, method: str = "GET", **headers: str
) -> Answer:
    """One request on `connection`, which stays open."""
    connection.request(
        method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    answer = connection.getresponse()
    fields = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(answer.status, fields, answer.read())


@contextmanager
def serving(
    threads: int = 4,
    connections: int = 100,
    host: str = "127.0.0.1",
    desk: web.Desk | None = None,
    still: float = STILL,
) -> Iterator[Site]:
    """A site for the time of a test; `desk` instead of its own."""
    it = Site(threads, connections, host, desk=desk, still=still)
    try:
        yield it
    finally:
        it.server.close()

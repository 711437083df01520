"""An HTTP client with next to no cost of its own: one connection, one request at a time."""

import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.programs import LIMIT, Broken

_STATUS = re.compile(rb"HTTP/1\.[01] (\d+)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_TAG = re.compile(rb"\r\netag: *([^\r]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `at` is when its head was there, by `perf_counter`; `length` is its
    Content-Length; `body` is empty where it was not wanted."""

    at: float
    status: int
    length: int
    tag: bytes
    body: bytes


class Asker:
    """A connection to `host`:`port`, opened anew only where the server has closed it. Owned by
    one thread."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._host, self._port = host, port
        self._socket = self._connect()
        self._buffer = bytearray(1 << 20)

    def _connect(self) -> socket.socket:
        it = socket.create_connection((self._host, self._port), timeout=LIMIT)
        it.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return it

    def ask(self, path: str, method: str = "GET", tag: bytes = b"", *, keep: bool = True) -> Answer:
        """Ask for `path`, unless it is still `tag`. Without `keep` the body is read and dropped."""
        condition = b"If-None-Match: " + tag + b"\r\n" if tag else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n".encode()
        self._socket.sendall(head + condition + b"\r\n")
        return self._answer(method, keep=keep)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _answer(self, method: str, *, keep: bool) -> Answer:
        received = b""
        while b"\r\n\r\n" not in received:
            data = self._socket.recv(65536)
            if not data:
                raise Broken("the server closed the connection")
            received += data
        head, _, body = received.partition(b"\r\n\r\n")
        at = time.perf_counter()
        status = _STATUS.match(head)
        assert status
        length, tag = _LENGTH.search(head), _TAG.search(head)
        size = int(length[1]) if length else 0
        if method != "HEAD" and int(status[1]) != 304:
            if length is None:
                raise Broken("an answer without Content-Length can't be measured here")
            body = self._body(body, size, keep=keep)
        if _CLOSES.search(head):
            self._socket.close()
            self._socket = self._connect()
        return Answer(at, int(status[1]), size, tag[1] if tag else b"", body)

    def _body(self, begun: bytes, size: int, *, keep: bool) -> bytes:
        pieces = [begun]
        left = size - len(begun)
        view = memoryview(self._buffer)
        while left:
            count = self._socket.recv_into(view, min(left, len(view)))
            if not count:
                raise Broken("the server closed the connection")
            left -= count
            if keep:
                pieces.append(bytes(view[:count]))
        return b"".join(pieces) if keep else b""


def wait_until(condition: Callable[[], bool], what: str, pause: float = 0.0) -> None:
    """Ask `condition` until it is true, with `pause` seconds between. Raises `Broken`."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise Broken(f"not within {LIMIT:g} s: {what}")
        if pause:
            time.sleep(pause)


def metric(port: int, name: str) -> float:
    """The sum over the series of `name` in the Prometheus text at `port`."""
    asker = Asker(port)
    try:
        text = asker.ask("/metrics").body.decode()
    finally:
        asker.close()
    found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, found))

"""A connection of the HTTP server: one request at a time is read, answered, and sent.

waitress owns the buffers and the threads. What is read here is read by our own reader, because
waitress' accepts what can be read in two ways, and lets others wait for an answer for ever.
"""

import contextlib
import fcntl
import io
import socket
import termios
import time
from array import array
from collections.abc import Callable
from typing import Any, Protocol
from wsgiref.types import WSGIEnvironment

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from scout.core.http_head import Refusal
from scout.core.http_request import RequestReader
from scout.process import problem

REQUEST_SECONDS = 30.0
"""Seconds from the first byte of a request within which all of it has to come."""

UNUSED_SECONDS = 120.0
"""Seconds after which a connection is closed on which nothing happens."""

LINGER_SECONDS = 2.0
"""Seconds for which what comes behind the last request is read and thrown away. To close with
unread bytes would reset the connection, and the answer could be lost (RFC 9112, 9.6)."""


AT_ONCE = "scout.at_once"
"""In the environment of a request that is answered on the loop's own thread: what `AtOnce` gave."""


class Asked(Protocol):
    """A request that has come whole: its path, percent-decoded, its query, and its header fields
    by PEP 3333's names without HTTP_."""

    path: str
    query: str
    headers: dict[str, str]


AtOnce = Callable[[Asked], object | None]
"""Called on the loop's thread. What it gives is what the application finds under `AT_ONCE` when
it answers, on that very thread, while everybody else waits: so it has to be quick. None: the
answer may take a while, and is left to another thread."""


class Request:
    """A request as waitress wants it: while it is read, and when it is `completed`."""

    # What waitress asks of its own parser.
    empty = False
    error: Any = None
    version = "1.1"
    command = path = query = request_uri = ""
    url_scheme = "http"

    def __init__(self, adj: Adjustments) -> None:
        self.headers: dict[str, str] = {}
        self.at_once: object | None = None
        self.completed = False
        self.begun_at = time.monotonic()
        self._reader = RequestReader(adj.max_request_body_size)

    @property
    def behind(self) -> bytes:
        """What came after it."""
        return self._reader.behind if self.error is None else b""

    @property
    def begun(self) -> bool:
        """Has more of it come than blank lines?"""
        return self._reader.line is not None or bool(self._reader.behind.strip())

    @property
    def headers_finished(self) -> bool:
        """Has the whole head come?"""
        return self._reader.head is not None

    @property
    def expect_continue(self) -> bool:
        """Does the client wait for 100?"""
        return self._reader.waits_for_continue

    @expect_continue.setter
    def expect_continue(self, value: bool) -> None:
        """waitress notes here that it said 100; whether it did is in the connection."""

    def feed(self, data: bytes) -> None:
        """Read more of it."""
        try:
            self._reader.feed(data)
        except Refusal as refusal:
            self.refuse(refusal)
        self._take_line()
        head = self._reader.head
        if self._reader.done and head is not None:
            self.headers = head.fields
            # The body is gone; and waitress knows no lists here.
            self.headers.pop("CONTENT_LENGTH", None)
            self.headers.pop("TRANSFER_ENCODING", None)
            self.headers["CONNECTION"] = "keep-alive" if head.keeps_alive else "close"
            self.completed = True

    def refuse(self, refusal: Refusal) -> None:
        """It is answered with this, now."""
        self.error = refusal
        self.completed = True

    def _take_line(self) -> None:
        line = self._reader.line
        if line is not None:
            self.command, self.request_uri = line.method, line.target
            self.path, self.query, self.version = line.path, line.query, line.version

    def get_body_stream(self) -> io.BytesIO:
        """The body, which has been thrown away."""
        return io.BytesIO()

    def close(self) -> None:
        """There is nothing to give back."""


class Task(WSGITask):  # type: ignore[misc]  # waitress has no types
    """A request under way. waitress closes the connection after each answer without a length; but
    304 ends with its headers (RFC 9112, 6.3), and whoever asks for it means to ask again."""

    wrote_header: bool = False

    def set_close_on_finish(self) -> None:
        """Close the connection after this answer, unless there is no need to."""
        asked = self.request.headers["CONNECTION"] == "close"
        if self.has_body or asked or self.version != "1.1":
            super().set_close_on_finish()

    def get_environment(self) -> WSGIEnvironment:
        """As PEP 3333 has it."""
        environ: WSGIEnvironment = super().get_environment()
        environ["REQUEST_METHOD"] = self.request.command  # waitress takes `get` for GET
        if self.request.at_once is not None:
            environ[AT_ONCE] = self.request.at_once
        return environ

    def write(self, data: bytes) -> None:
        """Send `data`; if it is the whole body, together with the head: each piece would cost a
        system call, and would wake the reader once more."""
        if self.wrote_header or not data or self.content_length != len(data) or not self.has_body:
            super().write(data)
            return
        head = self.build_response_header()
        self.wrote_header = True
        self.content_bytes_written = len(data)
        self.channel.write_soon(head + data)


class RefusalTask(ErrorTask):  # type: ignore[misc]  # waitress has no types
    """The answer to what is no request, or to one in which the application failed."""

    def execute(self) -> None:
        """Answer, and see to it that the connection ends."""
        request, error = self.request, self.request.error
        bug = not isinstance(error, Refusal)
        status = 500 if bug else error.status
        detail = "this is a bug; the log has the traceback" if bug else str(error)
        self.channel.refused = True
        peer = str(self.channel.addr[0]).removeprefix("::ffff:")  # IPv4 on a socket for both
        seconds = time.monotonic() - request.begun_at
        self.channel.server.refused(status, detail, peer, seconds)
        body = problem.document(status, detail)
        self.status = f"{status} {problem.reason(status)}"
        self.response_headers.append(("Content-Type", problem.CONTENT_TYPE))
        self.set_close_on_finish()
        self.content_length = len(body)
        # waitress puts a request of its own in the place of one in which the application failed.
        asked = self.channel.requests[0] if bug else request
        self.write(b"" if asked.command == "HEAD" else body)


class Connection(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection. What is asked ahead stays as it came, one read's worth of bytes, until the
    answer before it has been sent."""

    task_class = Task
    error_task_class = RefusalTask
    parser_class = Request
    request: Request | None = None
    refused = False
    _ahead = b""
    _lingers_until: float | None = None

    @property
    def last_activity(self) -> float:
        """The monotonic time in seconds at which something happened here last."""
        return self._active_at

    @last_activity.setter
    def last_activity(self, _: float) -> None:
        # waitress gives the time of day, which can be set.
        self._active_at = time.monotonic()

    @property
    def idle_since(self) -> float:
        """The monotonic time in seconds since which this connection waits for its peer. Bytes of
        a request are not enough: one every few seconds would hold it for ever."""
        if self._lingers_until is not None:
            return float("-inf")
        if self.request is not None:
            return self.request.begun_at
        return self._active_at

    def tidy(self, now: float) -> None:
        """End what has lasted too long. Called between two rounds of the loop."""
        request = self.request
        if self._lingers_until is not None:
            if now >= self._lingers_until:
                self.handle_close()
        elif self.requests:
            return
        elif request is not None and request.begun and now - request.begun_at >= REQUEST_SECONDS:
            late = f"the request did not come within {REQUEST_SECONDS:g} s"
            request.refuse(Refusal(408, late))
            with self.requests_lock:
                self._take(request)
            self._answer(request)
        elif now - self._active_at >= UNUSED_SECONDS:
            self.handle_close()

    def readable(self) -> bool:
        """Is more wanted from the peer? Reads on in what was asked ahead, if its turn has come."""
        if self._lingers_until is not None:
            return True
        while self._ahead and self.connected and super().readable():
            ahead, self._ahead = self._ahead, b""
            try:
                self.received(ahead)
            except Exception:  # noqa: BLE001 - logged, and the end of this connection alone
                self.handle_error()
                return False
        return bool(super().readable())

    def handle_read(self) -> None:
        """Something has come."""
        if self._lingers_until is None:
            super().handle_read()
            return
        try:
            if not self.recv(self.adj.recv_bytes):
                self.handle_close()
        except OSError:
            self.handle_close()

    def received(self, data: bytes) -> bool:
        """Read on. Only while no request is being answered."""
        with self.requests_lock:
            if self.will_close or self.close_when_flushed:
                return False
            if self.request is None:
                self.request = Request(self.adj)
            request = self.request
            request.feed(data)
            if request.completed:
                self._take(request)
            elif request.expect_continue and not self.sent_continue:
                self.send_continue()
        if request.completed:
            self._answer(request)
        return True

    def _take(self, request: Request) -> None:
        """It is answered next. With `requests_lock` held."""
        self.sent_continue = False
        self._ahead = request.behind
        self.request = None
        self.requests.append(request)

    def _answer(self, request: Request) -> None:
        """Here if that is quick, for two threads less have to be woken then; else on a thread of
        its own. Who asks ahead would otherwise be served without end, and nobody else."""
        if request.error is None and not self._ahead:
            request.at_once = self.server.at_once(request)
        if request.at_once is None:
            self.server.add_task(self)
        else:
            super().service()

    def handle_write(self) -> None:
        """There is room for more of the answer, or the connection has to end."""
        if not self.close_when_flushed or self.will_close:
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if not self.connected or (self.total_outbufs_len and not self.will_close):
            return
        if self.will_close or not (self.refused or self._has_unread()):
            self.handle_close()
            return
        self.close_when_flushed: bool = False
        self._lingers_until = time.monotonic() + LINGER_SECONDS
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def _has_unread(self) -> bool:
        """Has something come that nobody will read?"""
        waiting = array("i", [0])
        fcntl.ioctl(self.socket, termios.FIONREAD, waiting)
        return bool(self._ahead or waiting[0])

    def handle_expt(self) -> None:
        """Urgent data are read like all others."""

    def service(self) -> None:
        """Answer, on a thread."""
        super().service()
        self.server.served_at = time.monotonic()

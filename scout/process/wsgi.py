"""Serving a WSGI application with waitress, on threads of its own.

No reader harms another: an answer that nobody takes holds no thread and is the only one of its
connection, and who holds a connection without using it makes room for others.
"""

import errno
import socket
import sys
import threading
import time
from typing import Any
from wsgiref.types import WSGIApplication

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import WSGITask

from scout.core.ratelimit import RateLimit
from scout.process import listen, log

NO_BODY = 16 * 1024
"""Bytes that a request may bring as its body: none is of use here."""

STILL = 5.0
"""Seconds without a byte, either way, after which a connection has to make room for another."""

PAUSE = 1.0
"""Seconds until a connection that could not be accepted is tried again."""

QUIET = 60.0
"""Seconds between two lines in the log about connections that have to wait."""

SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""What accept(2) says when it is not the connection's fault."""


class _Task(WSGITask):  # type: ignore[misc]  # waitress has no types
    """A request under way. waitress closes the connection after each answer without a length; but
    304 ends with its headers (RFC 9112, 6.3), and whoever asks for it means to ask again."""

    def set_close_on_finish(self) -> None:
        asked = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or asked or self.version != "1.1":
            super().set_close_on_finish()


class _Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Reads one request, and keeps what was sent behind it."""

    behind = b""

    def received(self, data: bytes) -> int:
        used: int = super().received(data)
        if self.completed:
            self.behind, used = data[used:], len(data)
        return used


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection. What is asked ahead stays as it came, one read's worth of bytes, until the
    answer before it has been sent."""

    task_class = _Task
    parser_class = _Parser
    request: _Parser | None = None
    _ahead = b""

    def readable(self) -> bool:
        while self._ahead and self.connected and super().readable():
            ahead, self._ahead = self._ahead, b""
            self.received(ahead)
        return bool(super().readable())

    def received(self, data: bytes) -> bool:
        # Made here, because waitress hands it to a thread at once when it is complete.
        self.request = request = self.request or _Parser(self.adj)
        taken: bool = super().received(data)
        self._ahead = request.behind
        return taken

    def service(self) -> None:
        super().service()
        self.server.served_at = time.monotonic()


class _Probe:
    """Takes a thread as a request does."""

    def __init__(self, server: "_Server") -> None:
        self._server = server

    def service(self) -> None:
        """A thread has come to it."""
        self._server.served_at = time.monotonic()

    def cancel(self) -> None:
        """The server ends; nobody waits for this."""


class _Server(TcpWSGIServer):  # type: ignore[misc]  # waitress has no types
    """The loop's side: who is let in, and who has to leave for that."""

    channel_class = _Channel

    def __init__(self, *args: Any, limit: int, still: float, log: log.Log, **options: Any) -> None:
        self.served_at = time.monotonic()
        self._limit = limit
        self._still = still
        self._log = log
        self._trickle = RateLimit(1, QUIET)
        self._deaf_until = 0.0
        super().__init__(*args, **options)

    def make_room(self) -> None:
        """See to it that another connection can be accepted. Called between two rounds of the
        loop: within one, what happened on the closed connection could be taken for something on
        the next one, which gets the same descriptor."""
        if len(self.active_channels) >= self._limit:
            self._close_stillest("all are in use")

    def readable(self) -> bool:
        return bool(
            super().readable()
            and len(self.active_channels) < self._limit
            and time.monotonic() >= self._deaf_until
        )

    def accept(self) -> tuple[socket.socket, Any] | None:
        try:
            accepted: tuple[socket.socket, Any] | None = super().accept()
        except OSError as error:
            if error.errno not in SCARCE:
                raise
            # It goes on waiting, and would wake the loop again at once.
            if not self._close_stillest(str(error.strerror)):
                self._deaf_until = time.monotonic() + PAUSE
            return None
        return accepted

    def _close_stillest(self, reason: str) -> bool:
        """Close the connection on which nothing has happened for the longest time, if that is
        long; never one whose answer is being made."""
        idle = (it for it in self.active_channels.values() if not it.requests)
        stillest = min(idle, key=lambda it: it.last_activity, default=None)
        if stillest is None or time.time() - stillest.last_activity < self._still:
            if self._trickle.admit(time.monotonic()) is not None:
                self._log.warning(
                    "no room for another connection",
                    open=len(self.active_channels),
                    reason=reason,
                )
            return False
        stillest.handle_close()
        return True


class HttpServer:
    """Serves from its construction until `close`. Constructed and closed on one thread."""

    def __init__(
        self,
        app: WSGIApplication,
        where: socket.socket,
        program: str,
        *,
        threads: int,
        connections: int,
        still: float = STILL,
    ) -> None:
        """Serve on the listening socket `where`, which it closes, as `program`."""
        self._map: dict[int, Any] = {}
        self._socket = where
        self._server = _Server(
            app,
            self._map,
            _sock=where,
            bind_socket=False,
            sockinfo=(where.family, where.type, where.proto, where.getsockname()),
            limit=connections,
            still=still,
            log=log.get(program),
            threads=threads,
            connection_limit=sys.maxsize,  # waitress' own would fill the log
            asyncore_use_poll=True,
            max_request_body_size=NO_BODY,
            max_request_header_size=32 * 1024,
            clear_untrusted_proxy_headers=True,
            ident=program,
        )
        self._ending = False
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`."""
        return listen.name(self._socket)

    @property
    def served_at(self) -> float:
        """The monotonic time in seconds at which one of its threads was last done with a request,
        or at the place of one. Any thread may ask."""
        at: float = self._server.served_at
        return at

    def prod(self) -> None:
        """Let `served_at` go on, if all is well, although nobody may ask for anything. That takes
        no connection, so nobody can stand in its way. Any thread may call this."""
        server = self._server
        server.trigger.pull_trigger(lambda: server.add_task(_Probe(server)))

    def close(self) -> None:
        """Stop serving at once: the loop is woken, connections are closed."""
        self._ending = True
        self._server.pull_trigger()
        self._woken.set()
        self._thread.join(2.0)

    def _serve(self) -> None:
        while not self._ending:
            self._server.make_room()
            wasyncore.loop(timeout=PAUSE, use_poll=True, map=self._map, count=1)
        # It may have woken for another reason: the pipe must not be closed before `close` wrote.
        self._woken.wait()
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=0.5)
        wasyncore.close_all(self._map, ignore_all=True)

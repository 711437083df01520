"""Serving a WSGI application with waitress, on threads of its own.

No reader harms another: an answer that nobody takes holds no thread and is the only one of its
connection, and who holds a connection without using it makes room for others.
"""

import contextlib
import errno
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from wsgiref.types import WSGIApplication

from waitress import wasyncore
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from scout.process import listen, log
from scout.process.connection import Asked, AtOnce, Connection

Refused = Callable[[int, float], None]
"""Told of a request that was refused: its status, and seconds from its first byte."""

NO_BODY = 16 * 1024
"""Bytes that a request may bring as its body: none is of use here."""

STILL = 5.0
"""Seconds without a byte, either way, after which a connection has to make room for another."""

PAUSE = 1.0
"""Seconds until a connection that could not be accepted is tried again."""

QUIET = 60.0
"""Seconds between two lines in the log about what peers can cause as often as they like."""

SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""What accept(2) says when it is not the connection's fault."""


class _Probe:
    """Takes a thread as a request does."""

    def __init__(self, server: "_Server") -> None:
        self._server = server

    def service(self) -> None:
        """A thread has come to it."""
        self._server.served_at = time.monotonic()

    def cancel(self) -> None:
        """The server ends; nobody waits for this."""


class _Workers(ThreadedTaskDispatcher):  # type: ignore[misc]  # waitress has no types
    """The threads that answer. Says nothing about a long queue, which any crowd makes."""

    def add_task(self, task: Any) -> None:
        """Let the next thread that is free serve `task`."""
        with self.lock:
            self.queue.append(task)
            self.queue_cv.notify()

    def stop(self, timeout: float) -> None:
        """End the threads, and wait for `timeout` seconds at most; drop what is left."""
        self.set_thread_count(0)
        until = time.monotonic() + timeout
        with self.lock:
            while self.threads and (left := until - time.monotonic()) > 0:
                self.thread_exit_cv.wait(left)
            while self.queue:
                self.queue.popleft().cancel()


class _Door(wasyncore.dispatcher):  # type: ignore[misc]  # waitress has no types
    """A further socket on which the server listens."""

    def __init__(self, server: "_Server", where: socket.socket, its_map: dict[int, Any]) -> None:
        super().__init__(where, its_map)
        self.accepting = True
        self._server = server

    def readable(self) -> bool:
        return self._server.readable()

    def writable(self) -> bool:
        return False

    def handle_accept(self) -> None:
        self._server.let_in(self.accept)


class _Server(TcpWSGIServer):  # type: ignore[misc]  # waitress has no types
    """The loop's side: who is let in, and who has to leave for that."""

    channel_class = Connection

    def __init__(
        self,
        *args: Any,
        limit: int,
        still: float,
        log: log.Log,
        observe: Refused | None,
        at_once: AtOnce | None,
        **options: Any,
    ) -> None:
        self.served_at = time.monotonic()
        self._limit = limit
        self._still = still
        self._crowded = log.limited(1, QUIET)
        self._refusals = log.limited(1, QUIET)
        self._observe = observe
        self._at_once = at_once
        self._loop = 0
        self._deaf_until = 0.0
        self._tidy_at = 0.0
        super().__init__(*args, **options)

    def at_once(self, asked: Asked) -> object | None:
        """See `AtOnce`."""
        # What fails here fails again when it is answered, and is told then.
        with contextlib.suppress(Exception):
            return None if self._at_once is None else self._at_once(asked)
        return None

    def own(self) -> None:
        """The calling thread is the loop's."""
        self._loop = threading.get_ident()

    def pull_trigger(self) -> None:
        """Wake the loop. Any thread may call this; the loop's own is awake."""
        if threading.get_ident() != self._loop:
            super().pull_trigger()

    def set_socket_options(self, conn: socket.socket) -> None:
        super().set_socket_options(conn)
        # Urgent data would wake the loop again and again: nobody reads them.
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)

    def make_room(self) -> None:
        """See to it that another connection can be accepted. Called between two rounds of the
        loop: within one, what happened on the closed connection could be taken for something on
        the next one, which gets the same descriptor."""
        now = time.monotonic()
        if now >= self._tidy_at:
            self._tidy_at = now + PAUSE
            for it in list(self.active_channels.values()):
                it.tidy(now)
        if len(self.active_channels) >= self._limit:
            self._close_stillest("all are in use")

    def readable(self) -> bool:
        # Not what waitress does here: its own limits go by the time of day.
        return bool(
            self.accepting
            and len(self.active_channels) < self._limit
            and time.monotonic() >= self._deaf_until
        )

    def handle_accept(self) -> None:
        self.let_in(self.accept)

    def let_in(self, accept: Callable[[], tuple[socket.socket, Any] | None]) -> None:
        """Take the next connection from `accept`."""
        try:
            accepted = accept()
        except OSError as error:
            # It goes on waiting, and would wake the loop again at once.
            if error.errno not in SCARCE or not self._close_stillest(str(error.strerror)):
                self._deaf_until = time.monotonic() + PAUSE
            return
        if accepted is None:
            return
        connection, peer = accepted
        try:
            self.set_socket_options(connection)
        except OSError:  # it has gone already
            connection.close()
            return
        self.channel_class(self, connection, peer, self.adj, map=self._map)

    def refused(self, status: int, detail: str, peer: str, seconds: float) -> None:
        """A request was refused before the application saw it. Any thread may call this."""
        if self._observe is not None:
            self._observe(status, seconds)
        self._refusals.info("a request was refused", status=status, reason=detail, peer=peer)

    def _close_stillest(self, reason: str) -> bool:
        """Close the connection that has waited for its peer for the longest time, if that is
        long; never one whose answer is being made."""
        idle = (it for it in self.active_channels.values() if not it.requests)
        stillest = min(idle, key=lambda it: it.idle_since, default=None)
        if stillest is None or time.monotonic() - stillest.idle_since < self._still:
            self._crowded.warning(
                "no room for another connection", open=len(self.active_channels), reason=reason
            )
            return False
        stillest.handle_close()
        return True


class HttpServer:
    """Serves from its construction until `close`. Constructed and closed on one thread."""

    def __init__(
        self,
        app: WSGIApplication,
        where: Sequence[socket.socket],
        program: str,
        *,
        threads: int,
        connections: int,
        still: float = STILL,
        refused: Refused | None = None,
        at_once: AtOnce | None = None,
    ) -> None:
        """Serve on the listening sockets `where`, which it closes, as `program`. `refused` is
        told, on any thread, of each request that the application does not see; `at_once` is asked
        of each other whether its answer is quick."""
        self._map: dict[int, Any] = {}
        first, *others = where
        self._address = ", ".join(map(listen.name, where))
        workers = _Workers()
        workers.set_thread_count(threads)
        self._server = _Server(
            app,
            self._map,
            _sock=first,
            dispatcher=workers,
            bind_socket=False,
            sockinfo=(first.family, first.type, first.proto, first.getsockname()),
            limit=connections,
            still=still,
            log=log.get(program),
            observe=refused,
            at_once=at_once,
            connection_limit=sys.maxsize,  # waitress' own would fill the log
            asyncore_use_poll=True,
            max_request_body_size=NO_BODY,
            clear_untrusted_proxy_headers=True,
            ident=program,
        )
        for it in others:
            _Door(self._server, it, self._map)
        self._ending = False
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`, several with a comma between them."""
        return self._address

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
        self._server.own()
        while not self._ending:
            self._server.make_room()
            wasyncore.loop(timeout=PAUSE, use_poll=True, map=self._map, count=1)
        # It may have woken for another reason: the pipe must not be closed before `close` wrote.
        self._woken.wait()
        self._server.task_dispatcher.stop(timeout=0.5)
        wasyncore.close_all(self._map, ignore_all=True)

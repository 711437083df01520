"""Serving the HTTP application with waitress, on threads of its own."""

import sys
import threading
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import WSGITask

from scout.core.values import Address
from scout.process import listen
from scoutmaster.web import App

NO_BODY = 16 * 1024
"""Bytes that a request may bring as its body: none is of use here."""


class _Task(WSGITask):  # type: ignore[misc]  # waitress has no types
    """A request under way. waitress closes the connection after each answer without a length; but
    304 ends with its headers (RFC 9112, 6.3), and whoever asks for it means to ask again."""

    def set_close_on_finish(self) -> None:
        asked = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or asked or self.version != "1.1":
            super().set_close_on_finish()


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    task_class = _Task


class HttpServer:
    """Serves from its construction until `close`. Constructed and closed on one thread."""

    def __init__(self, app: App, address: Address, *, threads: int, connections: int) -> None:
        """Listen. Raises `AddressInUse` or `NoPermission`."""
        self._map: dict[int, Any] = {}
        self._socket = listen.listen(address, "HTTP", "--http")
        self._server = create_server(
            app,
            map=self._map,
            sockets=[self._socket],
            threads=threads,
            # waitress counts the listening socket and its own wake-up pipe as well.
            connection_limit=connections + 2,
            # A thread that has made an answer is never held until a slow reader has taken the one
            # before: a few of those would hold all threads. What waits costs nothing: it is
            # pieces of the list, and no more is read from who has not taken his answers.
            outbuf_high_watermark=sys.maxsize,
            asyncore_use_poll=True,
            channel_request_lookahead=1,
            max_request_body_size=NO_BODY,
            max_request_header_size=32 * 1024,
            clear_untrusted_proxy_headers=True,
            ident="scoutmaster",
        )
        self._server.channel_class = _Channel
        self._ending = False
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`."""
        return listen.name(self._socket)

    def close(self) -> None:
        """Stop serving at once: the loop is woken, connections are closed."""
        self._ending = True
        self._server.pull_trigger()
        self._woken.set()
        self._thread.join(2.0)

    def _serve(self) -> None:
        while not self._ending:
            wasyncore.loop(timeout=30, use_poll=True, map=self._map, count=1)
        # It may have woken for another reason: the pipe must not be closed before `close` wrote.
        self._woken.wait()
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=0.5)
        wasyncore.close_all(self._map, ignore_all=True)

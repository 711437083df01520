"""Serving the HTTP application with waitress, on threads of its own."""

import errno
import socket
import threading
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from scout.core.values import Address
from scout.errors import AddressInUse, NoPermission
from scoutmaster.web import App

NO_BODY = 16 * 1024
"""Bytes that a request may bring as its body: none is of use here."""


class HttpServer:
    """Serves from its construction until `close`. Constructed and closed on one thread."""

    def __init__(self, app: App, address: Address, *, threads: int, connections: int) -> None:
        """Listen. Raises `AddressInUse` or `NoPermission`."""
        self._map: dict[int, Any] = {}
        self._sockets = _bind(address)
        self._server = create_server(
            app,
            map=self._map,
            sockets=self._sockets,
            threads=threads,
            connection_limit=connections,
            asyncore_use_poll=True,
            channel_request_lookahead=1,
            max_request_body_size=NO_BODY,
            max_request_header_size=32 * 1024,
            clear_untrusted_proxy_headers=True,
            ident="scoutmaster",
        )
        self._ending = False
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)
        self._thread.start()

    @property
    def addresses(self) -> list[str]:
        """Where it listens, as `host:port`."""
        found = []
        for it in self._sockets:
            host, port = it.getsockname()[:2]
            found.append(str(Address(host, port)))
        return found

    def close(self) -> None:
        """Stop serving at once: the loop is woken, connections are closed."""
        self._ending = True
        self._server.pull_trigger()
        self._thread.join(2.0)

    def _serve(self) -> None:
        while not self._ending:
            wasyncore.loop(timeout=30, use_poll=True, map=self._map, count=1)
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=0.5)
        wasyncore.close_all(self._map, ignore_all=True)


def _bind(address: Address) -> list[socket.socket]:
    """A listening socket; all addresses of both families where no host is named."""
    try:
        if not address.host:
            dual = socket.has_dualstack_ipv6()
            family = socket.AF_INET6 if dual else socket.AF_INET
            it = socket.create_server(
                ("", address.port), family=family, dualstack_ipv6=dual, backlog=1024
            )
        else:
            family, _, _, _, where = socket.getaddrinfo(
                address.host, address.port, type=socket.SOCK_STREAM
            )[0]
            it = socket.create_server(where, family=family, backlog=1024)
    except socket.gaierror as error:
        raise AddressInUse(
            "can't serve HTTP", str(address), "this host has no such name; see --http"
        ) from error
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise NoPermission(
                "can't serve HTTP", str(address), "choose a --http port above 1023"
            ) from error
        hint = (
            "is another program there? see --http"
            if error.errno == errno.EADDRINUSE
            else f"{error.strerror}; see --http"
        )
        raise AddressInUse("can't serve HTTP", str(address), hint) from error
    return [it]

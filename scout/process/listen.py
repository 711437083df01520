"""A listening TCP socket, or the one clear line that says why not."""

import errno
import os
import socket

import grpc.aio

from scout.errors import AddressInUse, NoPermission
from scout.process.values import Address

BACKLOG = 1024
"""Connections that may wait to be accepted: a crowd of readers that comes at once."""

_REASONS = {
    errno.EADDRINUSE: "another program listens there",
    errno.EADDRNOTAVAIL: "this host has no such address",
}


def listen(address: Address, what: str, option: str) -> socket.socket:
    """Listen on `address`; on all addresses, IPv6 and IPv4, where it names no host.

    `what` can't be done without it, and `option` chooses it: for the error. Raises `AddressInUse`
    or `NoPermission`.
    """
    try:
        if not address.host:
            dual = socket.has_dualstack_ipv6()
            family = socket.AF_INET6 if dual else socket.AF_INET
            return socket.create_server(
                ("", address.port), family=family, dualstack_ipv6=dual, backlog=BACKLOG
            )
        family, _, _, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM
        )[0]
        return socket.create_server(where, family=family, backlog=BACKLOG)
    except socket.gaierror as error:
        hint = f"this host has no such name or address; see {option}"
        raise AddressInUse(f"can't serve {what}", str(address), hint) from error
    except PermissionError as error:
        hint = f"choose a {option} port above 1023"
        raise NoPermission(f"can't serve {what}", str(address), hint) from error
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or os.strerror(error.errno or 0)
        raise AddressInUse(
            f"can't serve {what}", str(address), f"{reason}; see {option}"
        ) from error


def add_port(server: grpc.aio.Server, address: Address, what: str, option: str) -> int:
    """Let a gRPC server listen on `address`. The port; raises as `listen` does."""
    try:
        return server.add_insecure_port(str(address))
    except RuntimeError as error:
        # gRPC does not say why it can't; a socket of our own does.
        listen(address, what, option).close()
        raise AddressInUse(f"can't serve {what}", str(address), f"see {option}") from error


def name(it: socket.socket) -> str:
    """Where it listens, as `host:port`."""
    host, port = it.getsockname()[:2]
    return str(Address(host, port))

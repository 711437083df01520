"""Listening TCP sockets, or the one clear line that says why not.

One rule for all listeners of both programs, whoever opens them:
- A bare port is all addresses of this host: IPv6 and IPv4, or IPv4 alone where there is no IPv6.
- `[::]` is the same. `0.0.0.0` is IPv4 alone.
- A name is all addresses that it has.
- All of it or nothing: where a part is taken, nothing is served.
"""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

from scout.errors import AddressInUse, NoPermission
from scout.process.values import Address

BACKLOG = 1024
"""Connections that may wait to be accepted: a crowd of readers that comes at once."""

ATTEMPTS = 5
"""Ports that are tried where any will do, but the same for several addresses."""

Place = tuple[str, int, bool]
"""Where a socket listens: host, port, and whether that is both families."""

_REASONS = {
    errno.EADDRINUSE: "another program listens there",
    errno.EADDRNOTAVAIL: "this host has no such address",
    errno.EAFNOSUPPORT: "this host has no IPv6",
}


def listen(address: Address, what: str, option: str) -> list[socket.socket]:
    """Listen on `address`: on one socket, or on several that have one port.

    `what` can't be done without it, and `option` chooses it: for the error. Raises `AddressInUse`
    or `NoPermission`.
    """
    with _explained(address, what, option):
        return _listen_all(_places(address.host), address.port)


def check(address: Address, what: str, option: str) -> None:
    """Raise what `listen` would, but for a port that is taken: it may be by the very program whose
    options are checked. Nothing is opened."""
    with _explained(address, what, option):
        for family, host in _places(address.host):
            with socket.socket(family, socket.SOCK_STREAM) as it:
                it.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    it.bind(_numeric(family, host, address.port))
                except OSError as error:
                    if error.errno != errno.EADDRINUSE:
                        raise


@contextlib.contextmanager
def _explained(address: Address, what: str, option: str) -> Iterator[None]:
    """Turn what goes wrong within into one clear line."""
    try:
        yield
    except socket.gaierror as error:
        hint = f"this host has no such name or address; see {option}"
        raise AddressInUse(f"can't serve {what}", str(address), hint) from error
    except PermissionError as error:
        hint = f"choose a {option} port above 1023"
        raise NoPermission(f"can't serve {what}", str(address), hint) from error
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or os.strerror(error.errno or 0)
        if error.errno == errno.EADDRINUSE and address.host in ("", "::"):
            reason += ", or on a part of it"
        raise AddressInUse(
            f"can't serve {what}", str(address), f"{reason}; see {option}"
        ) from error


def name(it: socket.socket) -> str:
    """Where it listens, as `host:port`, with brackets around an IPv6 address."""
    host, port, _ = place(it)
    return str(Address(host, port))


def place(it: socket.socket) -> Place:
    """Where it listens."""
    host, port = _numbers(it.getsockname())
    both = it.family == socket.AF_INET6 and not it.getsockopt(
        socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
    )
    # Of an address of one host it does not matter.
    return host, port, both and host == "::"


def _numbers(where: Any) -> tuple[str, int]:
    """Host, with its zone if it has one, and port of a socket's address; an IPv4 address as such,
    whatever socket it is on."""
    flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    host, port = socket.getnameinfo(where, flags)
    return host.removeprefix("::ffff:") if "." in host else host, int(port)


def has_ipv6() -> bool:
    """Has this host IPv6, in use? gRPC asks the same: without, it takes no IPv6 address at all."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as it:
            it.bind(("::1", 0))
    except OSError:
        return False
    return True


def _places(host: str) -> list[tuple[socket.AddressFamily, str]]:
    """The addresses that `host` stands for, as numbers."""
    if host in ("", "::"):
        return [(socket.AF_INET6, "::") if has_ipv6() else (socket.AF_INET, "0.0.0.0")]
    places: list[tuple[socket.AddressFamily, str]] = []
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError as error:  # a part of the name is empty, or longer than 63
        raise socket.gaierror(str(error)) from error
    for _, _, _, _, where in found:
        number, _ = _numbers(where)
        if number == "::":
            return _places(number)
        one = (socket.AF_INET6 if ":" in number else socket.AF_INET, number)
        if one not in places:
            places.append(one)
    if len(places) > 1 and not has_ipv6():
        # localhost has ::1 in /etc/hosts also where there is no IPv6.
        places = [it for it in places if it[0] == socket.AF_INET] or places
    return places


def _listen_all(places: list[tuple[socket.AddressFamily, str]], port: int) -> list[socket.socket]:
    """Listen on all `places` with one port, a free one for 0. Raises OSError."""
    for attempt in range(ATTEMPTS):
        opened: list[socket.socket] = []
        try:
            for family, host in places:
                at = opened[0].getsockname()[1] if opened else port
                opened.append(_listen_at(family, host, at))
        except OSError as error:
            for it in opened:
                it.close()
            # Free for the first and not for another: that proves nothing about the next port.
            again = not port and opened and error.errno == errno.EADDRINUSE
            if not again or attempt == ATTEMPTS - 1:
                raise
        else:
            return opened
    raise AssertionError


def _listen_at(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    where = _numeric(family, host, port)
    return socket.create_server(where, family=family, backlog=BACKLOG, dualstack_ipv6=host == "::")


def _numeric(family: socket.AddressFamily, host: str, port: int) -> Any:
    """The address as bind(2) takes it."""
    flags = socket.AI_NUMERICHOST | socket.AI_PASSIVE
    return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=flags)[0][4]

"""Lets a gRPC server listen by the rule of `listen`, which it does not do of its own accord.

Of a wildcard gRPC takes what it gets, 0.0.0.0 it takes for both families, and it does not say why
it can't. So sockets of our own try first, and in the end it is looked at where this process
listens.
"""

import os
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress

import grpc.aio

from scout.errors import AddressInUse
from scout.process.listen import ATTEMPTS, Place, has_ipv6, listen, place
from scout.process.values import Address

IPV4 = "0.0.0.0"
"""All addresses of IPv4."""

MOST_DESCRIPTORS = 65_536
"""Descriptors that are looked at where the system does not list the open ones."""


def add_port(server: grpc.aio.Server, address: Address, what: str, option: str) -> str:
    """Let `server` listen on `address`. Where, as `listen.name` has it; raises as `listen` does.
    Before the server starts."""
    for _ in range(ATTEMPTS if address.port == 0 else 1):
        wanted = _free(address, what, option)
        try:
            _add(server, wanted)
        except RuntimeError:
            continue  # somebody was faster
        missing = set(wanted) - set(_listening())
        if missing:
            break
        return ", ".join(str(Address(host, port)) for host, port, _ in wanted)
    hint = f"another program took it, or a part of it, in this moment; see {option}"
    raise AddressInUse(f"can't serve {what}", str(address), hint)


def _free(address: Address, what: str, option: str) -> list[Place]:
    """The places that `address` means, with their port. Raises as `listen` does."""
    with ExitStack() as stack:
        return [place(stack.enter_context(it)) for it in listen(address, what, option)]


def _add(server: grpc.aio.Server, wanted: Sequence[Place]) -> None:
    """Raises RuntimeError."""
    with ExitStack() as stack:
        for host, port, _ in wanted:
            if host == IPV4 and has_ipv6():
                # Held by us, [::] is not taken by gRPC. Held by another, neither.
                with suppress(OSError):
                    ipv6 = socket.create_server(("::", port), family=socket.AF_INET6)
                    stack.enter_context(ipv6)
            server.add_insecure_port(str(Address(host, port)))


def _listening() -> Iterator[Place]:
    """Where this process listens by TCP."""
    for descriptor in _descriptors():
        with suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            with socket.socket(fileno=os.dup(descriptor)) as it:
                internet = it.family in (socket.AF_INET, socket.AF_INET6)
                if internet and it.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    yield place(it)


def _descriptors() -> list[int]:
    """The open descriptors, and some that are not."""
    try:
        return [int(it) for it in os.listdir("/proc/self/fd")]
    except OSError:  # there is no /proc
        return list(range(min(os.sysconf("SC_OPEN_MAX"), MOST_DESCRIPTORS)))

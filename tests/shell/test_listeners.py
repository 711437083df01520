"""One rule for what an address to listen on means, whoever listens: HTTP or gRPC."""

import asyncio
import contextlib
import errno
import re
import socket
from collections.abc import Callable, Iterator

import grpc.aio
import pytest

from scout.errors import AddressInUse, NoPermission
from scout.process import grpc_port, listen
from scout.process.values import Address

Open = Callable[[str, int], "contextlib.AbstractContextManager[str]"]


@contextlib.contextmanager
def by_tcp(host: str, port: int) -> Iterator[str]:
    opened = listen.listen(Address(host, port), "HTTP", "--http")
    try:
        yield ", ".join(map(listen.name, opened))
    finally:
        for it in opened:
            it.close()


@contextlib.contextmanager
def by_grpc(host: str, port: int) -> Iterator[str]:
    with asyncio.Runner() as runner:

        async def start() -> tuple[grpc.aio.Server, str]:
            server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
            where = grpc_port.add_port(server, Address(host, port), "agents", "--grpc")
            await server.start()
            return server, where

        server, where = runner.run(start())
        try:
            yield where
        finally:
            runner.run(server.stop(None))


@pytest.fixture(params=[by_tcp, by_grpc])
def opened(request: pytest.FixtureRequest) -> Open:
    opener: Open = request.param
    return opener


def port_of(where: str) -> int:
    """The one port of all the addresses in `where`."""
    [port] = {int(it.rpartition(":")[2]) for it in where.split(", ")}
    return port


def answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 10).close()
    except ConnectionRefusedError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not listen.has_ipv6(), reason="this host has no IPv6")


@needs_ipv6
@pytest.mark.parametrize(
    ("host", "shown", "ipv4", "ipv6"),
    [
        ("", "[::]", True, True),
        ("::", "[::]", True, True),
        ("0:0::0", "[::]", True, True),
        ("0.0.0.0", "0.0.0.0", True, False),
        ("::ffff:0.0.0.0", "0.0.0.0", True, False),
        ("127.0.0.1", "127.0.0.1", True, False),
        ("::ffff:127.0.0.1", "127.0.0.1", True, False),
        ("::1", "[::1]", False, True),
    ],
)
def test_an_address_means_the_same_to_every_listener(
    opened: Open, host: str, shown: str, ipv4: bool, ipv6: bool
) -> None:
    with opened(host, 0) as where:
        port = port_of(where)
        assert where == f"{shown}:{port}"
        assert port != 0
        assert answers("127.0.0.1", port) is ipv4
        assert answers("::1", port) is ipv6


def test_a_name_means_all_addresses_that_it_has(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same port, also where any will do."""
    true = socket.getaddrinfo

    def two(host: str, *rest: object, **more: object) -> list[object]:
        if host != "two.example":
            return list(true(host, *rest, **more))  # type: ignore[arg-type]
        return [it for number in ("127.0.0.1", "127.0.0.2") for it in true(number, *rest, **more)]  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with opened("two.example", 0) as where:
        port = port_of(where)
        assert where == f"127.0.0.1:{port}, 127.0.0.2:{port}"
        assert answers("127.0.0.1", port)
        assert answers("127.0.0.2", port)
        with pytest.raises(AddressInUse), opened("two.example", port):
            pass


TAKEN = [
    (socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET, "0.0.0.0"),
    (socket.AF_INET6, "::1"),
    (socket.AF_INET6, "::"),
]


@needs_ipv6
@pytest.mark.parametrize(("family", "holder"), TAKEN)
@pytest.mark.parametrize("host", ["", "::", "0.0.0.0"])
def test_where_a_part_is_taken_nothing_is_served(
    opened: Open, host: str, family: socket.AddressFamily, holder: str
) -> None:
    """It must not say that it listens on all addresses, and answer at some of them."""
    with socket.create_server((holder, 0), family=family) as held:
        port = held.getsockname()[1]
        if host == "0.0.0.0" and family == socket.AF_INET6:
            with opened(host, port):  # that is no part of it
                assert answers("127.0.0.1", port)
            return
        with pytest.raises(AddressInUse, match="another program") as caught, opened(host, port):
            pass
        assert caught.value.exit_code == 69
        assert str(port) in str(caught.value)
        for it in ("127.0.0.1", "::1"):
            mine = (":" in it) == (family == socket.AF_INET6)
            assert answers(it, port) is mine  # nothing of ours has stayed


@needs_ipv6
@pytest.mark.parametrize(("family", "holder"), TAKEN)
def test_where_a_part_is_taken_in_the_last_moment_nothing_is_served(
    monkeypatch: pytest.MonkeyPatch, family: socket.AddressFamily, holder: str
) -> None:
    """gRPC takes what it gets: what it got is looked at afterwards."""
    held: list[socket.socket] = []
    true = grpc_port._add

    def late(server: grpc.aio.Server, wanted: list[listen.Place]) -> None:
        held.append(socket.create_server((holder, wanted[0][1]), family=family))
        true(server, wanted)

    monkeypatch.setattr(grpc_port, "_add", late)
    with socket.create_server(("127.0.0.1", 0)) as it:
        port = it.getsockname()[1]
    with pytest.raises(AddressInUse, match="in this moment"), by_grpc("", port):
        pass
    for it in held:
        it.close()


def test_the_port_is_free_again_at_once(opened: Open) -> None:
    """Though connections to it have ended a moment ago."""
    with opened("", 0) as where:
        port = port_of(where)
        assert answers("127.0.0.1", port)
    with opened("", port) as where:
        assert port_of(where) == port


def test_two_do_not_share_a_port(opened: Open) -> None:
    with opened("", 0) as where:
        for host in ("", "127.0.0.1", "0.0.0.0"):
            for again in (by_tcp, by_grpc):
                with pytest.raises(AddressInUse), again(host, port_of(where)):
                    pass


def test_a_port_is_not_shared_with_who_would_share_it(opened: Open) -> None:
    """With SO_REUSEPORT the kernel would give each of both a part of the connections."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
        port = other.getsockname()[1]
        for host in ("", "127.0.0.1"):
            with pytest.raises(AddressInUse), opened(host, port):
                pass
    with opened("127.0.0.1", 0) as where, pytest.raises(OSError, match="in use"):
        socket.create_server(("127.0.0.1", port_of(where)), reuse_port=True)


@pytest.fixture
def no_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel without IPv6, as far as our own sockets go."""

    class Socket(socket.socket):
        def __init__(self, family: int = -1, *rest: int, **more: int) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, *rest, **more)

    monkeypatch.setattr(socket, "socket", Socket)


@pytest.mark.usefixtures("no_ipv6")
@pytest.mark.parametrize("host", ["", "::", "0.0.0.0"])
def test_without_ipv6_all_addresses_are_those_of_ipv4_and_are_said_so(host: str) -> None:
    with by_tcp(host, 0) as where:
        assert re.fullmatch(r"0\.0\.0\.0:\d+", where)
        assert answers("127.0.0.1", port_of(where))


@pytest.mark.usefixtures("no_ipv6")
def test_without_ipv6_an_address_of_it_is_one_clear_line(opened: Open) -> None:
    with pytest.raises(AddressInUse, match="no IPv6") as caught, opened("::1", 0):
        pass
    assert caught.value.exit_code == 69


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "2001:db8::1", "no-such-host.invalid", "a" * 70, "a..b", "1.2.3.4.5"]
)
def test_an_address_that_is_not_ours_is_one_clear_line(opened: Open, host: str) -> None:
    with (
        pytest.raises((AddressInUse, NoPermission), match="can't serve") as caught,
        opened(host, 0),
    ):
        pass
    assert host in str(caught.value)
    assert "\n" not in str(caught.value)

"""The addresses on which the HTTP server listens."""

import http.client
import socket

import pytest

from scout.errors import AddressInUse, NoPermission
from tests.shell.raw_http import GET
from tests.shell.web_client import LIMIT, Site, ask, serving


def test_without_a_host_it_listens_on_all_addresses_of_both_families() -> None:
    with serving(host="") as site:
        for host in ("127.0.0.1", "127.0.0.2", "::1"):
            connection = http.client.HTTPConnection(host, site.port, timeout=LIMIT)
            assert ask(connection, "/-/healthy").status == 200
            connection.close()


@pytest.mark.parametrize("host", ["::1", "localhost"])
def test_a_host_may_be_an_ipv6_address_or_a_name(host: str) -> None:
    with serving(host=host) as site:
        with socket.create_connection((host, site.port), LIMIT) as connection:
            connection.sendall(GET)
            assert connection.recv(12) == b"HTTP/1.1 200"
        assert site.server.address.endswith(f":{site.port}")


@pytest.mark.parametrize("host", ["127.0.0.1", ""])
def test_an_address_in_use_is_said_so(host: str) -> None:
    """Whether the other one holds that address or all of them; the holder is not disturbed."""
    with serving() as site:
        with pytest.raises(AddressInUse, match="--http") as caught:
            Site(host=host, port=site.port)
        assert str(site.port) in str(caught.value)
        assert caught.value.exit_code == 69
        assert site.ask("/-/healthy").status == 200


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "no-such-host.invalid"])
def test_an_address_that_is_not_ours_is_one_clear_line(host: str) -> None:
    with pytest.raises((AddressInUse, NoPermission), match="can't serve HTTP") as caught:
        Site(host=host)
    assert host in str(caught.value)
    assert "\n" not in str(caught.value)


# The end

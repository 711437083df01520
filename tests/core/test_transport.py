"""The names by which gRPC connects."""

import pytest

from scout.wire.transport import target


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("localhost:3000", "dns:///localhost:3000"),
        ("dns:3000", "dns:///dns:3000"),
        ("unix:3000", "dns:///unix:3000"),
        ("a%41:3000", "dns:///a%2541:3000"),
        ("a?b:3000", "dns:///a%3Fb:3000"),
        ("example.org.:3000", "dns:///example.org.:3000"),
        ("10.0.0.1:3000", "ipv4:10.0.0.1:3000"),
        ("[::1]:3000", "ipv6:[::1]:3000"),
        ("[fe80::1%eth0-1.2]:3000", "dns:///[fe80::1%25eth0-1.2]:3000"),
        ("[fe80::1%br#1]:3000", "dns:///[fe80::1%25br%231]:3000"),
    ],
)
def test_an_address_never_means_anything_else_in_a_uri(address: str, name: str) -> None:
    assert target(address) == name

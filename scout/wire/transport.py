"""How both programs find each other by gRPC, and set up HTTP/2 between them."""

from urllib.parse import quote

DIRECT = (("grpc.enable_http_proxy", 0),)
"""Whatever the environment says of proxies: agent and master talk to each other directly."""

OPTIONS = (
    # Else gRPC measures the line with a ping of its own beside each message that comes in: a
    # word of health took twice the packets, and half as much again of the processor's time.
    ("grpc.http2.bdp_probe", 0),
    # That would have widened the window, 64 KiB at first, to what the line carries. At most one
    # window is on its way at a time: 1 MiB is 20 MB a second where a round trip takes 50 ms.
    ("grpc.http2.lookahead_bytes", 1024 * 1024),
)


def target(address: str) -> str:
    """The name by which gRPC connects to `address`: `host:port`, an IPv6 address in brackets.

    gRPC reads what it is given as a URI (RFC 3986) if that is possible: `dns:3000` is a host called
    3000, `unix:3000` a socket in the file system, `a%41` is aA. So the scheme is always said, and
    what means something in a URI, as a zone's %, is escaped (its resolvers undo that).

    An address with a zone is resolved like a name: its interface may be away for a while, and then
    gRPC takes `ipv6:` for a mistake and gives a channel that holds the event loop for ever.
    """
    host, _, port = address.rpartition(":")
    if host.startswith("[") and "%" not in host:
        return f"ipv6:{host}:{port}"
    if host.replace(".", "").isdigit():
        return f"ipv4:{host}:{port}"
    return f"dns:///{quote(host, safe='[:]')}:{port}"

"""How both programs set up gRPC's HTTP/2 between them."""

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

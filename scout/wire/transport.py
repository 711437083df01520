"""How both programs set up gRPC's HTTP/2 between them."""

WINDOW = 1024 * 1024

OPTIONS = (
    # Else gRPC measures the line with a ping of its own beside each message that comes in: a
    # health check took twice the packets, and half as much again of the processor's time.
    ("grpc.http2.bdp_probe", 0),
    # It would have widened the window by what it measured. This one lets a snapshot pass at
    # 20 MB a second over a line of 50 ms.
    ("grpc.http2.lookahead_bytes", WINDOW),
)

"""The connection to the master, and the call on it. Owned by the event loop's thread."""

import asyncio

import grpc
import grpc.aio

from scout.wire import codec, transport

REASON = 0.2
"""Seconds that gRPC may take to say why there is no connection, if it knows."""

CHANNEL = (
    # A new attempt must not inherit the backoff of an old one.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    # Only with keepalive does gRPC let the kernel end a connection that takes nothing more
    # (TCP_USER_TIMEOUT); its own pings are not needed, and come once an hour.
    ("grpc.keepalive_time_ms", 3_600_000),
    *transport.DIRECT,
    *transport.OPTIONS,
)


Call = grpc.aio.StreamStreamCall[bytes, bytes]

EOF: object = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs lack it


def connection(address: str, each: float, line: float) -> grpc.aio.Channel:
    """A channel to `address`. In seconds: how long a connection may take to stand (gRPC calls it a
    backoff: it is the deadline of a connection as well, https://github.com/grpc/grpc/issues/12830),
    and how long what was sent may lie unacknowledged by the other kernel."""
    options = (
        *CHANNEL,
        ("grpc.min_reconnect_backoff_ms", round(1000 * each)),
        ("grpc.keepalive_timeout_ms", round(1000 * line)),
    )
    return grpc.aio.insecure_channel(transport.target(address), options=options)


def open_stream(channel: grpc.aio.Channel) -> Call:
    """Begin the conversation. Messages stay bytes; the codec is called by who reads and writes."""
    call: Call = channel.stream_stream(codec.REPORT)()  # type: ignore[call-arg]  # all have defaults
    return call


async def why_not(channel: grpc.aio.Channel) -> str:
    """Why there is no connection: what gRPC found at the last attempt, which it says to a call."""
    call = open_stream(channel)
    try:
        async with asyncio.timeout(REASON):
            await call.read()
    except grpc.aio.AioRpcError as error:
        return f"no connection: {_short(error.details() or '')}"
    except TimeoutError:
        pass
    finally:
        call.cancel()
    return "no connection: nothing answers in time"


def _short(details: str) -> str:
    """gRPC's details repeat themselves; the cause stands at their end."""
    return details.splitlines()[0].rpartition("last error: ")[2][:200] if details else ""

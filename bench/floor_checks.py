"""The least that hears from many clients that they live: bare gRPC streams, and nothing decided.

`python -m bench.floor_checks server` reads what comes; `... clients ADDRESS COUNT` opens streams,
each on its own connection, and says as many bytes as an agent does every 2 s.
"""

import asyncio
import sys
import time

import grpc.aio

from scout.wire import transport

METHOD = "/bench.Floor/Check"
INTERVAL = 2.0
ROUNDS = 40
"""In which all speak during an interval: the way that costs least."""
WORD = b"\x1a" + bytes(24)
"""Of the size of a Health."""


async def serve() -> None:
    """Serve for ever."""

    async def check(_: object, context: "grpc.aio.ServicerContext[bytes, bytes]") -> None:
        while isinstance(await context.read(), bytes):
            pass

    server = grpc.aio.server(options=transport.OPTIONS)
    _, service, method = METHOD.split("/")
    handler = grpc.stream_stream_rpc_method_handler(check)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"serving grpc={port}", flush=True)
    await asyncio.Event().wait()


async def speak(address: str, count: int) -> None:
    """Speak for ever."""
    begun = time.monotonic()

    async def one(number: int) -> None:
        options = (("grpc.use_local_subchannel_pool", 1), *transport.OPTIONS)
        channel = grpc.aio.insecure_channel(address, options=options)
        await channel.channel_ready()
        call = channel.stream_stream(METHOD)()  # type: ignore[call-arg]  # all have defaults
        due = begun + INTERVAL * (number % ROUNDS) / ROUNDS
        while True:
            due += INTERVAL
            await asyncio.sleep(due - time.monotonic())
            await call.write(WORD)

    await asyncio.gather(*(one(number) for number in range(count)))


if __name__ == "__main__":
    if sys.argv[1] == "server":
        asyncio.run(serve())
    else:
        asyncio.run(speak(sys.argv[2], int(sys.argv[3])))

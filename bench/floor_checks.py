"""The least that asks many clients for a sign of life: bare gRPC streams, and nothing decided.

`python -m bench.floor_checks server` asks each stream every 2 s; `... clients ADDRESS COUNT`
opens them, each on its own connection, and answers with as many bytes as an agent does.
"""

import asyncio
import sys

import grpc.aio

from scout.wire import transport

METHOD = "/bench.Floor/Check"
INTERVAL = 2.0
ROUNDS = 40
"""In which all are asked during an interval: the way that costs least."""
QUESTION, ANSWER = b"\x12\x02\x08\x01", b"\x12" + bytes(16)
"""Of the size of a HealthCheck and a Health."""


async def ask(context: "grpc.aio.ServicerContext[bytes, bytes]") -> None:
    """Ask once."""
    await context.write(QUESTION)


async def serve() -> None:
    """Serve for ever."""
    contexts: list[grpc.aio.ServicerContext[bytes, bytes]] = []

    async def check(_: object, context: "grpc.aio.ServicerContext[bytes, bytes]") -> None:
        contexts.append(context)
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
    turn = 0
    while True:
        await asyncio.sleep(INTERVAL / ROUNDS)
        round_ = [asyncio.create_task(ask(it)) for it in contexts[turn % ROUNDS :: ROUNDS]]
        if round_:
            await asyncio.wait(round_)
        turn += 1


async def answer(address: str, count: int) -> None:
    """Answer for ever."""

    async def one() -> None:
        options = (("grpc.use_local_subchannel_pool", 1), *transport.OPTIONS)
        channel = grpc.aio.insecure_channel(address, options=options)
        await channel.channel_ready()
        call = channel.stream_stream(METHOD)()  # type: ignore[call-arg]  # all have defaults
        while isinstance(await call.read(), bytes):
            await call.write(ANSWER)

    await asyncio.gather(*(one() for _ in range(count)))


if __name__ == "__main__":
    if sys.argv[1] == "server":
        asyncio.run(serve())
    else:
        asyncio.run(answer(sys.argv[2], int(sys.argv[3])))

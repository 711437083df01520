"""The least that asks many clients for a sign of life: bare gRPC streams, and nothing decided.

`python -m bench.floor_checks server` asks each stream every 2 s; `... clients ADDRESS COUNT`
opens them, each on its own connection, and answers with as many bytes as an agent does.
"""

import asyncio
import random
import sys

import grpc.aio

METHOD = "/bench.Floor/Check"
INTERVAL = 2.0
QUESTION, ANSWER = b"\x12\x02\x08\x01", b"\x12" + bytes(16)
"""Of the size of a HealthCheck and a Health."""


async def serve() -> None:
    """Serve for ever."""
    dice = random.Random(1)

    async def check(_: object, context: "grpc.aio.ServicerContext[bytes, bytes]") -> None:
        await asyncio.sleep(dice.uniform(0, INTERVAL))
        while True:
            await context.write(QUESTION)
            if not isinstance(await context.read(), bytes):
                return
            await asyncio.sleep(INTERVAL)

    server = grpc.aio.server()
    _, service, method = METHOD.split("/")
    handler = grpc.stream_stream_rpc_method_handler(check)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"serving grpc={port}", flush=True)
    await asyncio.Event().wait()


async def answer(address: str, count: int) -> None:
    """Answer for ever."""

    async def one() -> None:
        options = (("grpc.use_local_subchannel_pool", 1),)
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

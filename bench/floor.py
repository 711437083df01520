"""The least that could do the job, made of the same libraries: the floor under the figures.

`python -m bench.floor server` serves a gRPC stream that takes a name, and HTTP that gives the last
name, or bytes from memory. `python -m bench.floor agent` sends the name of each inotify event.
Neither holds a list, checks anything, or knows a second client.
"""

import argparse
import asyncio
import io
import os
import threading
from collections.abc import AsyncIterator, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import grpc.aio
from inotify_simple import INotify, flags
from waitress import create_server

METHOD = "/bench.Floor/Watch"


class Last:
    """The last name; one writer, any number of readers."""

    def __init__(self) -> None:
        self.name = b""


def application(last: Last, memory: bytes) -> object:
    """WSGI: `/files` gives the last name, `/bytes` gives `memory`."""

    def answer(environ: WSGIEnvironment, respond: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/bytes":
            respond("200 OK", [("Content-Length", str(len(memory)))])
            whole: Iterable[bytes] = environ["wsgi.file_wrapper"](io.BytesIO(memory))
            return whole
        body = last.name
        respond("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    return answer


async def serve(size: int) -> None:
    """Serve for ever."""
    last = Last()

    async def watch(_: object, context: "grpc.aio.ServicerContext[bytes, bytes]") -> None:
        while True:
            data = await context.read()
            if not isinstance(data, bytes):
                return
            last.name = data
            await context.write(b"ok")

    server = grpc.aio.server()
    _, service, method = METHOD.split("/")
    handler = grpc.stream_stream_rpc_method_handler(watch)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    http = create_server(
        application(last, os.urandom(1024) * (size // 1024)),
        host="127.0.0.1",
        port=0,
        asyncore_use_poll=True,
    )
    threading.Thread(target=http.run, daemon=True).start()
    print(f"serving grpc={port} http={http.effective_port}", flush=True)
    await asyncio.Event().wait()


async def report(directory: str, address: str) -> None:
    """Send the name of each file that appears in `directory`."""
    inotify = INotify(nonblocking=True)
    inotify.add_watch(directory, flags.CREATE)
    ready = asyncio.Event()
    asyncio.get_running_loop().add_reader(inotify.fileno(), ready.set)

    async def names() -> AsyncIterator[bytes]:
        print("watching", flush=True)
        while True:
            await ready.wait()
            ready.clear()
            for event in inotify.read(timeout=0):
                yield event.name.encode()

    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.stream_stream(METHOD)  # type: ignore[call-arg]  # all have defaults
        async for _ in call(names()):
            pass


def main() -> None:
    """One of the two programs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["server", "agent"])
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--directory", default="")
    parser.add_argument("--address", default="")
    options = parser.parse_args()
    if options.role == "server":
        asyncio.run(serve(options.size))
    else:
        asyncio.run(report(options.directory, options.address))


if __name__ == "__main__":
    main()

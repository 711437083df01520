"""The least that could do the job, made of the same libraries: the floor under the figures.

`python -m bench.floor server` serves a gRPC stream that takes a name, and HTTP that gives the last
name, or bytes from memory; with `--bare`, HTTP by one thread without a library, and the last name
alone. `python -m bench.floor agent` sends the name of each inotify event.
Neither holds a list, checks anything, or knows a second client.
"""

import argparse
import asyncio
import contextlib
import io
import os
import socket
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


def answer_bare(where: socket.socket, last: Last) -> None:
    """HTTP without a library: one connection at a time, whatever it asks gets the last name."""
    while True:
        connection, _ = where.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, contextlib.suppress(OSError):
            while connection.recv(65536):
                body = last.name
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                connection.sendall(head.encode() + body)


async def serve(size: int, *, bare: bool) -> None:
    """Serve for ever; with `bare` by `answer_bare`."""
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
    if bare:
        where = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=answer_bare, args=(where, last), daemon=True).start()
        print(f"serving grpc={port} http={where.getsockname()[1]}", flush=True)
        await asyncio.Event().wait()
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
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--directory", default="")
    parser.add_argument("--address", default="")
    options = parser.parse_args()
    if options.role == "server":
        asyncio.run(serve(options.size, bare=options.bare))
    else:
        asyncio.run(report(options.directory, options.address))


if __name__ == "__main__":
    main()

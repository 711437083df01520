"""grpc.health.v1, both ways: asking the master at the start, and answering probes on request.

Owned by the event loop's thread.
"""

import asyncio

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from scout.core.labels import of_path
from scout.errors import MasterUnavailable
from scout.process.grpc_port import add_port
from scout.process.values import Address
from scout.wire import transport
from scout.wire.codec import SERVICE

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

WHOLE = ""
"""The service whose health is that of the whole: the directories are there and the master has
each."""

LIVENESS = "liveness"
"""The service whose health is that of the process: it makes progress. Another process would find
the same directory and the same master, so neither counts."""


def service(directory: bytes) -> str:
    """The service whose health is that of one directory: its configured path."""
    return of_path(directory)


async def check_master(address: str, timeout: float) -> None:
    """Ask the master's health once. Raises `MasterUnavailable` unless it serves in `timeout` s."""
    request = health_pb2.HealthCheckRequest(service=SERVICE)
    target = transport.target(address)
    async with grpc.aio.insecure_channel(target, options=transport.DIRECT) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(request, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise MasterUnavailable(
                "the master can't be reached",
                address,
                f"is it running there, and is the address right? ({_reason(error)})",
            ) from error
    if answer.status != SERVING:
        raise MasterUnavailable(
            "the master is not serving", address, "wait for it, or look at its log"
        )


class HealthServer:
    """Answers probes for `WHOLE`, `LIVENESS` and each `service`, on an address of its own."""

    def __init__(self) -> None:
        self.address = ""
        self._servicer = health.aio.HealthServicer()
        self._serving: dict[str, bool] = {}
        self._setting: dict[str, asyncio.Task[None]] = {}
        # With it two agents would share the port, and a probe would get either's answer.
        self._server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, self._server)

    async def start(self, address: Address) -> int:
        """Serve on `address`. The port; raises `AddressInUse` or `NoPermission`."""
        self.address = add_port(self._server, address, "health checks", "--health")
        self.set(WHOLE, serving=False)
        self.set(LIVENESS, serving=True)
        await self._server.start()
        return int(self.address.rpartition(":")[2])

    def set(self, service: str, *, serving: bool) -> None:
        """From now on answer SERVING, or NOT_SERVING, for `service`."""
        if serving is not self._serving.get(service):
            self._serving[service] = serving
            status = SERVING if serving else NOT_SERVING
            self._setting[service] = asyncio.create_task(self._servicer.set(service, status))

    async def stop(self) -> None:
        """Stop serving at once."""
        await self._server.stop(None)


def _reason(error: grpc.aio.AioRpcError) -> str:
    """The status in one short line; gRPC's details repeat themselves over several."""
    details = (error.details() or "").splitlines() or [""]
    return f"{error.code().name}: {details[0][:160]}"

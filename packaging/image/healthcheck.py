"""Is the container's program well? For HEALTHCHECK: exits with 0 or 1, and says why not.

The master is asked for /-/healthy where its options let it listen. An agent is asked for its
liveness if it has --health: without a directory or a master it is as well as it can be, and what
would start it anew for that would help nobody. Without --health it is well as long as it runs: it
has no other port.
"""

import os
import sys
import urllib.request
from pathlib import Path

import scout.agent.config
import scoutmaster.config
from scout.process.values import Address
from scout.wire import transport

LIMIT = 3.0
"""Seconds that an answer may take."""


def main() -> int:
    """Ask the first process, or what an init started in its place."""
    words = [os.fsdecode(word) for word in Path("/proc/1/cmdline").read_bytes().split(b"\0")[:-1]]
    for place, word in enumerate(words):
        match Path(word).name:
            case "scoutmaster":
                return _master(words[place + 1 :])
            case "scout":
                return _agent(words[place + 1 :])
    print("neither scout nor scoutmaster runs here")
    return 1


def _master(argv: list[str]) -> int:
    _, config = scoutmaster.config.read(argv, os.environ)
    if config is None:
        return 0
    url = f"http://{_near(config.http)}/-/healthy"
    # Whatever the environment says of proxies: this is the way to ourselves.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=LIMIT) as answer:
            print(answer.read().decode().strip())
    except OSError as error:
        print(error)
        return 1
    return 0


def _agent(argv: list[str]) -> int:
    _, config = scout.agent.config.read(argv, os.environ)
    if config is None or config.health is None:
        return 0
    # Only here: it takes longer to load than all the rest.
    import grpc  # noqa: PLC0415
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415

    from scout.agent.health import LIVENESS  # noqa: PLC0415

    with grpc.insecure_channel(_near(config.health), options=transport.DIRECT) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(service=LIVENESS), timeout=LIMIT)
        except grpc.RpcError as error:
            print(error)
            return 1
    print(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
    return 0 if answer.status == health_pb2.HealthCheckResponse.SERVING else 1


def _near(address: Address) -> str:
    """Where a listener is reached from here."""
    host = address.host if address.host not in ("", "0.0.0.0", "::") else "localhost"
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"


if __name__ == "__main__":
    sys.exit(main())

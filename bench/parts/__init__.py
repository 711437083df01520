"""What can be measured, part by part, in the order of a whole run."""

from collections.abc import Callable, Iterator

from bench.figures import Figure
from bench.parts import (
    burst,
    clients,
    first,
    idle,
    latency,
    memory,
    metrics,
    poller,
    reading,
    restart,
    start,
)
from bench.rig import Rig

Part = Callable[[Rig], Iterator[Figure]]

PARTS: dict[str, Part] = {
    "start": start.measure,
    "latency": latency.measure,
    "poller": poller.measure,
    "get": reading.measure,
    "first": first.measure,
    "memory": memory.measure,
    "burst": burst.measure,
    "idle": idle.measure,
    "clients": clients.measure,
    "restart": restart.measure,
    "metrics": metrics.measure,
}

ANYWHERE = ("latency", "poller", "get")
"""Parts that need no more than a server with `GET /files` that watches a directory."""

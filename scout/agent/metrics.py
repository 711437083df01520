"""What the agent exposes to Prometheus, read from the living state at each scrape.

Imported only when `--metrics` is given. Counters of the patrol and the session are plain numbers
that the event loop's thread counts up; the scrape's thread only reads them.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from scout import __version__
from scout.core.histogram import Histogram
from scout.process import listen
from scout.process.values import Address
from scout.process.wsgi import HttpServer

if TYPE_CHECKING:
    from scout.agent.run import Agent

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

CONNECTIONS = 16
"""Connections that are open at the same time: Prometheus has one."""


class AgentCollector(Collector):
    """Turns an agent's state into metric families. No file name is ever a label."""

    def __init__(self, agent: "Agent") -> None:
        self._agent = agent

    def collect(self) -> Iterator[Metric]:
        """All families, as of now."""
        agent = self._agent
        patrol, figures = agent.patrol, agent.patrol.figures
        yield _gauge("scout_files", "Files in the watched directory.", len(agent.inventory.names))
        yield _gauge(
            "scout_directory_available",
            "1 if the directory can be vouched for, else 0.",
            figures.available,
        )
        watching = GaugeMetricFamily(
            "scout_watching", "1 for the way in which changes are noticed.", labels=["mode"]
        )
        for mode in ("events", "poll"):
            watching.add_metric([mode], float(figures.mode == mode))
        yield watching
        yield _counter("scout_events", "inotify events read.", patrol.events)
        yield _counter(
            "scout_overflows",
            "Times that everything was in doubt because events were lost.",
            figures.overflows,
        )
        scans = CounterMetricFamily("scout_scans", "Scans of the directory.", labels=["reason"])
        for reason in ("start", "poll", "overflow", "return", "watch"):
            scans.add_metric([reason], figures.scans[reason])
        yield scans
        yield _histogram("scout_scan_seconds", "Processor time of a scan.", figures.scan_seconds)
        yield _histogram(
            "scout_change_to_ack_seconds",
            "From noticing a change to the master's acknowledgement.",
            agent.session.change_to_ack,
        )
        yield _counter(
            "scout_drift_names",
            "Names that a poll found changed although no event had announced it.",
            figures.drift,
        )
        yield _gauge(
            "scout_master_connected",
            "1 while the master has this agent registered, else 0.",
            agent.reporter.connected,
        )
        yield _counter("scout_reconnects", "Streams opened anew.", agent.reporter.reconnects)
        yield _counter(
            "scout_resyncs", "Times that the master asked for a snapshot.", agent.session.resyncs
        )
        yield _gauge("scout_changes_waiting", "Names not yet sent.", agent.inventory.waiting)
        yield _gauge(
            "scout_loop_lag_seconds",
            "Longest hold of the event loop since the last scrape.",
            agent.lag.take_worst(),
        )
        info = GaugeMetricFamily("scout_build_info", "Always 1.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info


class MetricsServer:
    """Serves `GET /metrics` on threads of its own until `close`."""

    def __init__(self, agent: "Agent", address: Address) -> None:
        """Listen on `address`. Raises `AddressInUse` or `NoPermission`."""
        registry = CollectorRegistry()
        registry.register(AgentCollector(agent))
        ProcessCollector(registry=registry)

        def application(environ: WSGIEnvironment, respond: StartResponse) -> Iterable[bytes]:
            if environ["PATH_INFO"] != "/metrics":
                respond("404 Not Found", [("Content-Type", "text/plain")])
                return [b"There is only /metrics here.\n"]
            if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
                allowed = [("Allow", "GET, HEAD"), ("Content-Type", "text/plain")]
                respond("405 Method Not Allowed", allowed)
                return [b"Only GET and HEAD are known here.\n"]
            body = generate_latest(registry)
            respond("200 OK", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body)))])
            return [body]

        self._server = HttpServer(
            application,
            listen.listen(address, "metrics", "--metrics"),
            "scout",
            threads=1,
            connections=CONNECTIONS,
        )

    @property
    def address(self) -> str:
        """Where it listens."""
        return self._server.address

    def close(self) -> None:
        """Stop serving."""
        self._server.close()


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=float(value))


def _histogram(name: str, text: str, distribution: Histogram) -> Metric:
    return HistogramMetricFamily(
        name, text, buckets=distribution.cumulative(), sum_value=distribution.sum
    )

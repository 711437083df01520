"""What the agent exposes to Prometheus, read from the living state at each scrape.

Imported only when `--metrics` is given. Counters of the patrol and the session are plain numbers
that the event loop's thread counts up; the scrape's thread only reads them.
"""

from collections import Counter
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
from scout.process import listen, log, problem
from scout.process.values import Address
from scout.process.wsgi import HttpServer

if TYPE_CHECKING:
    from scout.agent.run import Agent

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

LOST = "Log lines that were lost because nobody took them."

CONNECTIONS = 16
"""Connections that are open at the same time: Prometheus has one."""


class AgentCollector(Collector):
    """Turns an agent's state into metric families. No file name is ever a label."""

    def __init__(self, agent: "Agent") -> None:
        self._agent = agent
        self._refused: Counter[int] = Counter()

    def refused(self, status: int, _: float) -> None:
        """What came over HTTP was no request, or none that is taken. On the only thread that
        answers."""
        self._refused[status] += 1

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
        yield _gauge(
            "scout_directory_behind",
            "1 while the agent knows that it has not caught up with the directory, else 0.",
            figures.behind,
        )
        yield _gauge(
            "scout_omitted_entries",
            "Entries that are withheld because something can't take them.",
            agent.inventory.omitted,
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
        for reason in ("start", "poll", "overflow", "return", "watch", "change", "suspect", "gap"):
            scans.add_metric([reason], figures.scans[reason])
        yield scans
        yield _histogram(
            "scout_scan_seconds", "Time that the reading of a scan took.", figures.scan_seconds
        )
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
        yield _counter("scout_log_lines_dropped", LOST, log.dropped())
        yield _gauge("scout_changes_waiting", "Names not yet sent.", agent.inventory.waiting)
        yield _gauge(
            "scout_loop_lag_seconds",
            "Longest hold of the event loop in the last minute.",
            agent.lag.worst(),
        )
        refused = CounterMetricFamily(
            "scout_http_refused", "What came to --metrics and was no request.", labels=["code"]
        )
        for status, count in sorted(self._refused.copy().items()):
            refused.add_metric([str(status)], count)
        yield refused
        info = GaugeMetricFamily("scout_build_info", "Always 1.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info


class MetricsServer:
    """Serves `GET /metrics` on threads of its own until `close`."""

    def __init__(self, agent: "Agent", address: Address) -> None:
        """Listen on `address`. Raises `AddressInUse` or `NoPermission`."""
        registry = CollectorRegistry()
        collector = AgentCollector(agent)
        registry.register(collector)
        ProcessCollector(registry=registry)

        def application(environ: WSGIEnvironment, respond: StartResponse) -> Iterable[bytes]:
            path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
            status, kind = 200, CONTENT_TYPE
            headers: list[tuple[str, str]] = []
            if path not in ("/metrics", "*"):
                status, kind = 404, problem.CONTENT_TYPE
                body = problem.document(status, "there is /metrics", path)
            elif method not in ("GET", "HEAD"):
                status, kind = 405, problem.CONTENT_TYPE
                headers.append(("Allow", "GET, HEAD"))
                body = problem.document(status, "only GET and HEAD are known here", path)
            else:
                body = generate_latest(registry)
            headers += [("Content-Type", kind), ("Content-Length", str(len(body)))]
            respond(f"{status} {problem.reason(status)}", headers)
            return [] if method == "HEAD" else [body]

        self._server = HttpServer(
            application,
            listen.listen(address, "metrics", "--metrics"),
            "scout",
            threads=1,
            connections=CONNECTIONS,
            refused=collector.refused,
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

"""What the agent exposes to Prometheus, read from the living state at each scrape.

Imported only when `--metrics` is given. Counters of the monitor and the session are plain numbers
that the event loop's thread counts up; the scrape's thread only reads them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from scout.agent.agent import Agent
from scout.core.histogram import Histogram
from scout.core.labels import cut, of_path
from scout.process import listen, log, problem
from scout.process.lag import LagMonitor
from scout.process.values import Address
from scout.process.wsgi import HttpServer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

LOST = "Log lines that were lost because nobody took them."

CONNECTIONS = 16
"""Connections that are open at the same time: Prometheus has one."""


REASONS = ("start", "poll", "overflow", "return", "watch", "change", "suspect", "gap")

Kind = type[GaugeMetricFamily] | type[CounterMetricFamily]

SERIES: Sequence[tuple[Kind, str, str, Callable[[Agent], float]]] = (
    (
        GaugeMetricFamily,
        "scout_files",
        "Files in the watched directory.",
        lambda it: len(it.inventory.names),
    ),
    (
        GaugeMetricFamily,
        "scout_directory_available",
        "1 if the directory can be vouched for, else 0.",
        lambda it: it.monitor.figures.available,
    ),
    (
        GaugeMetricFamily,
        "scout_directory_behind",
        "1 while the agent knows that it has not caught up with the directory, else 0.",
        lambda it: it.monitor.figures.behind,
    ),
    (
        GaugeMetricFamily,
        "scout_omitted_entries",
        "Entries that are withheld because something can't take them.",
        lambda it: it.inventory.omitted,
    ),
    (CounterMetricFamily, "scout_events", "inotify events read.", lambda it: it.monitor.events),
    (
        CounterMetricFamily,
        "scout_overflows",
        "Times that everything was in doubt because events were lost.",
        lambda it: it.monitor.figures.overflows,
    ),
    (
        CounterMetricFamily,
        "scout_drift_names",
        "Names that a poll found changed although no event had announced it.",
        lambda it: it.monitor.figures.drift,
    ),
    (
        GaugeMetricFamily,
        "scout_master_connected",
        "1 while the master has this agent registered, else 0.",
        lambda it: it.reporter.connected,
    ),
    (
        CounterMetricFamily,
        "scout_reconnects",
        "Streams opened anew.",
        lambda it: it.reporter.reconnects,
    ),
    (
        CounterMetricFamily,
        "scout_resyncs",
        "Times that the master asked for a snapshot.",
        lambda it: it.session.resyncs,
    ),
    (
        GaugeMetricFamily,
        "scout_changes_waiting",
        "Names not yet sent.",
        lambda it: it.inventory.waiting,
    ),
)

HISTOGRAMS: Sequence[tuple[str, str, Callable[[Agent], Histogram]]] = (
    (
        "scout_scan_seconds",
        "Time that the reading of a scan took.",
        lambda it: it.monitor.figures.scan_seconds,
    ),
    (
        "scout_change_to_ack_seconds",
        "From noticing a change to the master's acknowledgement.",
        lambda it: it.session.change_to_ack,
    ),
)

LABEL_BYTES = 512
"""Bytes of a directory's path in a label."""


class AgentCollector(Collector):
    """Turns the state of all agents into metric families. No file name is ever a label."""

    def __init__(self, agents: Sequence[Agent], lag: LagMonitor) -> None:
        self._agents = [(cut(of_path(agent.directory), LABEL_BYTES), agent) for agent in agents]
        self._lag = lag
        self._refused: Counter[int] = Counter()

    def refused(self, status: int, _: float) -> None:
        """What came over HTTP was no request, or none that is taken. On the only thread that
        answers."""
        self._refused[status] += 1

    def collect(self) -> Iterator[Metric]:
        """All families, as of now."""
        yield from self._directories()
        yield _counter("scout_log_lines_dropped", LOST, log.dropped())
        yield _gauge(
            "scout_loop_lag_seconds",
            "Longest hold of the event loop in the last minute.",
            self._lag.worst(),
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

    def _directories(self) -> Iterator[Metric]:
        """The families with a series for each directory."""
        for kind, name, text, value in SERIES:
            family = kind(name, text, labels=["directory"])
            for directory, agent in self._agents:
                family.add_metric([directory], float(value(agent)))
            yield family
        for name, text, histogram in HISTOGRAMS:
            buckets = HistogramMetricFamily(name, text, labels=["directory"])
            for directory, agent in self._agents:
                distribution = histogram(agent)
                buckets.add_metric(
                    [directory], distribution.cumulative(), sum_value=distribution.sum
                )
            yield buckets
        watching = GaugeMetricFamily(
            "scout_watching",
            "1 for the way in which changes are noticed.",
            labels=["directory", "mode"],
        )
        scans = CounterMetricFamily(
            "scout_scans", "Scans of the directory.", labels=["directory", "reason"]
        )
        for directory, agent in self._agents:
            figures = agent.monitor.figures
            for mode in ("events", "poll"):
                watching.add_metric([directory, mode], float(figures.mode == mode))
            for reason in REASONS:
                scans.add_metric([directory, reason], figures.scans[reason])
        yield watching
        yield scans


class MetricsServer:
    """Serves `GET /metrics` on threads of its own until `close`."""

    def __init__(self, agents: Sequence[Agent], lag: LagMonitor, address: Address) -> None:
        """Listen on `address`. Raises `AddressInUse` or `NoPermission`."""
        registry = CollectorRegistry()
        collector = AgentCollector(agents, lag)
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

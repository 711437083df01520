"""What the master exposes to Prometheus, read from the living state at each scrape.

Gauges come from the state itself, so a client that is gone leaves no series behind. A file name
is never a label.
"""

import threading
from collections import Counter
from collections.abc import Iterator

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
from scout.core.labels import cut
from scout.process import log
from scout.process.lag import LagMonitor
from scoutmaster.core.refusal import Status
from scoutmaster.core.registry import Standing
from scoutmaster.core.transitions import Counters
from scoutmaster.core.view import ClientRow
from scoutmaster.web import Desk

APPLY = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1)
"""Bounds in seconds: a small message takes 0.05 ms, and nothing may hold the loop for 50 ms."""

HTTP = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

LABEL = 200
"""Bytes in a label. A path may have 4,096, and a client has two series or three."""

RESYNCS = ("digest", "gap", "misfit")
DEREGISTRATIONS = ("goodbye", "replaced", "unhealthy")
TRANSITIONS = ("behind", "caught_up", "deregistered", "healthy", "registered", "unhealthy")
CHANGES = ("added", "removed", "snapshot")
REFUSALS = tuple(status.name.lower() for status in Status)


class Metrics:
    """The numbers, and their text. `applied` belongs to the loop; the rest to any thread."""

    def __init__(self, desk: Desk, tally: Counters, lag: LagMonitor) -> None:
        self._desk = desk
        self._apply = Histogram(APPLY)
        self._requests: dict[tuple[str, int], Histogram] = {}
        self._lock = threading.Lock()
        self._registry = CollectorRegistry()
        self._registry.register(_State(desk, tally, lag, self._apply, self._requests))
        ProcessCollector(registry=self._registry)

    def applied(self, seconds: float) -> None:
        """A message of an agent took so long to apply."""
        self._apply.observe(seconds)

    def requested(self, route: str, status: int, seconds: float) -> None:
        """An HTTP request took so long to answer."""
        with self._lock:
            key = (route, status)
            if key not in self._requests:
                self._requests[key] = Histogram(HTTP)
            self._requests[key].observe(seconds)

    def refused(self, status: int, seconds: float) -> None:
        """What came over HTTP was no request, or none that is taken."""
        self.requested("malformed", status, seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format. Raises TimeoutError if the loop is held."""
        # Before the registry is asked: an error within a collector would lose its cause.
        rows = self._desk.clients()
        return generate_latest(self._registry) + _clients_text(rows)


class _State(Collector):
    """Everything but the families with a series for each client."""

    def __init__(
        self,
        desk: Desk,
        tally: Counters,
        lag: LagMonitor,
        applies: Histogram,
        requests: dict[tuple[str, int], Histogram],
    ) -> None:
        self._desk = desk
        self._tally = tally
        self._lag = lag
        self._applies = applies
        self._requests = requests

    def collect(self) -> Iterator[Metric]:
        """All families, as of now."""
        view, tally = self._desk.view(), self._tally
        yield GaugeMetricFamily("scoutmaster_files", "Files in the list.", value=view.files)
        yield GaugeMetricFamily(
            "scoutmaster_revision",
            "Number of the list's revision; starts again with the master.",
            value=int(view.revision.rpartition("-")[2]),
        )
        yield GaugeMetricFamily(
            "scoutmaster_complete",
            "1 if the list holds all files of all expected clients, else 0.",
            value=float(view.complete),
        )
        yield GaugeMetricFamily(
            "scoutmaster_clients_behind",
            "Healthy clients that know that not all of their files are in the list.",
            value=view.behind,
        )
        for name, text, label, known, counts in (
            ("resyncs", "Snapshots asked for.", "reason", RESYNCS, tally.resyncs),
            (
                "deregistrations",
                "Registrations ended.",
                "reason",
                DEREGISTRATIONS,
                tally.deregistrations,
            ),
            ("transitions", "Changes of clients' standing.", "to", TRANSITIONS, tally.transitions),
            (
                "changes",
                "Names added, removed, or taken in by a snapshot.",
                "kind",
                CHANGES,
                tally.changes,
            ),
            ("refusals", "Streams ended with an error.", "status", REFUSALS, tally.refusals),
        ):
            yield _counter(f"scoutmaster_{name}", text, label, known, counts)
        yield CounterMetricFamily(
            "scoutmaster_log_lines_dropped",
            "Log lines that were lost because nobody took them.",
            value=log.dropped(),
        )
        yield HistogramMetricFamily(
            "scoutmaster_apply_seconds",
            "Time to apply a message of an agent.",
            buckets=self._applies.cumulative(),
            sum_value=self._applies.sum,
        )
        requests = HistogramMetricFamily(
            "scoutmaster_http_request_seconds",
            "Time until an answer was ready to be sent.",
            labels=["route", "code"],
        )
        for (route, status), taken in list(self._requests.items()):
            requests.add_metric([route, str(status)], taken.cumulative(), taken.sum)
        yield requests
        yield GaugeMetricFamily(
            "scoutmaster_loop_lag_seconds",
            "Longest hold of the event loop in the last minute.",
            value=self._lag.worst(),
        )
        info = GaugeMetricFamily("scoutmaster_build_info", "Always 1.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info


def _counter(
    name: str, text: str, label: str, known: tuple[str, ...], counts: Counter[str]
) -> CounterMetricFamily:
    """A counter with a label; the known values are shown from the start, at 0."""
    family = CounterMetricFamily(name, text, labels=[label])
    for value in sorted({*known, *list(counts)}):
        family.add_metric([value], counts[value])
    return family


def _clients_text(rows: tuple[ClientRow, ...]) -> bytes:
    """The families with a series for each client, written out here: the library takes 20 times
    as long, and there may be thousands."""
    labels = [
        f'host="{_label(row.host)}",directory="{_label(_directory(row.directory))}"' for row in rows
    ]
    counts = Counter(row.state for row in rows)
    lines = [
        "# HELP scoutmaster_clients Registered clients by state.",
        "# TYPE scoutmaster_clients gauge",
        *(f'scoutmaster_clients{{state="{it.value}"}} {counts[it.value]}' for it in Standing),
        "# HELP scoutmaster_client_healthy 1 if the client is healthy, else 0.",
        "# TYPE scoutmaster_client_healthy gauge",
        *(
            f"scoutmaster_client_healthy{{{label}}} {int(row.state == Standing.HEALTHY.value)}"
            for label, row in zip(labels, rows, strict=True)
        ),
        "# HELP scoutmaster_client_omitted Entries that the client withholds.",
        "# TYPE scoutmaster_client_omitted gauge",
        *(
            f"scoutmaster_client_omitted{{{label}}} {row.omitted}"
            for label, row in zip(labels, rows, strict=True)
            if row.omitted
        ),
        "# HELP scoutmaster_client_files Files that the client reported last.",
        "# TYPE scoutmaster_client_files gauge",
        *(
            f"scoutmaster_client_files{{{label}}} {row.files}"
            for label, row in zip(labels, rows, strict=True)
        ),
        "",
    ]
    return "\n".join(lines).encode()


def _directory(path: bytes) -> str:
    """A path as a label. A backslash is doubled, so that no two paths look the same."""
    return path.replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")


def _label(text: str) -> str:
    """A label's value, not too long, as the text format wants it."""
    text = cut(text, LABEL)
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")

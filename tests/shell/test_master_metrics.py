"""The master's metrics as Prometheus would read them."""

import subprocess
import time
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from scout.process import log
from scout.process.lag import LagMonitor
from scoutmaster.core.transitions import Counters
from scoutmaster.core.view import ClientRow, View
from scoutmaster.metrics import Metrics
from tests.need import need

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class FakeDesk:
    """A master of whom only the numbers are asked."""

    def __init__(self) -> None:
        self.rows: tuple[ClientRow, ...] = ()
        self.silent = False

    def view(self) -> View:
        return View("00ff-42", (), 5, True, 1, 1, behind=1)

    def clients(self) -> tuple[ClientRow, ...]:
        if self.silent:
            raise TimeoutError
        return self.rows

    def ready(self) -> str | None:
        return None

    def alive(self) -> str | None:
        return None


class Stand:
    """Metrics with all that they read."""

    def __init__(self) -> None:
        self.desk = FakeDesk()
        self.tally = Counters()
        self.metrics = Metrics(self.desk, self.tally, LagMonitor(log.get("test.metrics")))

    def samples(self) -> Samples:
        """All samples; AssertionError where two are the same, which Prometheus would drop."""
        found: Samples = {}
        for family in text_string_to_metric_families(self.metrics.text().decode()):
            for it in family.samples:
                key = (it.name, frozenset(it.labels.items()))
                assert key not in found
                found[key] = it.value
        return found

    def value(self, name: str, **labels: str) -> float:
        return self.samples()[name, frozenset(labels.items())]


@pytest.fixture
def stand() -> Stand:
    return Stand()


def row(host: str, directory: bytes, state: str = "healthy", files: int = 2) -> ClientRow:
    return ClientRow(host, directory, state, "", 0.0, files, 7, 0.5, "1.0", "ipv4:1.2.3.4:5")


def test_the_list_is_described(stand: Stand) -> None:
    assert stand.value("scoutmaster_files") == 5
    assert stand.value("scoutmaster_revision") == 42
    assert stand.value("scoutmaster_complete") == 1


def test_each_client_has_its_series_and_each_state_its_count(stand: Stand) -> None:
    stand.desk.rows = (row("a", b"/d"), row("b", b"/d", "unhealthy", 9), row("c", b"/d", "syncing"))
    assert stand.value("scoutmaster_client_healthy", host="a", directory="/d") == 1
    assert stand.value("scoutmaster_client_healthy", host="b", directory="/d") == 0
    assert stand.value("scoutmaster_client_healthy", host="c", directory="/d") == 0
    assert stand.value("scoutmaster_client_files", host="b", directory="/d") == 9
    for state in ("healthy", "unhealthy", "syncing"):
        assert stand.value("scoutmaster_clients", state=state) == 1


def test_a_client_that_is_gone_leaves_no_series(stand: Stand) -> None:
    stand.desk.rows = (row("gone", b"/d"),)
    assert b"gone" in stand.metrics.text()
    stand.desk.rows = ()
    assert b"gone" not in stand.metrics.text()
    assert stand.value("scoutmaster_clients", state="healthy") == 0


@pytest.mark.parametrize(
    ("directory", "label"),
    [
        (b'/a"b\\c\nd', '/a"b\\\\c\nd'),
        ("/é".encode(), "/é"),
        (b"/\xff", "/\\xff"),
        (b"/\\n", "/\\\\n"),
        (b"/\\xff", "/\\\\xff"),
        (b"/a}b{c,d=e", "/a}b{c,d=e"),
    ],
)
def test_any_directory_can_be_a_label(stand: Stand, directory: bytes, label: str) -> None:
    stand.desk.rows = (row("a", directory),)
    assert stand.value("scoutmaster_client_files", host="a", directory=label) == 2


def test_long_directories_make_short_labels_and_stay_apart(stand: Stand) -> None:
    """A thousand of 4 KB would make 12 MB of each scrape; one long beginning is not one series."""
    stand.desk.rows = tuple(
        row("h" * 255, b"/" + b"\xff" * 4000 + b"%d" % number) for number in range(1000)
    )
    assert len(stand.metrics.text()) < 1_500_000
    assert len([it for it in stand.samples() if it[0] == "scoutmaster_client_files"]) == 1000


def test_who_is_behind_is_counted_and_who_withholds_entries_has_a_series(stand: Stand) -> None:
    stand.desk.rows = (replace(row("a", b"/d"), behind=True, omitted=3), row("b", b"/d"))
    assert stand.value("scoutmaster_clients_behind") == 1
    assert stand.value("scoutmaster_client_omitted", host="a", directory="/d") == 3
    assert stand.metrics.text().count(b"scoutmaster_client_omitted{") == 1


@pytest.mark.parametrize(
    ("name", "label", "known"),
    [
        ("resyncs", "reason", ("gap", "digest", "misfit")),
        ("deregistrations", "reason", ("goodbye", "replaced", "unhealthy")),
        ("transitions", "to", ("healthy", "unhealthy", "registered", "deregistered", "behind")),
        ("changes", "kind", ("added", "removed", "snapshot")),
        ("refusals", "status", ("already_exists", "invalid_argument", "resource_exhausted")),
    ],
)
def test_what_may_happen_is_counted_from_zero(
    stand: Stand, name: str, label: str, known: tuple[str, ...]
) -> None:
    """A series that begins at 1 hides its first event from `rate`."""
    for value in known:
        assert stand.value(f"scoutmaster_{name}_total", **{label: value}) == 0
    getattr(stand.tally, name)[known[0]] += 3
    assert stand.value(f"scoutmaster_{name}_total", **{label: known[0]}) == 3


def test_messages_and_requests_are_timed(stand: Stand) -> None:
    stand.metrics.applied(0.0002)
    stand.metrics.applied(7.0)
    stand.metrics.requested("/files", 200, 0.003)
    stand.metrics.requested("/files", 304, 0.001)
    assert stand.value("scoutmaster_apply_seconds_count") == 2
    assert stand.value("scoutmaster_apply_seconds_sum") == pytest.approx(7.0002)
    assert stand.value("scoutmaster_apply_seconds_bucket", le="0.00025") == 1
    name = "scoutmaster_http_request_seconds"
    assert stand.value(f"{name}_count", route="/files", code="304") == 1
    assert stand.value(f"{name}_bucket", route="/files", code="200", le="0.0025") == 0
    assert stand.value(f"{name}_bucket", route="/files", code="200", le="0.005") == 1


def test_the_program_and_its_process_are_described(stand: Stand) -> None:
    samples = stand.samples()
    assert 1.0 in [value for (name, _), value in samples.items() if name.endswith("_build_info")]
    names = {name for name, _ in samples}
    assert {"scoutmaster_loop_lag_seconds", "process_resident_memory_bytes"} <= names


def test_a_loop_that_is_held_is_a_time_out(stand: Stand) -> None:
    stand.desk.silent = True
    with pytest.raises(TimeoutError):
        stand.metrics.text()


def test_two_masters_in_one_process_do_not_share_numbers(stand: Stand) -> None:
    other = Stand()
    other.metrics.applied(0.1)
    assert stand.value("scoutmaster_apply_seconds_count") == 0


def test_five_thousand_clients_are_scraped_in_a_moment(stand: Stand) -> None:
    """About 10 ms; the library's own families would take 20 times as long."""
    stand.desk.rows = tuple(row(f"host-{number:05}", b"/srv/data") for number in range(5000))
    begun = time.process_time()
    text = stand.metrics.text()
    assert time.process_time() - begun < 0.15
    assert text.count(b"scoutmaster_client_files{") == 5000


def test_promtool_has_no_complaint(stand: Stand) -> None:
    need("promtool")
    stand.desk.rows = (row("a", b'/\xff"\\\n'), row("b", b"/d"))
    stand.metrics.requested("/files", 200, 0.003)
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=stand.metrics.text(),
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")

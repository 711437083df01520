"""HTTP as it is answered, by a real server on a real socket."""

import asyncio
import gzip
import http.client
import json
import logging
import time
from collections.abc import Iterator

import pytest

from scout.process.clock import boottime
from scoutmaster.core.master import Master
from scoutmaster.core.policy import Policy
from scoutmaster.reader import MasterReader
from tests.shell.web_client import LIMIT, Answer, Site, ask, serving, view_of

ROUTES = ["/files", "/clients", "/metrics", "/-/healthy", "/-/ready"]

# http.client adds it on its own account otherwise.
PLAIN = {"Accept_Encoding": "identity"}


@pytest.fixture
def site() -> Iterator[Site]:
    """A server with two files and one client."""
    with serving() as it:
        yield it


def test_files_are_json(site: Site) -> None:
    answer = site.ask("/files", **PLAIN)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert json.loads(answer.body) == {
        "files": [{"filename": "a"}, {"filename": "b"}],
        "complete": True,
        "revision": "e-1",
        "clients": {"healthy": 1, "unhealthy": 0},
    }


def test_clients_are_json(site: Site) -> None:
    answer = site.ask("/clients")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    [row] = json.loads(answer.body)["clients"]
    assert (row["host"], row["directory"], row["state"]) == ("h", "/d", "healthy")


def test_metrics_are_prometheus_text(site: Site) -> None:
    answer = site.ask("/metrics")
    assert (answer.status, answer.body) == (200, b"up 1\n")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_probes_say_one_line_and_503_with_the_reason(site: Site) -> None:
    assert site.ask("/-/healthy").body == b"alive\n"
    assert site.ask("/-/ready").body == b"ready\n"
    site.desk.trouble = "the master has just started"
    for path in ("/-/healthy", "/-/ready"):
        answer = site.ask(path)
        assert (answer.status, answer.body) == (503, b"the master has just started\n")


@pytest.mark.parametrize("path", [*ROUTES, "/nothing", "/files?x=1"])
def test_head_is_get_without_the_body(site: Site, path: str) -> None:
    """The same status and headers, the length of what GET would send; the connection lives on."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=LIMIT)
    get = ask(connection, path, **PLAIN)
    used = connection.sock
    head = ask(connection, path, "HEAD", **PLAIN)
    again = ask(connection, path, **PLAIN)
    assert connection.sock is used
    connection.close()
    assert (head.status, head.body, again.body) == (get.status, b"", get.body)
    assert without_date(head.headers) == without_date(get.headers)


def without_date(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "date"}


def test_every_answer_may_be_asked_for_again_but_not_kept_unasked(site: Site) -> None:
    for path in ROUTES:
        assert site.ask(path).headers["cache-control"] == "no-cache"


# Revalidation


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_reader_who_has_it_already_gets_304_and_no_body(
    site: Site, method: str, coding: str
) -> None:
    tag = site.ask("/files", Accept_Encoding=coding).headers["etag"]
    answer = site.ask("/files", method, Accept_Encoding=coding, If_None_Match=tag)
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == tag
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "content-type" not in answer.headers


def test_a_change_makes_the_tag_void(site: Site) -> None:
    tag = site.ask("/files", **PLAIN).headers["etag"]
    site.desk.shown = view_of(b"a", b"b", b"c", number=2)
    answer = site.ask("/files", If_None_Match=tag, **PLAIN)
    assert answer.status == 200
    assert answer.headers["etag"] != tag
    assert b'"c"' in answer.body


def test_tags_of_both_codings_differ_and_do_not_match_each_other(site: Site) -> None:
    """A strong tag names bytes (RFC 9110, 8.8.3), and the bytes differ."""
    plain = site.ask("/files", Accept_Encoding="identity").headers["etag"]
    squeezed = site.ask("/files", Accept_Encoding="gzip").headers["etag"]
    assert plain != squeezed
    assert site.ask("/files", Accept_Encoding="gzip", If_None_Match=plain).status == 200
    both = f"{plain}, {squeezed}"
    assert site.ask("/files", Accept_Encoding="gzip", If_None_Match=both).status == 304


def test_the_connection_lives_on_after_304(site: Site) -> None:
    tag = site.ask("/files", **PLAIN).headers["etag"]
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=LIMIT)
    ask(connection, "/files", **PLAIN)
    used = connection.sock
    for match, status in ((tag, 304), ('"other"', 200), (tag, 304), ("*", 304)):
        assert ask(connection, "/files", If_None_Match=match, **PLAIN).status == status
        assert connection.sock is used  # http.client would connect anew without a word
    connection.close()


def test_the_connection_ends_after_304_if_the_reader_says_so(site: Site) -> None:
    for request in (b"HTTP/1.1\r\nHost: x\r\nConnection: close", b"HTTP/1.0"):
        with site.connect() as connection:
            connection.sendall(b"GET /files " + request + b"\r\nIf-None-Match: *\r\n\r\n")
            answer = connection.makefile("rb").read()  # until the end of the connection
        assert b" 304 Not Modified\r\n" in answer


# gzip


def test_gzip_is_sent_only_to_who_asks_for_it_and_is_the_same(site: Site) -> None:
    site.desk.shown = view_of(*(b"%06d" % number for number in range(1000)))
    plain = site.ask("/files", Accept_Encoding="gzip;q=0, identity")
    squeezed = site.ask("/files", Accept_Encoding="br, gzip")
    assert "content-encoding" not in plain.headers
    assert squeezed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(squeezed.body) == plain.body
    assert len(squeezed.body) < len(plain.body) / 4
    for answer in (plain, squeezed):
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-length"] == str(len(answer.body))


# Errors


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize(
    "path",
    ["/", "/Files", "/files/", "/files/a", "/-/", "/%66iles%00", "/%C3%BC", "/%ff", "/../files"],
)
def test_an_unknown_path_is_404_and_told_what_there_is(site: Site, path: str, method: str) -> None:
    answer = site.ask(path, method)
    assert answer.status == 404
    if method != "HEAD":
        assert "/files" in answer.problem()["detail"]
    assert site.observed == {("other", 404): 1}


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_another_method_is_405_and_told_which_are_allowed(
    site: Site, path: str, method: str
) -> None:
    """Nothing here can be changed over HTTP."""
    connection = site.connect()
    connection.sendall(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
    answer = http.client.HTTPResponse(connection, method="GET")
    answer.begin()
    assert (answer.status, answer.getheader("Allow")) == (405, "GET, HEAD")
    assert answer.getheader("Content-Type") == "application/problem+json"
    assert json.loads(answer.read())["status"] == 405
    connection.close()


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("query", ["limit=5", "a&b", "=", "%00=1", "x=%ff", "a=1&a=2"])
def test_an_unknown_parameter_is_400_and_named(site: Site, path: str, query: str) -> None:
    """Passed over, it would give a whole list to who asked for a part of it."""
    answer = site.ask(f"{path}?{query}")
    assert answer.status == 400
    assert "unknown parameter" in answer.problem()["detail"]


def test_a_bug_is_500_and_logged_and_the_server_goes_on(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """No word of the inside is told to the reader."""
    site.desk.shown = None  # type: ignore[assignment]  # stands for a bug
    with caplog.at_level(logging.ERROR):
        answer = site.ask("/files")
    assert answer.status == 500
    assert "log" in answer.problem()["detail"]
    assert b"AttributeError" not in answer.body
    [record] = caplog.records
    assert record.exc_info
    assert site.ask("/-/healthy").status == 200


@pytest.mark.parametrize("match", ["", "*"])
def test_the_list_of_a_master_that_is_held_is_an_error(match: str) -> None:
    """Nobody keeps it true meanwhile: it must be neither shown nor called unchanged."""
    loop = asyncio.new_event_loop()
    master = Master(Policy(), 1, time.monotonic(), boottime())
    with serving(desk=MasterReader(master, loop)) as site:
        assert site.ask("/files").status == 200
        master.seen_at -= 3600.0  # nothing runs the loop; the list is as old as this says
        answer = site.ask("/files", If_None_Match=match)
        assert answer.status == 503
        assert "held for 3600 s" in answer.problem()["detail"]
    loop.close()


def test_what_is_no_longer_vouched_for_has_a_tag_of_its_own() -> None:
    """A 304 vouches for the body that it names: `complete` is a part of that."""
    loop = asyncio.new_event_loop()
    master = Master(Policy(settle=0.0), 1, time.monotonic(), boottime())
    with serving(desk=MasterReader(master, loop)) as site:
        for headers in (PLAIN, {"Accept_Encoding": "gzip"}):
            master.seen_at = boottime()
            whole = site.ask("/files", **headers)
            tag = whole.headers["etag"]
            assert (whole.status, read(whole)["complete"]) == (200, True)
            assert site.ask("/files", If_None_Match=tag, **headers).status == 304
            master.seen_at -= 5.0  # the loop is held
            later = site.ask("/files", If_None_Match=tag, **headers)
            assert (later.status, read(later)["complete"]) == (200, False)
            assert later.headers["etag"] != tag
            assert read(later) == {**read(whole), "complete": False}
            again = site.ask("/files", If_None_Match=later.headers["etag"], **headers)
            assert (again.status, again.headers["etag"]) == (304, later.headers["etag"])
            assert site.ask("/-/ready").status == 503
            assert site.ask("/-/healthy").status == 200
            master.seen_at = boottime()
            back = site.ask("/files", If_None_Match=later.headers["etag"], **headers)
            assert (back.status, back.headers["etag"]) == (200, tag)
            assert read(back)["complete"] is True
    loop.close()


def test_the_first_reader_after_the_host_was_suspended_is_not_told_that_all_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The monotonic clock stands still meanwhile, and the loop has not run yet."""
    loop = asyncio.new_event_loop()
    master = Master(Policy(settle=0.0), 1, time.monotonic(), boottime())
    reader = MasterReader(master, loop)
    assert reader.view().complete is True
    monkeypatch.setattr("scoutmaster.reader.boottime", lambda: boottime() + 60.0)
    assert reader.view().complete is False
    assert reader.ready() is not None
    loop.close()


def test_the_metric_and_the_list_say_the_same_of_completeness() -> None:
    loop = asyncio.new_event_loop()
    master = Master(Policy(settle=0.0), 1, time.monotonic(), boottime())
    reader = MasterReader(master, loop)
    for held, expected in ((0.0, 1), (5.0, 0), (3600.0, 0)):
        master.seen_at = boottime() - held
        assert reader.view().complete is bool(expected)
        assert (reader.ready() is None) is bool(expected)
        assert (reader.alive() is None) is (held < 10.0)
    loop.close()


def read(answer: Answer) -> dict[str, object]:
    """The body as JSON, whether it is compressed or not."""
    squeezed = answer.headers.get("content-encoding") == "gzip"
    found: dict[str, object] = json.loads(gzip.decompress(answer.body) if squeezed else answer.body)
    return found


def test_a_master_that_does_not_answer_is_503(site: Site) -> None:
    """Its list is still there: readers do not wait for the event loop."""
    site.desk.answers = False
    answer = site.ask("/clients")
    assert answer.status == 503
    assert answer.problem()["detail"]
    assert site.ask("/files").status == 200


def test_each_request_is_observed_by_route_and_status(site: Site) -> None:
    site.ask("/files")
    site.ask("/files", "POST")
    site.ask("/files?x=1")
    site.ask("/" + "x" * 1000)
    assert site.observed == {
        ("/files", 200): 1,
        ("/files", 405): 1,
        ("/files", 400): 1,
        ("other", 404): 1,
    }

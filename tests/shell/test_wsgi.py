"""The HTTP server on its sockets: many connections, slow ones, broken ones, and its end."""

import contextlib
import http.client
import json
import os
import resource
import socket
import time
from collections.abc import Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from scout.process import listen
from scout.process.values import Address
from scout.process.wsgi import HttpServer
from tests.e2e.processes import wait_until
from tests.shell.raw_http import GET
from tests.shell.web_client import LIMIT, Site, ask, serving, view_of

LONG = view_of(*(b"%0255d" % number for number in range(100_000)))
"""27 MB of body: more than any socket buffer, or waitress' own limit of 16 MiB, takes."""


def test_many_requests_on_one_connection() -> None:
    with serving() as site:
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=LIMIT)
        first = ask(connection, "/files")
        used = connection.sock
        for number in range(2, 200):
            site.desk.shown = view_of(b"a", number=number)
            assert json.loads(ask(connection, "/files").body)["revision"] == f"e-{number}"
        assert connection.sock is used
        connection.close()
        assert first.status == 200


def test_requests_sent_ahead_are_answered_in_order() -> None:
    with serving() as site, site.connect() as connection:
        connection.sendall(
            GET + GET.replace(b"/files", b"/clients") + GET.replace(b"/files", b"/no")
        )
        reader = connection.makefile("rb")
        statuses = []
        for _ in range(3):
            statuses.append(int(reader.readline().split()[1]))
            length = 0
            while (line := reader.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            assert len(reader.read(length)) == length
        assert statuses == [200, 200, 404]


def test_slow_readers_do_not_block_others() -> None:
    """Three times as many as there are threads ask for a long list and read nothing."""
    with serving(threads=2) as site:
        site.desk.shown = LONG
        slow = [site.connect(window=4096) for _ in range(6)]
        for connection in slow:
            connection.sendall(GET)
            assert connection.recv(9) == b"HTTP/1.1 "
        assert site.answers()
        for connection in slow:
            connection.close()


def test_slow_readers_that_ask_ahead_do_not_block_others() -> None:
    """The second answer waits for its turn without holding a thread."""
    with serving(threads=2) as site:
        site.desk.shown = LONG
        slow = [site.connect(window=4096) for _ in range(6)]
        for connection in slow:
            connection.sendall(GET * 3)
            assert connection.recv(9) == b"HTTP/1.1 "
        for _ in range(20):
            assert site.answers()
        for connection in slow:
            connection.close()


def test_answers_that_nobody_takes_do_not_pile_up() -> None:
    """What is asked ahead waits until its turn has come: there is one answer for a connection,
    however often its thread comes round."""
    with serving(threads=1) as site:
        site.desk.shown = LONG
        with site.connect(window=4096) as connection:
            connection.sendall(GET * 200)
            assert connection.recv(9) == b"HTTP/1.1 "
            for _ in range(20):
                assert site.answers()
            assert site.observed["/files", 200] == 1


@pytest.mark.parametrize("size", [1, 3, 50, 100_000])
def test_requests_sent_ahead_in_any_pieces_are_answered_in_order(size: int) -> None:
    """With bodies, blank lines between them, and both ways to tell a body's end."""
    some = [
        (b"GET /files HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"\r\n\r\nPOST /files HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\r\n\r\n", 405),
        (b"GET /no HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (
            (
                b"POST /no HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"4\r\n\r\n\r\n\r\n0\r\n\r\n"
            ),
            404,
        ),
        (b"GET /clients?x=1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ] * 20
    sent = b"".join(request for request, _ in some)
    with serving() as site, site.connect() as connection:
        for at in range(0, len(sent), size):
            connection.sendall(sent[at : at + size])
        connection.shutdown(socket.SHUT_WR)
        reader = connection.makefile("rb")
        statuses = []
        for _ in some:
            statuses.append(int(reader.readline().split()[1]))
            fields = http.client.parse_headers(reader)
            reader.read(int(fields["Content-Length"]))
    assert statuses == [status for _, status in some]


@pytest.mark.parametrize("more", [b"\r\n", GET * 3, b"x" * 1_000_000])
def test_the_last_answer_arrives_whole_whatever_is_sent_behind_its_request(more: bytes) -> None:
    """Closed with bytes unread, the connection would be reset, and the answer cut."""
    with serving() as site:
        site.desk.shown = LONG
        for _ in range(5):
            with site.connect(window=4096) as connection:
                connection.sendall(GET[:-2] + b"Connection: close\r\n\r\n")
                connection.sendall(more[:100_000])
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                assert len(json.loads(answer.read())["files"]) == LONG.files


def test_one_server_serves_several_sockets() -> None:
    first = listen.listen(Address("127.0.0.1", 0), "HTTP", "--http")
    port = first[0].getsockname()[1]
    second = listen.listen(Address("127.0.0.2", port), "HTTP", "--http")

    def app(_: WSGIEnvironment, respond: StartResponse) -> list[bytes]:
        respond("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    server = HttpServer(app, [*first, *second], "test", threads=1, connections=2)
    try:
        assert server.address == f"127.0.0.1:{port}, 127.0.0.2:{port}"
        for _ in range(10):
            for host in ("127.0.0.1", "127.0.0.2"):
                connection = http.client.HTTPConnection(host, port, timeout=LIMIT)
                assert ask(connection, "/").body == b"ok"
                connection.close()
    finally:
        server.close()
    listen.listen(Address("127.0.0.2", port), "HTTP", "--http")[0].close()


def test_a_slow_reader_gets_the_revision_that_it_asked_for_whole() -> None:
    """Even if the list changes a hundred times while it reads."""
    with serving() as site:
        site.desk.shown = LONG
        with site.connect(window=4096) as connection:
            connection.sendall(GET)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            head = answer.read(100_000)
            for number in range(2, 102):
                site.desk.shown = view_of(b"other", number=number)
                assert site.ask("/files").status == 200
            whole = json.loads(head + answer.read())
        assert len(whole["files"]) == LONG.files
        assert whole["revision"] == "e-1"


def test_readers_that_leave_in_the_middle_are_forgotten() -> None:
    with serving(threads=2) as site:
        site.desk.shown = LONG
        for _ in range(20):
            with site.connect(window=4096) as connection:
                connection.sendall(GET)
                assert connection.recv(9) == b"HTTP/1.1 "
        assert site.answers()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET /files HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /files HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /files HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (b"POST /files HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"GET /files HTTP/1.1\r\nTransfer-Encoding: odd\r\n\r\n", 501),
    ],
)
def test_what_is_no_request_is_refused_and_the_server_goes_on(sent: bytes, status: int) -> None:
    """A port scanner, a TLS client, endless headers, a body that nobody wants."""
    with serving() as site:
        with site.connect() as connection:
            connection.sendall(sent)
            assert int(connection.makefile("rb").readline().split()[1]) == status
        assert site.answers()


def test_connections_that_never_ask_do_not_keep_others_out() -> None:
    with serving() as site:
        idle = [site.connect() for _ in range(50)]
        idle[0].sendall(b"GET /files HTT")
        assert site.answers()
        for connection in idle:
            connection.close()


def test_at_the_limit_of_connections_the_next_one_waits_until_one_leaves() -> None:
    """It is not lost: it is answered as soon as there is room. Nobody is sent away who has just
    asked something."""
    with serving(connections=5) as site:
        held = []
        for _ in range(5):
            connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=LIMIT)
            ask(connection, "/-/healthy")
            held.append(connection)
        with site.connect() as waiting:
            waiting.sendall(GET)
            for connection in held:
                used = connection.sock
                assert ask(connection, "/-/healthy").status == 200
                assert connection.sock is used
            for connection in held:
                connection.close()
            assert waiting.recv(12) == b"HTTP/1.1 200"


def test_who_does_not_use_his_connection_makes_room() -> None:
    """Whether he has asked nothing, half a question, or for a list that he does not read."""
    with serving(connections=3, still=1.0) as site:
        site.desk.shown = LONG
        silent, halting, full = (site.connect(window=4096) for _ in range(3))
        halting.sendall(b"GET /files HTT")
        full.sendall(GET)
        for _ in range(10):
            assert site.answers()
        for connection in (silent, halting, full):
            connection.close()


def test_that_the_server_lives_is_seen_though_nobody_gets_in() -> None:
    with serving(connections=2) as site:
        crowd = [site.connect() for _ in range(10)]
        before = site.server.served_at
        site.server.prod()
        wait_until(lambda: site.server.served_at > before)
        for connection in crowd:
            connection.close()


@contextlib.contextmanager
def no_descriptors() -> Iterator[None]:
    """A process that has used up all the descriptors that it may have."""
    held = []
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, limits[0]), limits[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_without_a_descriptor_the_next_one_waits_and_the_log_is_not_filled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving() as site, socket.socket() as connection:
        with no_descriptors():
            connection.connect(("127.0.0.1", site.port))
            wait_until(lambda: caplog.records)
            wait_until(lambda: not site.server._server.readable())  # it does not try again at once
        connection.sendall(GET)
        assert connection.recv(12) == b"HTTP/1.1 200"
    assert [record.getMessage() for record in caplog.records] == ["no room for another connection"]
    assert caplog.records[0].fields["reason"] == "Too many open files"  # type: ignore[attr-defined]


def test_without_a_descriptor_an_idle_connection_makes_room() -> None:
    with serving(still=0.0) as site, socket.socket() as connection, site.connect() as idle:
        connection.settimeout(LIMIT)
        wait_until(lambda: site.server._server.active_channels)
        with no_descriptors():
            connection.connect(("127.0.0.1", site.port))
            connection.sendall(GET)
            assert connection.recv(12) == b"HTTP/1.1 200"
            assert idle.recv(1) == b""


# Addresses


def test_close_is_prompt_although_readers_are_slow_and_others_idle() -> None:
    """The master must not be kept by who does not read; the port is free at once."""
    site = Site(threads=2)
    site.desk.shown = LONG
    open_ = [site.connect(window=4096) for _ in range(6)]
    for connection in open_[:4]:
        connection.sendall(GET * 2)
        assert connection.recv(9) == b"HTTP/1.1 "
    begun = time.monotonic()
    site.server.close()
    assert time.monotonic() - begun < 1.5
    assert not site.server._thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        site.connect()
    for connection in open_:
        connection.close()
    Site(port=site.port).server.close()


def test_close_is_prompt_right_after_the_start() -> None:
    for _ in range(20):
        begun = time.monotonic()
        Site().server.close()
        assert time.monotonic() - begun < 1.5


def test_close_writes_to_its_pipe_before_the_pipe_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Though the server's loop wakes and sees the end for another reason just before."""
    site = Site()
    pull = site.server._server.pull_trigger

    def pull_late() -> None:
        pull()
        site.server._thread.join(0.2)  # the loop must not get to its end meanwhile
        assert site.server._thread.is_alive()
        pull()

    monkeypatch.setattr(site.server._server, "pull_trigger", pull_late)
    site.server.close()
    assert not site.server._thread.is_alive()

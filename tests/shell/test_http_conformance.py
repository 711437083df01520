"""HTTP/1 to the letter, on real sockets: what is taken is answered, and each answer ends where it
says."""

import socket
from collections.abc import Iterator

import pytest

from tests.shell.raw_http import GET, HEAD, Raw, check_refused
from tests.shell.web_client import Site, serving


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as it:
        yield it


# 100-continue


@pytest.mark.parametrize("body", [b"", b"Content-Length: 0\r\n"])
def test_who_expects_100_for_no_body_gets_its_answer_and_keeps_its_next_request(
    site: Site, body: bytes
) -> None:
    with Raw(site, HEAD + b"Expect: 100-continue\r\n" + body + b"\r\n" + GET) as raw:
        assert [raw.answer()[0], raw.answer()[0]] == [200, 200]


@pytest.mark.parametrize("method", [b"GET", b"POST"])
@pytest.mark.parametrize(
    ("how", "body"),
    [(b"Content-Length: 5", b"hello"), (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n")],
)
def test_who_expects_100_before_a_body_gets_it(
    site: Site, method: bytes, how: bytes, body: bytes
) -> None:
    head = method + b" /files HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\n" + how + b"\r\n\r\n"
    with Raw(site, head) as raw:
        for _ in range(3):
            assert raw.answer()[0] == 100
            raw.socket.sendall(body)
            assert raw.answer()[0] == (200 if method == b"GET" else 405)
            raw.socket.sendall(head)
        assert raw.answer()[0] == 100


def test_who_expects_100_and_sends_the_body_at_once_gets_one_answer(site: Site) -> None:
    sent = HEAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
    with Raw(site, sent + GET) as raw:
        assert [raw.answer()[0], raw.answer()[0]] == [200, 200]


def test_who_expects_100_for_too_large_a_body_gets_413_instead(site: Site) -> None:
    sent = HEAD + b"Expect: 100-continue\r\nContent-Length: 5000000\r\n\r\n"
    with Raw(site, sent) as raw:
        check_refused(raw, 413)


def test_expect_means_nothing_in_http_1_0(site: Site) -> None:
    sent = b"GET /files HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
    with Raw(site, sent) as raw:
        assert raw.answer()[0] == 200
        assert raw.ended()


# What is taken


@pytest.mark.parametrize(
    "sent",
    [
        GET,
        b"\r\n" + GET,
        b"GET http://elsewhere:1/files HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET HTTPS://x/files HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /%66iles HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /files? HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /files HTTP/1.2\r\nHost: x\r\n\r\n",
        b"GET /files HTTP/1.1\r\nHost:\r\n\r\n",
        b"GET /files HTTP/1.1\r\nHost: [::1]:3001\r\n\r\n",
        b"GET /files HTTP/1.1\r\nhOST:x\t \r\nX:\r\nX: \xff\tx\r\n\r\n",
        HEAD + b"Content-Length: 5\r\n\r\nhello",
        HEAD + b"Content-Length: 005\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n05;a="b";c\r\nhello\r\n000\r\nX: y\r\n\r\n',
        HEAD + b"X: y\r\n" * 99 + b"\r\n",
        HEAD + b"Content-Length: 16384\r\n\r\n" + b"x" * 16384,
        HEAD + b"Content_Length: 5\r\n\r\n",
    ],
)
def test_what_is_a_request_is_answered_and_the_connection_lives_on(site: Site, sent: bytes) -> None:
    with Raw(site, sent + GET) as raw:
        first, second = raw.answer(), raw.answer()
        assert (first[0], second[0]) == (200, 200)
        assert first[2] == second[2]
    assert not site.refused


def test_a_request_line_of_8_kilobytes_is_read(site: Site) -> None:
    """As long as nginx passes it on."""
    target = b"/files?x=" + b"y" * (8192 - 22)
    with Raw(site, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n") as raw:
        assert raw.answer()[0] == 400
    assert site.observed == {("/files", 400): 1}


@pytest.mark.parametrize(
    ("field", "lives"),
    [
        (b"Connection: close", False),
        (b"Connection: Close", False),
        (b"Connection: close, TE", False),
        (b"Connection: TE,\tCLOSE", False),
        (b"Connection: TE\r\nConnection: close", False),
        (b"Connection: keep-alive", True),
        (b"Connection: not-close", True),
        (b"Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x", True),
    ],
)
def test_the_connection_ends_if_one_of_its_options_says_so(
    site: Site, field: bytes, lives: bool
) -> None:
    with Raw(site, HEAD + field + b"\r\n\r\n") as raw:
        _, headers, _ = raw.answer()
        assert (headers["Connection"] != "close") is lives
        if lives:
            raw.socket.sendall(GET)
            assert raw.answer()[0] == 200
        else:
            assert raw.ended()


@pytest.mark.parametrize(
    ("field", "lives"),
    [
        (b"", False),
        (b"Connection: Keep-Alive\r\n", True),
        (b"Connection: TE, keep-alive\r\n", True),
        (b"Connection: keep-alive, close\r\n", False),
    ],
)
def test_in_http_1_0_the_connection_lives_on_only_if_asked_to(
    site: Site, field: bytes, lives: bool
) -> None:
    with Raw(site, b"GET /files HTTP/1.0\r\n" + field + b"\r\n") as raw:
        assert raw.answer()[0] == 200
        if lives:
            raw.socket.sendall(GET)
            assert raw.answer()[0] == 200
        else:
            assert raw.ended()


@pytest.mark.parametrize("method", ["get", "Get", "OPTIONS", "TRACE", "FILES"])
def test_another_method_is_405_whatever_its_letters(site: Site, method: str) -> None:
    with Raw(site, method.encode() + b" /files HTTP/1.1\r\nHost: x\r\n\r\n" + GET) as raw:
        status, headers, _ = raw.answer()
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
        assert raw.answer()[0] == 200


def test_options_for_the_whole_server_are_told_which_methods_there_are(site: Site) -> None:
    with Raw(site, b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" + GET) as raw:
        status, headers, _ = raw.answer()
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
        assert raw.answer()[0] == 200


def test_urgent_data_do_not_keep_the_server_busy(site: Site) -> None:
    """They would wake it again and again, and fill the log."""
    with Raw(site, b"GET /files HTT") as raw:
        raw.socket.send(b"P", socket.MSG_OOB)
        raw.socket.sendall(b"/1.1\r\nHost: x\r\n\r\n")
        assert raw.answer()[0] == 200


def test_many_refusals_are_one_line_in_the_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for _ in range(50):
        with Raw(site, b"\0") as raw:
            check_refused(raw, 400)
    assert [it.getMessage() for it in caplog.records] == ["a request was refused"]
    assert site.refused == {400: 50}


def test_a_failing_application_answers_with_a_problem_and_its_head_has_no_body() -> None:
    """Ours catches what it can; this is what is behind that."""
    with serving() as site:
        site.server._server.application = lambda *_: 1 / 0
        for method in ("GET", "HEAD"):
            with Raw(site, method.encode() + b" /files HTTP/1.1\r\nHost: x\r\n\r\n") as raw:
                status, headers, body = raw.answer(method)
                assert (status, headers["Content-Type"]) == (500, "application/problem+json")
                assert bool(body) is (method == "GET")
                assert raw.ended()


def test_half_a_request_is_closed_when_its_sender_has_gone(site: Site) -> None:
    with Raw(site, b"GET /files HTTP/1.1\r\nHost") as raw:
        raw.socket.shutdown(socket.SHUT_WR)
        assert raw.ended()

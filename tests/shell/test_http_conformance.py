"""HTTP/1 to the letter, on real sockets: what can be read in two ways is refused, what is refused
is answered, and each answer ends where it says."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.e2e.processes import wait_until
from tests.shell.web_client import Site, serving

GET = b"GET /files HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as it:
        yield it


class Raw:
    """A connection on which bytes are sent, and answers are read one by one."""

    def __init__(self, site: Site, sent: bytes) -> None:
        self.socket = site.connect()
        self.socket.sendall(sent)
        self.reader = self.socket.makefile("rb")

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()
        self.socket.close()

    def answer(self, method: str = "GET") -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of the next answer."""
        status = int(self.reader.readline().split()[1])
        headers = http.client.parse_headers(self.reader)
        body = b""
        if method != "HEAD" and status not in (100, 304):
            body = self.reader.read(int(headers["Content-Length"]))
        return status, headers, body

    def ended(self) -> bool:
        """Is there nothing more, and has the server closed the connection?"""
        return self.reader.read() == b""


def check_refused(raw: Raw, status: int) -> str:
    """The answer is a problem of that status, and the last one. Its detail."""
    found, headers, body = raw.answer()
    assert found == status
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Connection"] == "close"
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["title"]
    assert raw.ended()
    return str(problem["detail"])


HEAD = b"GET /files HTTP/1.1\r\nHost: x\r\n"

REFUSED = [
    # The first line.
    (b"GET\r\n\r\n", 400),
    (b"GET /files\r\n\r\n", 400),
    (b"GET /files HTTP/1.1 \r\nHost: x\r\n\r\n", 400),
    (b"GET  /files HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b" GET /files HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET\t/files\tHTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /files http/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /files HTTP/11\r\nHost: x\r\n\r\n", 400),
    (b"GET /files HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    (b"GET /files HTTP/0.9\r\nHost: x\r\n\r\n", 505),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"GET files HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /files#x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET ftp://x/files HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET http:///files HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET http://user@x/files HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /fi\0les HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    (b"G@T /files HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"M" * 33 + b" /files HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"\r\n" * 20 + GET, 400),
    # Host.
    (b"GET /files HTTP/1.1\r\n\r\n", 400),
    (HEAD + b"Host: x\r\n\r\n", 400),
    (HEAD + b"host: y\r\n\r\n", 400),
    (b"GET /files HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", 400),
    (b"GET /files HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    (b"GET /files HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    (b"GET http://x/files HTTP/1.1\r\n\r\n", 400),
    # Header fields.
    (HEAD + b"no colon\r\n\r\n", 400),
    (HEAD + b"X : y\r\n\r\n", 400),
    (HEAD + b"X\t: y\r\n\r\n", 400),
    (HEAD + b": y\r\n\r\n", 400),
    (HEAD + b"X: y\r\n z\r\n\r\n", 400),
    (b"GET /files HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    (HEAD + b"X: a\0b\r\n\r\n", 400),
    (HEAD + b"X: a\x0bb\r\n\r\n", 400),
    (HEAD + b"X: a\rb\r\n\r\n", 400),
    (HEAD + b"X\xc3\xbc: y\r\n\r\n", 400),
    (HEAD + b"X: " + b"x" * 40_000 + b"\r\n\r\n", 431),
    (HEAD + b"X: y\r\n" * 101 + b"\r\n", 431),
    # Where the body ends.
    (HEAD + b"Content-Length: -1\r\n\r\n", 400),
    (HEAD + b"Content-Length: +1\r\n\r\nx", 400),
    (HEAD + b"Content-Length: 0x1\r\n\r\nx", 400),
    (HEAD + b"Content-Length: 1 1\r\n\r\nx", 400),
    (HEAD + b"Content-Length:\r\n\r\n", 400),
    (HEAD + b"Content-Length: 1, 1\r\n\r\nx", 400),
    (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
    (HEAD + b"Content-Length: 99999999\r\n\r\n", 413),
    (HEAD + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n", 413),
    (HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", 400),
    (b"GET /files HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (HEAD + b"Transfer-Encoding: odd\r\n\r\n", 501),
    (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    (HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    (HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", 501),
    (HEAD + b"Transfer-Encoding:\r\n\r\n", 400),
    (HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    (HEAD + b"Expect: tea\r\n\r\n", 417),
]

CHUNKED = b"POST /files HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

REFUSED += [
    (CHUNKED + chunks, status)
    for chunks, status in [
        (b"x\r\n", 400),
        (b"-1\r\n", 400),
        (b"0x5\r\nhello\r\n0\r\n\r\n", 400),
        (b"5 \r\nhello\r\n0\r\n\r\n", 400),
        (b"5\nhello\r\n0\r\n\r\n", 400),
        (b"5\r\nhello0\r\n\r\n", 400),
        (b"5\r\nhello!\r\n0\r\n\r\n", 400),
        (b"5\r\nhello\n0\r\n\r\n", 400),
        (b"\r\n5\r\nhello\r\n0\r\n\r\n", 400),
        (b"5" + b";x" * 500 + b"\r\n", 400),
        (b"5" * 300, 400),
        (b"ffffffffffffffffff\r\n", 413),
        (b"5000\r\n", 413),
        (b"0\r\nno colon\r\n\r\n", 400),
    ]
]


@pytest.mark.parametrize(("sent", "status"), REFUSED)
def test_what_is_no_request_is_refused_with_a_problem_and_the_connection_ends(
    site: Site, sent: bytes, status: int
) -> None:
    """And nothing that was sent behind it is taken for a request."""
    with Raw(site, sent + GET) as raw:
        check_refused(raw, status)
    assert site.refused == {status: 1}
    assert not site.observed  # the application never saw it


@pytest.mark.parametrize(("sent", "status"), [it for it in REFUSED if len(it[0]) < 10_000])
def test_what_is_no_request_is_refused_byte_by_byte_too(
    site: Site, sent: bytes, status: int
) -> None:
    with Raw(site, b"") as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in sent:
            raw.socket.send(bytes([byte]))
        check_refused(raw, status)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01",
        b"\x80\x2e\x01\x00\x02",
        b"\0",
        b"GET /files HTTP/1.1\nHost: x\n\n",
        b"GET /files HTTP/1.1\r\nHost: x\n",
        b"\n",
        b"GET /files\rHTTP",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"EHLO example.org\r\n",
        b"x" * 40,
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"\r\n\r\n\0\r\nQUIT\n",
        b'{"method": "GET"',
        b"GET /files HTTP/2.0\r\n",
        HEAD + b"no colon\r\n",
        CHUNKED + b"x\r\n",
    ],
)
def test_what_can_not_become_a_request_is_answered_without_waiting_for_its_end(
    site: Site, sent: bytes
) -> None:
    """Whoever speaks another protocol waits for our word, for ever."""
    with Raw(site, sent) as raw:
        status, _, _ = raw.answer()
        assert status in (400, 505)
        assert raw.ended()
    assert site.ask("/-/healthy").status == 200


def test_tls_is_told_that_this_port_speaks_plain_http(site: Site) -> None:
    outgoing = ssl.MemoryBIO()
    hello = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="x")
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    with Raw(site, outgoing.read()) as raw:
        assert "plain HTTP" in check_refused(raw, 400)


def test_a_refused_head_has_no_body(site: Site) -> None:
    for sent, status in (
        (b"HEAD /files HTTP/1.1\r\n\r\n", 400),
        (b"HEAD /files HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"HEAD /files HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431),
    ):
        with Raw(site, sent) as raw:
            found, headers, _ = raw.answer("HEAD")
            assert (found, headers["Connection"]) == (status, "close")
            assert int(headers["Content-Length"]) > 0
            assert raw.ended()


def test_the_answer_to_a_refused_body_arrives_although_the_body_is_not_read(site: Site) -> None:
    """A connection that is closed with bytes unread is reset, and the answer may be lost."""
    for _ in range(20):
        with Raw(site, HEAD + b"Content-Length: 4000000\r\n\r\n") as raw:
            raw.socket.sendall(b"x" * 4_000_000)
            check_refused(raw, 413)


def test_a_refused_connection_does_not_stay_open_although_its_peer_does(site: Site) -> None:
    with Raw(site, b"\0") as raw:
        check_refused(raw, 400)
        wait_until(lambda: not site.server._server.active_channels)


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

"""What is no request, or can be read in two ways, is refused: by a problem, and at once."""

import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.e2e.processes import wait_until
from tests.shell.raw_http import GET, HEAD, Raw, check_refused
from tests.shell.web_client import Site, serving


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as it:
        yield it


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

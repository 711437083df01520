"""Reading a request: in any pieces the same, and bounded, whatever comes."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scout.core.http_head import MAX_HEAD_BYTES, Refusal
from scout.core.http_request import RequestReader

LIMIT = 16 * 1024

PIECES = (
    b"GET ", b"POST ", b"HEAD", b"/files", b" HTTP/1.1", b" HTTP/1.0", b"\r\n", b"\n", b"\r", b" ",
    b"Host: x\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n",
    b"0\r\n\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"\0", b"\xff", b"X:",
    b"GET /files HTTP/1.1\r\nHost: x\r\n", b"abc", b"\x16\x03\x01", b";a=b",
)  # fmt: skip
STREAMS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=12).map(b"".join),
)


def outcome(stream: bytes, cuts: list[int]) -> tuple[object, ...]:
    """What becomes of `stream`, cut at `cuts`: refused why; or what was asked, and what is left."""
    reader = RequestReader(LIMIT)
    at = 0
    rest = b""
    for cut in [*sorted(cuts), len(stream)]:
        piece, at = stream[at:cut], max(at, cut)
        if reader.done:
            rest += piece
            continue
        try:
            reader.feed(piece)
        except Refusal as refusal:
            return (refusal.status,)
    return reader.done, reader.head, reader.behind + rest if reader.done else b""


@given(STREAMS, st.lists(st.integers(0, 200), max_size=8))
def test_a_request_is_the_same_in_whatever_pieces_it_comes(stream: bytes, cuts: list[int]) -> None:
    inside = [it for it in cuts if it <= len(stream)]
    assert outcome(stream, inside) == outcome(stream, [])
    assert outcome(stream, list(range(len(stream)))) == outcome(stream, [])


@given(STREAMS)
def test_what_is_read_and_what_is_left_make_the_whole(stream: bytes) -> None:
    done, _, rest = (*outcome(stream, []), None, None)[:3]
    if done is True:
        assert isinstance(rest, bytes)
        used = stream[: len(stream) - len(rest)]
        assert outcome(used, []) == (True, outcome(stream, [])[1], b"")


@pytest.mark.parametrize(
    "endless",
    [b"x", b"x ", b"\r\n", b"/", b"X: y\r\n", b"X: y", b"5\r\nhello\r\n", b"1;", b"\xff"],
)
@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET ",
        b"GET /files HTTP/1.1\r\n",
        b"GET /files HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /files HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    ],
)
def test_what_has_no_end_is_refused(head: bytes, endless: bytes) -> None:
    reader = RequestReader(LIMIT)
    with contextlib.suppress(Refusal):
        reader.feed(head)
        for _ in range(100):
            reader.feed(endless * 1000)
            assert len(reader.behind) <= MAX_HEAD_BYTES
            if reader.done:
                return
        raise AssertionError

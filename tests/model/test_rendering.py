"""Rendered views against the plainest rendering, and bodies against files, for arbitrary input."""

import base64
import gzip
import io
import json
import zlib
from array import array
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoutmaster import render
from scoutmaster.core.chunk import Chunk
from scoutmaster.core.view import ClientRow, View

NAME = st.binary(min_size=1, max_size=255).filter(lambda it: b"/" not in it and b"\0" not in it)
"""Any name that Linux allows: few of these are UTF-8."""

TEXT_NAME = st.text(min_size=1, max_size=60).map(lambda it: it.encode("utf-8", "surrogatepass"))
"""Text of all planes, and lone surrogates, which are not UTF-8 although they look so."""

PLAIN_NAME = st.from_regex(rb"[!-~]{1,20}", fullmatch=True)

NAMES = st.lists(NAME | TEXT_NAME | PLAIN_NAME, max_size=40)

PIECES = st.lists(st.binary(max_size=7), max_size=20)


def view_of(chunks: list[list[bytes]], revision: str = "0-1", complete: bool = True) -> View:
    """A view of these names, in these chunks."""
    made = tuple(
        Chunk(names, array("I", [1] * len(names)), frozenset([1])) for names in chunks if names
    )
    return View(revision, made, sum(map(len, chunks)), complete, 3, 1)


def naive(name: bytes) -> dict[str, str]:
    """An entry as the contract has it, made the plainest way."""
    text = name.decode("utf-8", "replace")
    if text.encode("utf-8", "surrogatepass") == name:
        return {"filename": text}
    return {"filename": text, "filename_b64": base64.b64encode(name).decode()}


def exact(entry: dict[str, str], field: str = "filename") -> bytes:
    """The bytes themselves, as a reader gets them back."""
    if f"{field}_b64" in entry:
        return base64.b64decode(entry[f"{field}_b64"], validate=True)
    return entry[field].encode()


@given(st.lists(NAMES, max_size=5), st.booleans())
def test_files_equal_a_naive_rendering_and_lose_nothing(
    chunks: list[list[bytes]], complete: bool
) -> None:
    view = view_of(chunks, "00e-7", complete)
    names = [name for chunk in chunks for name in chunk]
    answer = json.loads(b"".join(render.files(view)))
    assert answer == {
        "files": [naive(name) for name in names],
        "complete": complete,
        "revision": "00e-7",
        "clients": {"healthy": 3, "unhealthy": 1},
    }
    assert [exact(entry) for entry in answer["files"]] == names


@given(NAME | TEXT_NAME | PLAIN_NAME)
def test_each_single_name_is_one_line_of_valid_utf8(name: bytes) -> None:
    """A newline in a name is escaped; the only one in the body is its last byte."""
    body = b"".join(render.files(view_of([[name]])))
    assert body.decode().count("\n") == 1
    assert body.endswith(b"}\n")


def test_every_single_byte_as_a_name() -> None:
    """Each on its own, so that none hides behind an awkward neighbour."""
    for number in range(1, 256):
        name = bytes([number])
        [entry] = json.loads(b"".join(render.files(view_of([[name]]))))["files"]
        assert entry == naive(name)


@given(st.lists(NAMES, max_size=5))
def test_gzip_decompresses_to_the_same(chunks: list[list[bytes]]) -> None:
    """With Python's gzip, with zlib as browsers and curl use it, and byte by byte."""
    view = view_of(chunks)
    plain = b"".join(render.files(view))
    squeezed = b"".join(render.files_gzip(view))
    assert gzip.decompress(squeezed) == plain
    whole = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert whole.decompress(squeezed) + whole.flush() == plain
    assert (whole.eof, whole.unused_data) == (True, b"")
    slow = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert b"".join(slow.decompress(squeezed[at : at + 1]) for at in range(len(squeezed))) == plain


@given(st.lists(st.tuples(st.text(max_size=5), NAME.map(lambda it: b"/" + it)), max_size=8))
def test_clients_come_in_the_order_of_host_and_directory_without_loss(
    claims: list[tuple[str, bytes]],
) -> None:
    rows = [
        ClientRow(host, directory, "healthy", "", 0.0, 0, 0, 0.0, "1", "p")
        for host, directory in claims
    ]
    listed: list[dict[str, Any]] = json.loads(render.clients(rows))["clients"]
    assert [(it["host"], exact(it, "directory")) for it in listed] == sorted(claims)


def bodies(pieces: list[bytes]) -> tuple[render.Body, io.BytesIO]:
    """The same bytes as a body and as a file."""
    return render.Body(pieces), io.BytesIO(b"".join(pieces))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few bytes, so that short bodies have many."""
    monkeypatch.setattr(render, "BLOCK", 5)


@given(PIECES)
def test_reading_on_and_on_gives_the_whole(pieces: list[bytes]) -> None:
    body, plain = bodies(pieces)
    assert body.size == len(plain.getvalue())
    assert b"".join(iter(lambda: body.read(3), b"")) == plain.getvalue()
    assert body.read(3) == b""
    assert body.tell() == body.size


@pytest.mark.usefixtures("small_blocks")
def test_a_server_that_sends_what_the_socket_takes_loses_nothing() -> None:
    """waitress asks for the length by seeking to the end and back, then again and again looks at
    a block, goes back, and skips what it could send."""

    @given(PIECES, st.data())
    @settings(max_examples=300)
    def send(pieces: list[bytes], data: st.DataObject) -> None:
        body, plain = bodies(pieces)
        assert body.seek(0, io.SEEK_END) == body.tell() == len(plain.getvalue())
        body.seek(0)
        sent = b""
        remain = body.size
        while remain:
            start = body.tell()
            look = body.read(min(remain, data.draw(st.integers(1, 12))))
            assert look
            body.seek(start)
            took = data.draw(st.integers(1, len(look)))
            assert body.read(took) == look[:took]
            sent += look[:took]
            remain -= took
        assert sent == plain.getvalue()
        assert body.read(10) == b""

    send()


@pytest.mark.usefixtures("small_blocks")
def test_reads_and_seeks_agree_with_a_file_s() -> None:
    """Any walk of reads and of seeks back into what was read last: a prefix of what a file would
    give, and never nothing before the end."""

    @given(PIECES, st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=40))
    @settings(max_examples=300)
    def walk(pieces: list[bytes], steps: list[tuple[bool, int]]) -> None:
        body, plain = bodies(pieces)
        last = 0
        for is_read, number in steps:
            if is_read:
                at = body.tell()
                plain.seek(at)
                part, wanted = body.read(number), plain.read(number)
                assert wanted.startswith(part)
                assert bool(part) is bool(wanted)
                last = at
                assert body.tell() == at + len(part)
            else:
                back = min(number, body.tell() - last)
                assert body.seek(-back, io.SEEK_CUR) == body.tell()

    walk()

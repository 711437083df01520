"""Views -> bodies: what a reader decodes is what was held, and one change costs one chunk."""

import base64
import gzip
import io
import json
import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scoutmaster import render
from scoutmaster.core.chunk import cut
from scoutmaster.core.view import ClientRow, View

AWKWARD = [
    b'"',
    b"\\",
    b"\n",
    b"\x01\x1f\x7f",
    b"</script>",
    b" ",
    b"-rf",
    "é\u2028\U0001f600".encode(),
    b"\xff",
    b"half\xc3",
    b"\xed\xa0\x80",
    b"x" * 4095,
]


def view(names: list[bytes], complete: bool = True) -> View:
    entries = [(name, 1) for name in sorted(names)]
    return View("00ff-7", tuple(cut(entries)), len(entries), complete, 3, 1)


def decoded(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body.decode())
    return found


def exact(entry: dict[str, str]) -> bytes:
    """The name that an entry of `/files` stands for."""
    if "filename_b64" in entry:
        return base64.b64decode(entry["filename_b64"], validate=True)
    return entry["filename"].encode()


def test_the_body_is_as_documented_to_the_byte() -> None:
    assert b"".join(render.files(view([b"b", b"a"]))) == (
        b'{"files":[{"filename":"a"},{"filename":"b"}],"complete":true,"revision":"00ff-7",'
        b'"clients":{"healthy":3,"unhealthy":1}}\n'
    )


def test_an_empty_list_is_a_list() -> None:
    assert b"".join(render.files(view([], complete=False))) == (
        b'{"files":[],"complete":false,"revision":"00ff-7","clients":{"healthy":3,"unhealthy":1}}\n'
    )


def test_duplicates_are_kept() -> None:
    assert [
        it["filename"] for it in decoded(b"".join(render.files(view([b"a", b"a"]))))["files"]
    ] == ["a", "a"]


@pytest.mark.parametrize("name", AWKWARD)
def test_an_awkward_name_comes_back_exactly(name: bytes) -> None:
    entry = decoded(b"".join(render.files(view([b"plain", name]))))["files"]
    assert sorted([b"plain", name]) == [exact(it) for it in entry]


@pytest.mark.parametrize("name", AWKWARD)
def test_the_exact_bytes_are_given_only_where_the_text_is_not_exact(name: bytes) -> None:
    (entry,) = decoded(b"".join(render.files(view([name]))))["files"]
    try:
        name.decode()
    except UnicodeDecodeError:
        assert "\ufffd" in entry["filename"]
        assert name == exact(entry)
    else:
        assert {"filename": name.decode()} == entry


@given(st.lists(st.binary(min_size=1, max_size=12), max_size=30))
@example(AWKWARD)
def test_any_names_come_back_in_order(names: list[bytes]) -> None:
    body = b"".join(render.files(view(names)))
    assert sorted(names) == [exact(it) for it in decoded(body)["files"]]


@pytest.mark.parametrize("count", [0, 1, 1000, 1001, 5000])
def test_the_compressed_body_is_one_gzip_member_of_the_same_bytes(count: int) -> None:
    names = [b"%06d" % number for number in range(count)] + AWKWARD
    it = view(names if count else [])
    packed = b"".join(render.files_gzip(it))
    source = io.BytesIO(packed)
    with gzip.GzipFile(fileobj=source) as reader:
        assert b"".join(render.files(it)) == reader.read()
    assert len(packed) == source.tell()
    assert packed.count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00") == 1


def test_after_a_change_of_one_chunk_only_that_is_rendered_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = view([b"%06d" % number for number in range(10_000)])
    render.files_gzip(before)
    (changed,) = cut([(b"005000x", 1)])
    chunks = (*before.chunks[:5], changed, *before.chunks[5:])
    rendered: list[list[bytes]] = []
    real = render._names_json

    def seen(names: list[bytes]) -> bytes:
        rendered.append(names)
        return real(names)

    monkeypatch.setattr(render, "_names_json", seen)
    after = View("00ff-8", chunks, 10_001, True, 3, 1)
    render.files(after)
    render.files_gzip(after)
    assert rendered == [[b"005000x"]]


def test_a_request_copies_no_long_rendering() -> None:
    """Neither for the comma that the first has too much, nor to join it with its neighbours."""
    names = [b"%06d" % number + b"x" * 4089 for number in range(2500)]
    it = view(names)
    pieces = render.files(it)
    _, *texts, _ = pieces
    shared = [text.obj for text in texts if isinstance(text, memoryview)]
    assert len(shared) == len(texts)
    remembered = {id(chunk.rendered["json"]) for chunk in it.chunks}
    assert {id(text) for text in shared} == remembered
    assert max(map(len, texts)) <= render.BLOCK
    assert max(map(len, iter(render.Body(pieces).read, b""))) <= 2 * render.BLOCK
    assert decoded(b"".join(pieces))["files"] == [{"filename": name.decode()} for name in names]


@given(st.lists(st.binary(min_size=1, max_size=12), max_size=30))
@example(AWKWARD)
def test_how_long_a_list_will_be_is_known_before_it_is_rendered(names: list[bytes]) -> None:
    """To the byte for plain names, and for all once they are remembered."""
    it = view(names)
    plain = sum(len(b',{"filename":""}') + len(name) for name in names)
    assert render.brief(it, plain)
    assert not render.brief(it, plain - 1)
    render.files(it)
    exactly = sum(len(chunk.rendered["json"]) for chunk in it.chunks)
    assert exactly >= plain
    assert render.brief(it, exactly)
    assert not render.brief(it, exactly - 1)


def test_a_body_reads_and_seeks_like_a_file() -> None:
    """Any order of reads and seeks, against BytesIO; more of them than waitress ever makes."""
    dice = random.Random(7)
    whole = dice.randbytes(3 * render.BLOCK + 17)
    cuts = sorted(dice.randrange(len(whole)) for _ in range(40))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    body, model = render.Body(pieces), io.BytesIO(whole)
    assert len(whole) == body.size
    for _ in range(3000):
        if dice.random() < 0.3:
            place = dice.randrange(len(whole) + 10)
            whence = dice.choice([io.SEEK_SET, io.SEEK_CUR, io.SEEK_END])
            offset = place - {0: 0, 1: model.tell(), 2: len(whole)}[whence]
            assert model.seek(offset, whence) == body.seek(offset, whence)
        part = body.read(dice.randrange(1, render.BLOCK))
        assert model.read(len(part)) == part
        assert bool(part) == (body.tell() - len(part) < len(whole))
        assert model.tell() == body.tell()


def test_a_body_is_read_to_its_end_in_blocks() -> None:
    pieces = [b"ab" * 70_000, b"", b"c", b"d" * 400_000]
    assert b"".join(pieces) == b"".join(iter(render.Body(pieces).read, b""))
    assert render.Body([]).read(1) == b""


def row(host: str, directory: bytes, since: float = 0.0) -> ClientRow:
    return ClientRow(host, directory, "healthy", "", since, 2, 7, 0.12345, "1.0", "ipv4:[::1]:9")


def test_clients_are_shown_in_order_of_host_and_directory() -> None:
    body = render.clients([row("b", b"/x"), row("a", b"/y"), row("a", b"/x", 1.5)])
    listed = decoded(body)["clients"]
    assert [(it["host"], it["directory"]) for it in listed] == [
        ("a", "/x"),
        ("a", "/y"),
        ("b", "/x"),
    ]
    assert listed[0] == {
        "host": "a",
        "directory": "/x",
        "state": "healthy",
        "reason": "",
        "behind": False,
        "omitted": 0,
        "since": "1970-01-01T00:00:01.500Z",
        "files": 2,
        "sequence": 7,
        "lag": 0.123,
        "version": "1.0",
        "peer": "ipv4:[::1]:9",
    }


def test_who_is_not_all_there_is_shown_with_it_and_with_where_its_path_leads() -> None:
    told = ClientRow(
        "a", b"/current", "healthy", "late", 0.0, 2, 7, 0.1, "1", "p", b"/releases/42\xff", True, 3
    )
    (it,) = decoded(render.clients([told]))["clients"]
    assert (it["behind"], it["omitted"], it["reason"]) == (True, 3, "late")
    assert it["directory"] == "/current"
    assert base64.b64decode(it["real_path_b64"]) == b"/releases/42\xff"


def test_how_many_are_behind_is_said_only_if_there_are_any() -> None:
    """Who reads the summary of a list that is well finds what was always there."""
    view = View("e-1", (), 0, False, 3, 0)
    assert decoded(b"".join(render.files(view)))["clients"] == {"healthy": 3, "unhealthy": 0}
    view = View("e-1", (), 0, False, 3, 0, behind=2)
    assert decoded(b"".join(render.files(view)))["clients"]["behind"] == 2


def test_a_directory_that_is_not_utf8_is_given_exactly() -> None:
    (it,) = decoded(render.clients([row("a", b"/\xff")]))["clients"]
    assert (it["directory"], base64.b64decode(it["directory_b64"])) == ("/\ufffd", b"/\xff")

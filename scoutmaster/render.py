"""Views -> bytes. What a chunk renders to is remembered in the chunk, so that one change costs one
chunk; bodies are never joined, they are read piece by piece while they are sent.

Any thread may call these: chunks are immutable, and two who render the same put the same.
"""

import base64
import io
import json
import json.encoder
import zlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from scoutmaster.core.chunk import Chunk
from scoutmaster.core.view import ClientRow, View

BLOCK = 256 * 1024
"""Bytes handed to the socket at once. Larger ones are copied in vain where it takes less."""

Piece = bytes | memoryview
"""A part of a body. A view is a part of what is remembered that nobody had to copy."""

_HEAD = b'{"files":['
_AROUND = len(b',{"filename":""}')
_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
"""What stands in a JSON string as it is; all but controls, quotes, backslash, and non-ASCII."""


class Body(io.RawIOBase):
    """Pieces of bytes as one file that can be read and sought, for `wsgi.file_wrapper`.

    A server asks for a block, sends what the socket takes and asks again from there; so the last
    block is kept, and the place is searched for only after a seek out of it.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        super().__init__()
        self._pieces = pieces
        self.size = sum(map(len, pieces))
        self._at = 0
        self._piece = 0
        self._block = b""
        self._block_at = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The offset of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to `offset`, counted from where `whence` (`io.SEEK_...`) says."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, at most a block; b"" at the end."""
        while not 0 <= self._at - self._block_at < len(self._block):
            if self._at < self._block_at:
                self._block_at = self._piece = 0
                self._block = b""
            if not self._fill():
                return b""
        start = self._at - self._block_at
        end = len(self._block) if size < 0 else start + size
        part = self._block[start:end] if start or end < len(self._block) else self._block
        self._at += len(part)
        return part

    def _fill(self) -> bool:
        """Make the next block out of whole pieces. False if there are none left."""
        self._block_at += len(self._block)
        first, length = self._piece, 0
        while self._piece < len(self._pieces) and length < BLOCK:
            length += len(self._pieces[self._piece])
            self._piece += 1
        self._block = b"".join(self._pieces[first : self._piece])
        return bool(self._block)


def files(view: View) -> Sequence[Piece]:
    """The body of `/files` in pieces, none longer than a block."""
    # A thousand chunks for a million names, at each request: no call for one that is remembered.
    texts = [it.rendered.get("json") or chunk_json(it) for it in view.chunks]
    if max(map(len, texts), default=0) > BLOCK:
        return [_HEAD, *_cut(texts), _tail(view)]
    if texts:
        texts[0] = texts[0][1:]
    return [_HEAD, *texts, _tail(view)]


def brief(view: View, most: int) -> bool:
    """Are the names at most `most` bytes of the body?

    Counted where they are remembered. Where not, they count as if they were plain: what is not
    makes at most about six times as much, and is remembered then.
    """
    size = 0
    for chunk in view.chunks:
        text = chunk.rendered.get("json")
        if text is None:
            size += sum(map(len, chunk.names)) + _AROUND * len(chunk)
        else:
            size += len(text)
    return size <= most


def files_gzip(view: View) -> Sequence[Piece]:
    """The same, compressed: one gzip member (RFC 1952) of independent deflate fragments.

    Each chunk's fragment ends at a byte and refers to nothing before it, so it can be kept and
    put together anew with others. Only the first is made each time, without its comma.
    """
    pieces: list[Piece] = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff", _deflate(_HEAD)]
    checksum, size = zlib.crc32(_HEAD), len(_HEAD)
    for number, chunk in enumerate(view.chunks):
        text = memoryview(chunk_json(chunk))[0 if number else 1 :]
        pieces.append(_remembered(chunk, "deflate", _deflated) if number else _deflate(text))
        checksum, size = zlib.crc32(text, checksum), size + len(text)
    tail = _tail(view)
    pieces.append(_deflate(tail, last=True))
    checksum, size = zlib.crc32(tail, checksum), size + len(tail)
    pieces.append(checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little"))
    return pieces


def chunk_json(chunk: Chunk) -> bytes:
    """`,{"filename":"a"},{"filename":"b"}`, the comma in front included."""
    return _remembered(chunk, "json", lambda it: _names_json(it.names))


def clients(rows: Iterable[ClientRow]) -> bytes:
    """The body of `/clients`, in the order of host and directory."""
    listed = []
    for row in sorted(rows, key=lambda row: (row.host, row.directory)):
        since = datetime.fromtimestamp(row.since, UTC).isoformat(timespec="milliseconds")
        listed.append(
            {
                "host": row.host,
                **_text("directory", row.directory),
                **(_text("real_path", row.real_path) if row.real_path else {}),
                "state": row.state,
                "reason": row.reason,
                "behind": row.behind,
                "omitted": row.omitted,
                "since": since.replace("+00:00", "Z"),
                "files": row.files,
                "sequence": row.sequence,
                "lag": round(row.lag, 3),
                "version": row.version,
                "peer": row.peer,
            }
        )
    return json.dumps({"clients": listed}, ensure_ascii=False).encode() + b"\n"


def _cut(texts: Iterable[bytes]) -> Iterable[memoryview]:
    """Blocks of these, without the first comma. Only names that are long make a text that is."""
    for number, text in enumerate(texts):
        for start in range(0 if number else 1, len(text), BLOCK):
            yield memoryview(text)[start : start + BLOCK]


def _tail(view: View) -> bytes:
    clients = {"healthy": view.healthy, "unhealthy": view.unhealthy}
    if view.behind:
        clients["behind"] = view.behind
    summary = {"complete": view.complete, "revision": view.revision, "clients": clients}
    return b"]," + json.dumps(summary, separators=(",", ":")).encode()[1:] + b"\n"


def _names_json(names: list[bytes]) -> bytes:
    # A fifth of the time that a regular expression takes.
    if not b"".join(names).translate(None, _PLAIN):
        return b',{"filename":"' + b'"},{"filename":"'.join(names) + b'"}'
    return b"".join([b"," + _name_json(name) for name in names])


def _name_json(name: bytes) -> bytes:
    # json.dumps would make an encoder for each name, which takes most of its time.
    quoted = json.encoder.encode_basestring
    fields = (f'"{key}":{quoted(text)}' for key, text in _text("filename", name).items())
    return f"{{{','.join(fields)}}}".encode()


def _text(field: str, value: bytes) -> dict[str, str]:
    """`value` as text, and exactly where it is not UTF-8."""
    try:
        return {field: value.decode()}
    except UnicodeDecodeError:
        exact = base64.b64encode(value).decode()
        return {field: value.decode("utf-8", "replace"), f"{field}_b64": exact}


def _remembered(chunk: Chunk, form: str, render: Callable[[Chunk], bytes]) -> bytes:
    found = chunk.rendered.get(form)
    if found is None:
        found = chunk.rendered[form] = render(chunk)
    return found


def _deflated(chunk: Chunk) -> bytes:
    return _deflate(chunk_json(chunk))


def _deflate(data: Piece, *, last: bool = False) -> bytes:
    # Level 1: names compress 8 to 1 with it, and the next level takes twice the time.
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return squeeze.compress(data) + squeeze.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)

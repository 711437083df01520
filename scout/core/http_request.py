"""Reads one HTTP/1 request from bytes as they come, whatever pieces they come in.

1. What can't become a request is refused with the byte that shows it.
2. A body is read, so that the next request is found behind it, and thrown away: none is of use
   to any of our answers.
3. No peer makes this hold more than the limits of the head and of one piece.

Pure; owned by whoever feeds it, on one thread at a time.
"""

import re
from collections.abc import Generator

from scout.core.http_head import (
    MAX_FIELDS,
    MAX_HEAD_BYTES,
    MAX_LINE_BYTES,
    Head,
    Refusal,
    RequestLine,
    field,
    head,
    refuse_garbage,
    request_line,
)

MAX_BLANK_LINES = 8
"""Blank lines before a request. One is to be passed over (RFC 9112, 2.2): some clients end a body
with a line too many."""

MAX_CHUNK_LINE_BYTES = 256
"""The longest line before a chunk: its size, and extensions that nobody uses."""

_CHUNK = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")

Reading = Generator[None, None, None]


class RequestReader:
    """One request. It is `done` when its body has come too; `behind` is then what follows it."""

    def __init__(self, max_body_bytes: int) -> None:
        self.line: RequestLine | None = None
        self.head: Head | None = None
        self.done = False
        self._max_body = max_body_bytes
        self._bytes = b""
        self._read = 0  # bytes of the head or of the body's framing and content, so far
        self._reading = self._request()
        next(self._reading)

    @property
    def behind(self) -> bytes:
        """What came and was not read."""
        return self._bytes

    @property
    def waits_for_continue(self) -> bool:
        """Does the client wait for 100 before it sends the body?"""
        return (
            self.head is not None
            and self.head.expects_continue
            and not self.done
            and not self._bytes
            and not self._read
        )

    def feed(self, data: bytes) -> None:
        """Read `data`. Raises `Refusal`, after which nothing may be fed."""
        self._bytes += data
        next(self._reading, None)

    def _request(self) -> Reading:
        """Runs until it needs more bytes, again and again."""
        yield
        self.head = yield from self._head()
        self._read = 0
        length = self.head.length
        if length is None:
            yield from self._chunks()
        elif length > self._max_body:
            raise self._too_large()
        else:
            yield from self._skip(length)
        self.done = True

    def _head(self) -> Generator[None, None, Head]:
        line = b""
        for _ in range(MAX_BLANK_LINES + 1):
            line = yield from self._head_line(MAX_LINE_BYTES, first=True)
            if line:
                break
        else:
            raise Refusal(400, "there are only blank lines")
        self.line = request_line(line)
        fields: list[tuple[str, str]] = []
        while line := (yield from self._head_line(MAX_HEAD_BYTES, first=False)):
            if len(fields) == MAX_FIELDS:
                raise Refusal(431, f"there are more than {MAX_FIELDS} header fields")
            fields.append(field(line))
        return head(self.line, fields)

    def _head_line(self, limit: int, *, first: bool) -> Generator[None, None, bytes]:
        """The next line, without its end. Each byte is looked at as soon as it is there."""
        seen = 0
        while (end := self._bytes.find(b"\n", seen)) < 0:
            seen = len(self._bytes)
            refuse_garbage(self._bytes, first=first)
            self._check_size(seen, limit, first=first)
            yield
        line, self._bytes = self._bytes[:end], self._bytes[end + 1 :]
        refuse_garbage(line, first=first)
        if line[-1:] != b"\r":
            raise Refusal(400, "there is a LF without CR: lines end in CR LF")
        self._check_size(len(line) - 1, limit, first=first)
        self._read += end + 1
        return line[:-1]

    def _check_size(self, size: int, limit: int, *, first: bool) -> None:
        if first and size > limit:
            raise Refusal(414, f"the first line is longer than {limit} bytes")
        if self._read + size > MAX_HEAD_BYTES:
            raise Refusal(431, f"the head is longer than {MAX_HEAD_BYTES} bytes")

    def _chunks(self) -> Reading:
        """A body in chunks (RFC 9112, 7.1)."""
        while True:
            line = yield from self._body_line(MAX_CHUNK_LINE_BYTES)
            found = _CHUNK.fullmatch(line)
            if not found:
                raise Refusal(400, "a chunk must begin with its size")
            # More digits than any chunk needs that would be taken.
            size = int(found[1].lstrip(b"0")[:15] or b"0", 16)
            if not size:
                break
            if self._read + size > self._max_body:
                raise self._too_large()
            yield from self._skip(size)
            if (yield from self._body_line(0)):
                raise Refusal(400, "a chunk is longer than its size")
        while line := (yield from self._body_line(MAX_LINE_BYTES)):
            refuse_garbage(line, first=False)
            field(line)

    def _body_line(self, limit: int) -> Generator[None, None, bytes]:
        """A line of a body's framing, without its end."""
        while (end := self._bytes.find(b"\n")) < 0:
            self._check_framing(self._bytes, limit)
            yield
        line, self._bytes = self._bytes[:end], self._bytes[end + 1 :]
        self._check_framing(line, limit)
        if line[-1:] != b"\r":
            raise Refusal(400, "there is a LF without CR in the body's framing")
        self._read += end + 1
        if self._read > self._max_body:
            raise self._too_large()
        return line[:-1]

    @staticmethod
    def _check_framing(line: bytes, limit: int) -> None:
        """Refuse what is too long for a line, or has a CR elsewhere than at its end."""
        if len(line) - (line[-1:] == b"\r") > limit or b"\r" in line[:-1]:
            raise Refusal(400, "the body's chunks are malformed")

    def _skip(self, size: int) -> Reading:
        """Pass over the next `size` bytes."""
        while size:
            while not self._bytes:
                yield
            taken = min(size, len(self._bytes))
            self._bytes = self._bytes[taken:]
            self._read += taken
            size -= taken

    def _too_large(self) -> Refusal:
        return Refusal(413, f"the body is larger than {self._max_body} bytes; none is needed")

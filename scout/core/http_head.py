"""The head of an HTTP/1 request (RFC 9110, RFC 9112): what is asked, or why it is refused.

Strict on purpose: what two programs could read in two ways is refused, and its connection ends.
So nobody behind a proxy can hide one request in another. Pure; nothing here keeps state.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

MAX_LINE_BYTES = 16 * 1024
"""The longest request line. nginx passes on 8 KiB, and a proxy's limit should be met first."""

MAX_HEAD_BYTES = 32 * 1024
"""The longest head, request line and all."""

MAX_FIELDS = 100
"""Header fields of a request. Browsers send about 20."""

MAX_METHOD_BYTES = 32
"""The longest method that is taken for one; the longest registered has 17 letters."""

TLS_HANDSHAKE = 0x16
"""The first byte of a TLS connection (RFC 8446, 5.1)."""

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_METHOD = re.compile(_TOKEN)
_NAME = re.compile(_TOKEN)
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e\x80-\xff]+) HTTP/([0-9])\.([0-9])")
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#@]+)(/[^?#]*)?(\?[^#]*)?")
_HOST = re.compile(r"(?:\[[0-9A-Fa-fv:.%~_-]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::[0-9]*)?")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(r"[0-9]+")


class Refusal(Exception):
    """The request is answered with `status`, and its connection is closed. The text is for
    people."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True, slots=True)
class RequestLine:
    """The first line. `path` is percent-decoded, its bytes as Latin-1, as PEP 3333 wants it;
    `version` is "1.0" or "1.1"."""

    method: str
    target: str
    path: str
    query: str
    version: str


@dataclass(frozen=True, slots=True)
class Head:
    """A whole head. `fields` has PEP 3333's names without HTTP_. `length` is that of the body in
    bytes, None if it comes in chunks."""

    line: RequestLine
    fields: dict[str, str]
    length: int | None
    expects_continue: bool
    keeps_alive: bool


def refuse_garbage(piece: bytes, *, first: bool) -> None:
    """Raise `Refusal` if a line that begins with `piece` can't belong to a head, `first` to its
    request line: who speaks something else than HTTP/1 may wait for us to speak."""
    # The CR may be the first half of the line's end.
    if piece[-1:] == b"\r":
        piece = piece[:-1]
    if first and piece[:1] == bytes([TLS_HANDSHAKE]):
        raise Refusal(400, "this port speaks plain HTTP, and this is TLS: ask with http://")
    if b"\r" in piece:
        raise Refusal(400, "there is a CR without LF: lines end in CR LF")
    if _CONTROL.search(piece):
        raise Refusal(400, "there are control characters in the head: this is not HTTP/1.1")
    if first:
        method = piece.partition(b" ")[0]
        if len(method) > MAX_METHOD_BYTES or (piece and not _METHOD.fullmatch(method)):
            raise Refusal(400, "this does not begin with a method: this port speaks HTTP/1.1")


def request_line(line: bytes) -> RequestLine:
    """Read the first line, without its end. Raises `Refusal`."""
    found = _REQUEST_LINE.fullmatch(line)
    if not found:
        raise Refusal(400, "the first line must be METHOD, TARGET and HTTP/1.1")
    method, target, major, minor = found.groups()
    if major != b"1":
        raise Refusal(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    if method == b"CONNECT":
        raise Refusal(501, "this is no proxy")
    path, query = _split(target, method)
    return RequestLine(
        method.decode("ascii"),
        target.decode("latin-1"),
        unquote_to_bytes(path).decode("latin-1"),
        query.decode("latin-1"),
        "1.0" if minor == b"0" else "1.1",
    )


def _split(target: bytes, method: bytes) -> tuple[bytes, bytes]:
    """Path and query of a request's target, in each form that it may have (RFC 9112, 3.2)."""
    if target == b"*" and method == b"OPTIONS":
        return target, b""
    if target.startswith(b"/") and b"#" not in target:
        path, _, query = target.partition(b"?")
        return path, query
    absolute = _ABSOLUTE.fullmatch(target)
    if not absolute:
        raise Refusal(400, "the target must be a path that begins with /, without a fragment")
    return absolute[2] or b"/", (absolute[3] or b"?")[1:]


def field(line: bytes) -> tuple[str, str]:
    """Read a header field: its name in small letters, and its value. Raises `Refusal`."""
    if line[:1] in (b" ", b"\t"):
        raise Refusal(400, "a header field goes on in the next line, which is long obsolete")
    name, colon, value = line.partition(b":")
    if not colon or not _NAME.fullmatch(name):
        raise Refusal(400, "a header field must be NAME: VALUE, with nothing before the colon")
    return name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")


def head(line: RequestLine, fields: Iterable[tuple[str, str]]) -> Head:
    """Put a head together. Raises `Refusal`."""
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    length = _body_length(line, values)
    _check_host(line, values)
    options = _tokens(values, "connection")
    if line.version == "1.1":
        keeps_alive = "close" not in options
    else:
        keeps_alive = "keep-alive" in options and "close" not in options
    return Head(
        line,
        # A name with _ would be the same as one with - in PEP 3333.
        {
            name.upper().replace("-", "_"): ", ".join(them)
            for name, them in values.items()
            if "_" not in name
        },
        length,
        _expects_continue(line, values) and length != 0,
        keeps_alive,
    )


def _tokens(values: dict[str, list[str]], name: str) -> list[str]:
    """The members of a list of tokens, in small letters."""
    members = ",".join(values.get(name, ())).split(",")
    return [it.strip(" \t").lower() for it in members if it.strip(" \t")]


def _body_length(line: RequestLine, values: dict[str, list[str]]) -> int | None:
    """Where the body ends (RFC 9112, 6.3)."""
    lengths = values.get("content-length")
    if "transfer-encoding" in values:
        if lengths:
            raise Refusal(400, "Transfer-Encoding and Content-Length exclude each other")
        if line.version == "1.0":
            raise Refusal(400, "HTTP/1.0 has no Transfer-Encoding")
        codings = _tokens(values, "transfer-encoding")
        if any(it != "chunked" for it in codings):
            raise Refusal(501, "of transfer codings only chunked is known here")
        if codings != ["chunked"]:
            raise Refusal(400, "Transfer-Encoding must name chunked once")
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise Refusal(400, "Content-Length must be one whole number")
    # Longer ones are refused for their size anyway, and int() refuses thousands of digits.
    return int(lengths[0].lstrip("0")[:18] or "0")


def _check_host(line: RequestLine, values: dict[str, list[str]]) -> None:
    """RFC 9112, 3.2: a server must answer 400 to a request of HTTP/1.1 without exactly one."""
    hosts = values.get("host", [])
    if len(hosts) > 1:
        raise Refusal(400, "there is more than one Host")
    if not hosts and line.version == "1.1":
        raise Refusal(400, "HTTP/1.1 wants a Host")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise Refusal(400, "Host must be HOST or HOST:PORT")


def _expects_continue(line: RequestLine, values: dict[str, list[str]]) -> bool:
    """Does the client wait for 100 before it sends the body? HTTP/1.0 can't (RFC 9110, 10.1.1)."""
    expected = _tokens(values, "expect")
    if line.version == "1.0" or not expected:
        return False
    if any(it != "100-continue" for it in expected):
        raise Refusal(417, "only 100-continue can be expected")
    return True

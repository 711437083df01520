r"""A file of directories, line by line: `PATH [key=value ...]`, with escapes as in fstab(5).

Rules of this file:

1. Fields are parted by blanks and tabs. A field that begins with `#` begins a comment.
2. A backslash and three octal digits are the byte of that number, so that any path can be written:
   `\040` is a blank, `\011` a tab, `\012` the end of a line, `\134` a backslash. A backslash
   that begins anything else is a mistake.
3. Nothing else means anything: no quotes, no continued lines, no variables. Bytes stay bytes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_BYTES = 4 * 1024 * 1024
"""Bytes of such a file: a thousand of the longest paths."""

_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})?")


@dataclass(frozen=True, slots=True)
class Line:
    """One directory. `number` counts from 1."""

    number: int
    path: bytes
    settings: tuple[tuple[str, str], ...]


class Misspelled(Exception):
    """Line `number` can't be read; `why` says what is wrong and what would be right."""

    def __init__(self, number: int, why: str) -> None:
        self.number = number
        self.why = why
        super().__init__(f"line {number}: {why}")


def split(data: bytes) -> Iterator[Line]:
    """The lines of `data` that name a directory. Raises `Misspelled`."""
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.endswith(b"\r"):
            why = "a carriage return ends it: has the file Windows' ends of lines?"
            raise Misspelled(number, why)
        fields = [_unescape(field, number) for field in _fields(line)]
        if fields:
            path, *settings = fields
            yield Line(number, path, tuple(_setting(it, number) for it in settings))


def _fields(line: bytes) -> Iterator[bytes]:
    for field in re.split(rb"[ \t]+", line):
        if field.startswith(b"#"):
            return
        if field:
            yield field


def _unescape(field: bytes, number: int) -> bytes:
    def byte(found: re.Match[bytes]) -> bytes:
        if found[1] is None:
            why = "three octal digits follow a backslash: a backslash is \\134, a blank is \\040"
            raise Misspelled(number, why)
        return bytes([int(found[1], 8)])

    return _ESCAPE.sub(byte, field)


def _setting(field: bytes, number: int) -> tuple[str, str]:
    key, equals, value = field.decode("utf-8", "backslashreplace").partition("=")
    if not equals:
        raise Misspelled(number, f"key=value follows a path, not {key!r}; a blank in it is \\040")
    return key, value

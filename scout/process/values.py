"""Texts from a command line or an environment -> values. Each parser says what it accepts.

A parser raises ValueError with a text that completes "must be ...".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)")
_ADDRESS = re.compile(r"(?:(\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[^\s:\[\]/]+)?:)?([0-9]{1,5})")
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port. An empty host means all addresses of this machine."""

    host: str
    port: int

    def __str__(self) -> str:
        host = self.host or "[::]"
        return f"[{host}]:{self.port}" if ":" in host and host[0] != "[" else f"{host}:{self.port}"


def duration(text: str) -> float:
    """`500ms`, `5s`, `2m`, `1h` in seconds."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError("a duration such as 500ms, 5s or 2m")
    return float(found[1]) * _UNITS[found[2]]


def positive_duration(text: str) -> float:
    """A duration above zero, and at most a day."""
    seconds = duration(text)
    if not 0.01 <= seconds <= 86_400:
        raise ValueError("a duration from 10ms to 24h")
    return seconds


def target(text: str) -> Address:
    """`host:port` to connect to."""
    address = _address(text)
    if address is None or not address.host or address.port == 0:
        raise ValueError("HOST:PORT, such as localhost:3000 or [::1]:3000")
    return address


def listener(text: str) -> Address:
    """`port` or `address:port` to listen on; port 0 picks a free one."""
    address = _address(text)
    if address is None:
        raise ValueError("PORT or ADDRESS:PORT, such as 3000, 127.0.0.1:3000 or [::1]:3000")
    return address


def _address(text: str) -> Address | None:
    found = _ADDRESS.fullmatch(text)
    if not found or int(found[2]) > 65_535:
        return None
    return Address((found[1] or "").strip("[]"), int(found[2]))


def switch(text: str) -> bool:
    """`1`, `true`, `yes`, `on` or `0`, `false`, `no`, `off`."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("1, true, yes or on, or 0, false, no or off")


def count(least: int, most: int) -> Callable[[str], int]:
    """A parser for whole numbers from `least` to `most`."""

    def parse(text: str) -> int:
        # Ten digits are more than any count here, and int() refuses thousands in its own words.
        if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    """A parser for one of `words`."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError("one of " + ", ".join(words))
        return text

    return parse


def text(value: str) -> str:
    """1 to 255 printable characters."""
    if not 1 <= len(value) <= 255 or not value.isprintable():
        raise ValueError("1 to 255 printable characters")
    return value


def path(value: str) -> str:
    """An absolute path."""
    if not value.startswith("/") or "\0" in value:
        raise ValueError("an absolute path, such as /tmp")
    return value

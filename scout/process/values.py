"""Texts from a command line or an environment -> values. Each parser says what it accepts.

A parser raises ValueError with a text that completes "must be ...".
"""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)")
_ADDRESS = re.compile(r"(?:(\[[^\[\]]*\]|[^:\[\]]*):)?([0-9]{1,5})", re.DOTALL)
_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")
_ZONE = re.compile(r"[^\s/:%\[\]]{1,15}")
"""The name or number of a network interface, as Linux allows it (dev_valid_name, IFNAMSIZ)."""
_TRUE = ("1", "true", "yes", "on")
_QUOTES = ('"', "'")
_FALSE = ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port. An empty host means all addresses of this machine."""

    host: str
    port: int

    def __str__(self) -> str:
        host = self.host or "::"
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def collides(self, other: "Address") -> bool:
        """Would only one of two programs get both? A name is not looked up."""
        if self.port != other.port or not self.port:
            return False
        mine, others = _packed(self.host), _packed(other.host)
        return mine == others or any(
            it == ALL or (it == ALL_IPV4 and len(that) != 16)
            for it, that in ((mine, others), (others, mine))
        )


ALL, ALL_IPV4 = bytes(16), bytes(4)


def _packed(host: str) -> bytes:
    """A host in a form in which equal ones are equal: an address's bytes, or a name's letters."""
    bare, _, zone = (host or "::").partition("%")
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, bare) + zone.encode(errors="surrogatepass")
        except (OSError, ValueError):
            pass
    return b"name " + host.lower().removesuffix(".").encode(errors="surrogatepass")


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
    host = found[1] or ""
    if host.startswith("["):
        host = host[1:-1]
        return Address(host, int(found[2])) if _is_ipv6(host) else None
    if host and not (_is_ipv4(host) or _is_name(host)):
        return None
    return Address(host, int(found[2]))


def _is_ipv4(host: str) -> bool:
    return "%" not in host and len(_packed(host)) == 4


def _is_ipv6(host: str) -> bool:
    """With a zone (RFC 4007) or without."""
    bare, percent, zone = host.partition("%")
    return len(_packed(bare)) == 16 and ":" in bare and bool(not percent or _ZONE.fullmatch(zone))


def _is_name(host: str) -> bool:
    """A name for DNS or the hosts file: RFC 1123, and the underscores that are about all the same.

    What ends in a number is no name but a mistyped address, and there is nobody who would know it.
    """
    labels = host.removesuffix(".").split(".")
    fits = len(host) <= 254 and not labels[-1].isdigit()
    return fits and all(_LABEL.fullmatch(label) for label in labels)


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
    """1 to 255 printable characters, without quotes or blanks around them."""
    if not 1 <= len(value) <= 255 or not value.isprintable() or wrapping(value):
        raise ValueError("1 to 255 printable characters without quotes or blanks around them")
    return value


def wrapping(value: str) -> str:
    """What stands around a value that hardly belongs to it, for people to read; or nothing.

    Files of variables are read by programs that differ: what a shell takes away, as the quotes,
    others hand on, and a file from Windows leaves a carriage return at each end.
    """
    if value.endswith("\r"):
        return "it ends in a carriage return: has the file that it is from Windows' ends of lines?"
    if value != value.strip():
        return "a blank stands before or after it"
    if value[:1] in _QUOTES or value[-1:] in _QUOTES:
        return "there are quotes around it, which were taken as a part of it"
    return ""


def path(value: str) -> str:
    """An absolute path."""
    if not value.startswith("/") or "\0" in value:
        raise ValueError("an absolute path, such as /tmp")
    return value

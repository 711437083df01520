"""The query string of a request -> what is asked, or the reason why not."""

from dataclasses import dataclass
from urllib.parse import unquote_plus


class BadQuery(Exception):
    """The query can't be answered; the text names the parameter and says what to do."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of `/files`: all of it. Filters will have their place here."""


def parse(text: str) -> Query:
    """Read a query string. Raises `BadQuery`: no parameter is known yet, none is passed over."""
    for pair in text.split("&"):
        if pair:
            name = unquote_plus(pair.split("=", 1)[0])[:100]
            raise BadQuery(f"unknown parameter {name!r}: this resource takes none")
    return Query()

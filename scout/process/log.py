"""Log lines that people and machines can read: `key=value`, JSON, or as journald likes them.

One event is one line, whatever a file name holds: control characters and undecodable bytes are
escaped, and nothing that a peer says can pretend to be a field of its own. The lines go to standard
error.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import TextIO

from scout.errors import printable
from scout.process.options import Option
from scout.process.values import one_of

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("auto", "text", "json")

_PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""syslog(3) levels, as sd-daemon(3) wants them at the head of a line."""


def options(prefix: str) -> tuple[Option, Option]:
    """The options of a program whose variables begin with `prefix`."""
    return (
        Option(
            "--log-level",
            f"{prefix}_LOG_LEVEL",
            "LEVEL",
            one_of(*LEVELS),
            "info",
            "The least important events to log: debug, info, warning or error.",
        ),
        Option(
            "--log-format",
            f"{prefix}_LOG_FORMAT",
            "FORMAT",
            one_of(*FORMATS),
            "auto",
            "text (key=value), json, or auto: text, in the journal with priorities and without "
            "time stamps.",
        ),
    )


class Log:
    """A logger whose events are a sentence and fields. Safe from any thread."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, message: str, /, **fields: object) -> None:
        """For whoever looks for a bug."""
        self._logger.debug(message, extra={"fields": fields})

    def info(self, message: str, /, **fields: object) -> None:
        """A normal change of state."""
        self._logger.info(message, extra={"fields": fields})

    def warning(self, message: str, /, **fields: object) -> None:
        """Something that an operator may want to look at."""
        self._logger.warning(message, extra={"fields": fields})

    def error(self, message: str, /, **fields: object) -> None:
        """Something that an operator must look at."""
        self._logger.error(message, extra={"fields": fields})

    def exception(self, message: str, /, **fields: object) -> None:
        """A bug: with the traceback of the exception under way."""
        self._logger.error(message, exc_info=sys.exc_info(), extra={"fields": fields})


def get(name: str) -> Log:
    """The log called `name`."""
    return Log(logging.getLogger(name))


def configure(
    level: str, form: str, environ: Mapping[str, str], stream: TextIO = sys.stderr
) -> None:
    """Send all log events to `stream`: once, at the program's start.

    `form` "auto" is "text", unless `stream` is the journal: then without time stamps, which the
    journal has itself, and with priorities.
    """
    handler = logging.StreamHandler(stream)
    if form == "json":
        handler.setFormatter(JsonFormatter())
    elif form == "auto" and _is_journal(environ, stream):
        handler.setFormatter(JournalFormatter())
    else:
        handler.setFormatter(TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Its warnings tell of each request that waits for a thread: a flood, and in the metrics.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


class JournalFormatter(logging.Formatter):
    """`<4>msg="lost the master" master=localhost:3000`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and one more with its priority for each line of a traceback."""
        prefix = f"<{_PRIORITY[_level(record)]}>"
        lines = [_pairs({"msg": record.getMessage(), **_fields(record)})]
        lines += _traceback(self, record)
        return "\n".join(prefix + line for line in lines)


class TextFormatter(logging.Formatter):
    """`time=2026-01-31T12:00:00.123Z level=warning msg="lost the master" master=...`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, followed by a traceback if there is one."""
        pairs = {
            "time": _time(record),
            "level": _level(record),
            "msg": record.getMessage(),
            **_fields(record),
        }
        return "\n".join([_pairs(pairs), *_traceback(self, record)])


class JsonFormatter(logging.Formatter):
    """The same as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback is a field."""
        event: dict[str, object] = {
            "time": _time(record),
            "level": _level(record),
            "msg": record.getMessage(),
        }
        for key, value in _fields(record).items():
            plain = isinstance(value, bool | int | float)
            event[key] = value if plain else printable(_text(value))
        lines = _traceback(self, record)
        if lines:
            event["traceback"] = "\n".join(lines)
        return json.dumps(event)


def _is_journal(environ: Mapping[str, str], stream: TextIO) -> bool:
    """Is `stream` the journal? See JOURNAL_STREAM in systemd.exec(5)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _time(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


def _level(record: logging.LogRecord) -> str:
    return record.levelname.lower()


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = getattr(record, "fields", {})
    return fields


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    if not record.exc_info:
        return []
    return formatter.formatException(record.exc_info).splitlines()


def _pairs(fields: Mapping[str, object]) -> str:
    return " ".join(f"{key}={_quoted(_text(value))}" for key, value in fields.items())


def _text(value: object) -> str:
    # As in a path given as text, such as an error's: a byte that is not UTF-8 is a lone surrogate.
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _quoted(text: str) -> str:
    """`text` so that it can be read back as it is: as it stands, or in quotes with escapes."""
    if text.isprintable() and text and not any(c in ' "=\\' for c in text):
        return text
    return '"' + printable(text.replace("\\", r"\\").replace('"', r"\"")) + '"'

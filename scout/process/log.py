"""Log lines that people and machines can read: `key=value`, JSON, or as journald likes them.

One event is one line, whatever a file name holds: control characters and undecodable bytes are
escaped, long values are cut, and nothing that a peer says can pretend to be a field of its own. The
lines go to standard error, through a `Sink`: to log never waits and never fails.
"""

import io
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping

from scout.core.damper import Damper
from scout.core.labels import cut
from scout.errors import printable
from scout.process.options import Option
from scout.process.sink import Sink
from scout.process.values import one_of

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("auto", "text", "json")

_PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""syslog(3) levels, as sd-daemon(3) wants them at the head of a line."""

VALUE = 1024
"""Bytes shown at most of a value, a sentence, or a line of a traceback: peers and owners of files
choose some of them."""

TRACEBACK = 100
"""Lines at either end of a traceback that are shown at most."""

LINES, PERIOD = 6, 60.0
"""Lines about one thing in so many seconds, where others can cause them."""


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
        self._tell(logging.DEBUG, message, fields)

    def info(self, message: str, /, **fields: object) -> None:
        """A normal change of state."""
        self._tell(logging.INFO, message, fields)

    def warning(self, message: str, /, **fields: object) -> None:
        """Something that an operator may want to look at."""
        self._tell(logging.WARNING, message, fields)

    def error(self, message: str, /, **fields: object) -> None:
        """Something that an operator must look at."""
        self._tell(logging.ERROR, message, fields)

    def exception(self, message: str, /, **fields: object) -> None:
        """A bug: with the traceback of the exception under way."""
        self._logger.error(message, exc_info=sys.exc_info(), extra={"fields": fields})

    def limited(self, lines: int = LINES, period: float = PERIOD) -> "LimitedLog":
        """A log for one thing that others can make change, as often as they like: see there."""
        return LimitedLog(self._logger, lines, period)

    def _tell(self, level: int, message: str, fields: dict[str, object]) -> None:
        self._logger.log(level, message, extra={"fields": fields})


class LimitedLog(Log):
    """At most `lines` lines in `period` seconds, whatever the owner of a file or a peer does.

    Make one for each thing that has a state, such as the availability of a directory, and tell all
    its turns there. A line that passes says `others_not_logged=N` if N before it were held back. Of
    those the last is told as soon as the period ends, with `seconds_ago`: what stands last in the
    log is how things are. An exception always passes.
    """

    def __init__(
        self,
        logger: logging.Logger,
        lines: int,
        period: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(logger)
        self._clock = clock
        self._lock = threading.RLock()
        self._damper: Damper[tuple[float, int, str, dict[str, object]]] = Damper(lines, period)

    def _tell(self, level: int, message: str, fields: dict[str, object]) -> None:
        if not self._logger.isEnabledFor(level):
            return
        now = self._clock()
        with self._lock:
            held = self._damper.admit(now, (now, level, message, fields))
            due = self._damper.due
        if held is not None:
            super()._tell(level, message, fields | _others(held))
        elif _sink is not None and due is not None:
            _sink.at(due, self, self._tell_last)

    def _tell_last(self) -> None:
        """Tell what was held back last. The period is over, or the program is."""
        now = self._clock()
        with self._lock:
            taken = self._damper.take(max(now, self._damper.due or now))
        if taken is not None:
            (then, level, message, fields), held = taken
            ago: dict[str, object] = {"seconds_ago": round(now - then, 1)}
            super()._tell(level, message, fields | ago | _others(held))


def _others(held: int) -> dict[str, object]:
    return {"others_not_logged": held} if held else {}


def get(name: str) -> Log:
    """The log called `name`."""
    return Log(logging.getLogger(name))


_sink: Sink | None = None
"""Where lines go: None until `configure`."""


def configure(
    level: str, form: str, environ: Mapping[str, str], descriptor: int | None = None
) -> None:
    """Send all log events to standard error, or to `descriptor`: once, at the program's start.

    With standard error goes whatever the interpreter and libraries write to `sys.stderr`: that
    must not wait for its reader either. `form` "auto" is "text", unless it is the journal that
    reads: then without time stamps, which the journal has itself, and with priorities.
    """
    global _sink  # noqa: PLW0603 - a process has one log
    where = 2 if descriptor is None else descriptor
    formatter: logging.Formatter
    if form == "json":
        formatter = JsonFormatter()
    elif form == "auto" and _is_journal(environ, where):
        formatter = JournalFormatter()
    else:
        formatter = TextFormatter()

    def missing(lines: int) -> bytes:
        record = logging.LogRecord("log", logging.WARNING, "", 0, MISSING, None, None)
        record.fields = {"lines": lines}
        return _line(formatter, record)

    _sink = Sink(where, missing)
    handler = _Handler(_sink)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Its warnings tell of each request that waits for a thread: a flood, and in the metrics.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    if descriptor is None:
        sys.stderr = _Stderr(_sink)


MISSING = "lines are missing here: whoever reads this log stood still, or could not write"


def dropped() -> int:
    """Lines that the log lost because nobody took them, since the start."""
    return _sink.dropped if _sink is not None else 0


def close() -> None:
    """Have everything written as far as that is possible: the program ends. Takes 3 s at most."""
    if _sink is not None:
        _sink.close()


class _Handler(logging.Handler):
    """Formats where the event happens, which may change what it is about; writes elsewhere."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        line = _line(self.formatter or TextFormatter(), record)
        self._sink.put(line, urgent=record.levelno >= logging.ERROR)


class _Stderr(io.TextIOBase):
    """`sys.stderr` of a program that logs: errors that end it, and what libraries complain of."""

    encoding, errors = "utf-8", "backslashreplace"

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink
        self._begun = ""

    def write(self, text: str, /) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        if len(self._begun) > VALUE:
            lines, self._begun = [*lines, self._begun], ""
        for line in lines:
            self._sink.put(line.encode(self.encoding, self.errors) + b"\n", urgent=True)
        return len(text)

    def flush(self) -> None:
        if self._begun:
            self.write("\n")

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2


class JournalFormatter(logging.Formatter):
    """`<4>msg="lost the master" master=localhost:3000`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and one more with its priority for each line of a traceback."""
        prefix = f"<{_PRIORITY[_level(record)]}>"
        lines = [_pairs({"msg": _text(record.getMessage()), **_fields(record)})]
        lines += _traceback(self, record)
        return "\n".join(prefix + line for line in lines)


class TextFormatter(logging.Formatter):
    """`time=2026-01-31T12:00:00.123Z level=warning msg="lost the master" master=...`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, followed by a traceback if there is one."""
        pairs = {
            "time": _time(record),
            "level": _level(record),
            "msg": _text(record.getMessage()),
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
            "msg": _text(record.getMessage()),
        }
        for key, value in _fields(record).items():
            plain = isinstance(value, bool | int | float)
            event[key] = value if plain else printable(_text(value))
        lines = _traceback(self, record)
        if lines:
            event["traceback"] = "\n".join(lines)
        return json.dumps(event)


def _line(formatter: logging.Formatter, record: logging.LogRecord) -> bytes:
    return formatter.format(record).encode("utf-8", "backslashreplace") + b"\n"


def _is_journal(environ: Mapping[str, str], descriptor: int) -> bool:
    """Is `descriptor` the journal? See JOURNAL_STREAM in systemd.exec(5)."""
    try:
        status = os.fstat(descriptor)
    except OSError:
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
    lines = [cut(it, VALUE) for it in formatter.formatException(record.exc_info).splitlines()]
    if len(lines) > 2 * TRACEBACK:
        between = f"  ... {len(lines) - 2 * TRACEBACK} lines ..."
        lines = [*lines[:TRACEBACK], between, *lines[-TRACEBACK:]]
    return lines


def _pairs(fields: Mapping[str, object]) -> str:
    return " ".join(f"{key}={_quoted(_text(value))}" for key, value in fields.items())


def _text(value: object) -> str:
    # As in a path given as text, such as an error's: a byte that is not UTF-8 is a lone surrogate.
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
    return cut(text, VALUE)


def _quoted(text: str) -> str:
    """`text` so that it can be read back as it is: as it stands, or in quotes with escapes."""
    if text.isprintable() and text and not any(c in ' "=\\' for c in text):
        return text
    return '"' + printable(text.replace("\\", r"\\").replace('"', r"\"")) + '"'

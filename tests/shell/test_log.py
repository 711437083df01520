"""Log lines: one event is one line, whatever a file name holds, in three formats."""

import json
import logging
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scout.process import log

NASTY = st.text() | st.binary() | st.integers() | st.booleans() | st.none()


class Written:
    """What was logged so far, all of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)

    def getvalue(self) -> str:
        log.close()
        return self._path.read_text()


@pytest.fixture(autouse=True)
def _restore(tmp_path: Path) -> Iterator[None]:
    """Leave the root logger as it was found."""
    global written  # noqa: PLW0603 - one log in a process
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    written = Written(tmp_path / "log")
    yield
    log.close()
    os.close(written.descriptor)
    log._sink = None
    root.handlers[:], level = before
    root.setLevel(level)


written: Written


def lines_of(form: str, level: str = "debug") -> tuple[log.Log, Written]:
    log.configure(level, form, {}, written.descriptor)
    return log.get("test"), written


def record(message: str, fields: dict[str, object], level: int = logging.INFO) -> logging.LogRecord:
    it = logging.LogRecord("test", level, __file__, 1, message, None, None)
    it.fields = fields
    return it


def test_a_text_line_is_time_level_sentence_and_fields() -> None:
    logger, stream = lines_of("text")
    logger.warning("lost the master", master="localhost:3000", seconds=1.5, files=b"a b")
    assert re.fullmatch(
        r"time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=warning "
        r'msg="lost the master" master=localhost:3000 seconds=1\.5 files="a b"\n',
        stream.getvalue(),
    )


def test_the_time_is_utc() -> None:
    it = record("x", {})
    it.created, it.msecs = 1_795_521_600.007, 7.0
    assert "time=2026-11-24T12:00:00.007Z " in log.TextFormatter().format(it)
    assert time.gmtime(it.created).tm_hour == 12


def test_a_json_line_keeps_numbers_and_truth_values() -> None:
    logger, stream = lines_of("json")
    logger.info("counted", files=3, seconds=0.5, whole=True, name=b"\xff\n")
    event = json.loads(stream.getvalue())
    del event["time"]
    assert event == {
        "level": "info",
        "msg": "counted",
        "files": 3,
        "seconds": 0.5,
        "whole": True,
        "name": "\\udcff\\n",
    }


@pytest.mark.parametrize(
    ("level", "prefix"),
    [("debug", "<7>"), ("info", "<6>"), ("warning", "<4>"), ("error", "<3>")],
)
def test_the_journal_gets_a_priority_and_no_time(level: str, prefix: str) -> None:
    number = getattr(logging, level.upper())
    line = log.JournalFormatter().format(record("it happened", {"a": 1}, number))
    assert line == f'{prefix}msg="it happened" a=1'


def test_every_line_of_a_traceback_has_its_priority_in_the_journal() -> None:
    logger, stream = lines_of("text")
    logging.getLogger().handlers[0].setFormatter(log.JournalFormatter())
    try:
        raise RuntimeError("two\nlines")
    except RuntimeError:
        logger.exception("a bug")
    lines = stream.getvalue().splitlines()
    assert len(lines) > 3
    assert all(line.startswith("<3>") for line in lines)


def test_a_traceback_is_a_field_of_the_json_event() -> None:
    logger, stream = lines_of("json")
    try:
        raise RuntimeError("why")
    except RuntimeError:
        logger.exception("a bug")
    assert stream.getvalue().count("\n") == 1
    assert "RuntimeError: why" in json.loads(stream.getvalue())["traceback"]


@given(st.text(), NASTY)
def test_an_event_is_one_line_in_every_format(message: str, value: object) -> None:
    it = record(message.replace("%", ""), {"key": value})
    for formatter in (log.TextFormatter(), log.JournalFormatter(), log.JsonFormatter()):
        line = formatter.format(it)
        assert line.isprintable()
        line.encode()  # no lone surrogate is left in it


def read_back(line: str) -> list[tuple[str, str]]:
    """The fields of a line: `key=value`, or `key="value"` where a backslash begins an escape."""
    pair = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^ "\\=]+))(?: |$)')
    escape = re.compile(r"\\(x..|u.{4}|U.{8}|.)")
    single = {"n": "\n", "r": "\r", "t": "\t"}
    fields, at = [], 0
    while at < len(line):
        found = pair.match(line, at)
        assert found, line[at:]
        key, quoted, plain = found.groups()
        fields.append((key, plain or escape.sub(
            lambda it: chr(int(it[1][1:], 16)) if it[1][1:] else single.get(it[1], it[1]), quoted
        )))  # fmt: skip
        at = found.end()
    return fields


AWKWARD = st.text(st.sampled_from("a n\\\"='x0\n\x00\x9f\u2028\udcff"), max_size=12) | st.text()


@given(AWKWARD, AWKWARD | st.binary())
@example("m", "\\")
@example("m", '\\" forged=1 x="')
@example("m", "\\n")
@example("m", b"\\xff")
def test_no_value_can_pretend_to_be_another_field_or_value(
    message: str, value: str | bytes
) -> None:
    """Each line is read back as exactly what was told."""
    line = log.JournalFormatter().format(record(message, {"key": value, "last": 1}))
    told = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    assert read_back(line.removeprefix("<6>")) == [("msg", message), ("key", told), ("last", "1")]


def test_the_level_is_the_least_that_is_shown() -> None:
    logger, stream = lines_of("text", "warning")
    logger.info("quiet")
    logger.warning("loud")
    assert [line.split("msg=")[1] for line in stream.getvalue().splitlines()] == ["loud"]


def test_other_libraries_log_in_the_same_format() -> None:
    _, stream = lines_of("text")
    logging.getLogger("somebody.else").warning("it is %s", "so")
    assert 'level=warning msg="it is so"' in stream.getvalue()


@pytest.mark.parametrize("same", [True, False])
def test_auto_knows_the_journal_by_the_device_and_inode_of_the_stream(same: bool) -> None:
    """The variable is inherited by children whose standard error may be something else."""
    read, write = os.pipe()
    status = os.fstat(write)
    inode = status.st_ino if same else status.st_ino + 1
    with os.fdopen(write, "w"), os.fdopen(read) as reader:
        log.configure("info", "auto", {"JOURNAL_STREAM": f"{status.st_dev}:{inode}"}, write)
        log.get("test").info("hello")
        log.close()
        assert reader.readline().startswith("<6>msg=hello" if same else "time=")


def test_a_field_may_have_any_name() -> None:
    logger, stream = lines_of("text")
    logger.info("said", message="hello", name="x", args=1)
    assert stream.getvalue().endswith("msg=said message=hello name=x args=1\n")


def test_a_long_value_is_cut_and_still_told_from_others() -> None:
    """Peers and owners of files choose them: a directory's path may have thousands of bytes."""
    logger, stream = lines_of("text")
    logger.info("seen", one=b"/" + b"a" * 4000, other="/" + "a" * 3999 + "b")
    line = stream.getvalue()
    found = re.fullmatch(r"time=\S+ level=info msg=seen one=(\S+) other=(\S+)\n", line)
    assert found
    assert found[1] != found[2]
    assert {len(found[1]), len(found[2])} == {log.VALUE}


def test_the_traceback_of_endless_recursion_is_bounded() -> None:
    logger, stream = lines_of("text", "error")

    def one(n: int) -> None:
        other(n + 1)

    def other(n: int) -> None:
        one(n + 1)

    try:
        one(0)
    except RecursionError:
        logger.exception("a bug")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2 * log.TRACEBACK + 2
    assert lines[-1].startswith("RecursionError")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def limited(lines: int = 2) -> tuple[log.LimitedLog, Clock, Written]:
    _, stream = lines_of("journal-like")
    logging.getLogger().handlers[0].setFormatter(log.JournalFormatter())
    clock = Clock()
    return log.LimitedLog(logging.getLogger("test"), lines, 60.0, clock), clock, stream


def test_what_flaps_is_told_now_and_then_with_a_count() -> None:
    """The owner of a directory may move it away and back as often as he likes."""
    logger, clock, stream = limited()
    for clock.now in (0.0, 1.0, 2.0, 3.0, 61.0):
        logger.warning("the directory is unavailable", at=int(clock.now))
    lines = stream.getvalue().splitlines()
    assert [line.split("unavailable")[1] for line in lines] == [
        '" at=0', '" at=1', '" at=61 others_not_logged=2'
    ]  # fmt: skip


def test_the_last_turn_is_told_even_if_nothing_follows() -> None:
    """Else the log would say for ever that a directory is away that has come back."""
    logger, clock, stream = limited(1)
    logger.warning("the directory is unavailable")
    logger.info("the directory is available")
    logger.warning("the directory is unavailable")
    logger.info("the directory is available", files=3)
    clock.now = 60.0
    lines = stream.getvalue().splitlines()
    assert lines == [
        '<4>msg="the directory is unavailable"',
        '<6>msg="the directory is available" files=3 seconds_ago=60.0 others_not_logged=2',
    ]


def test_the_last_turn_is_told_by_the_clock() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w"), os.fdopen(read) as reader:
        log.configure("info", "text", {}, write)
        logger = log.get("test").limited(lines=1, period=0.05)
        logger.info("first")
        logger.info("last")
        assert "msg=first" in reader.readline()
        assert "msg=last" in reader.readline()
        log.close()


def test_what_is_below_the_level_does_not_use_up_the_limit() -> None:
    logger, _, stream = limited(1)
    logging.getLogger().setLevel("WARNING")
    logger.info("quiet")
    logger.warning("loud")
    assert stream.getvalue() == "<4>msg=loud\n"

"""Log lines: one event is one line, whatever a file name holds, in three formats."""

import io
import json
import logging
import os
import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scout.process import log

NASTY = st.text() | st.binary() | st.integers() | st.booleans() | st.none()


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    """Leave the root logger as it was found."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], level = before
    root.setLevel(level)


def lines_of(form: str, level: str = "debug") -> tuple[log.Log, io.StringIO]:
    stream = io.StringIO()
    log.configure(level, form, {}, stream)
    return log.get("test"), stream


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
    with os.fdopen(write, "w") as stream, os.fdopen(read) as reader:
        log.configure("info", "auto", {"JOURNAL_STREAM": f"{status.st_dev}:{inode}"}, stream)
        log.get("test").info("hello")
        assert reader.readline().startswith("<6>msg=hello" if same else "time=")


def test_a_field_may_have_any_name() -> None:
    logger, stream = lines_of("text")
    logger.info("said", message="hello", name="x", args=1)
    assert stream.getvalue().endswith("msg=said message=hello name=x args=1\n")

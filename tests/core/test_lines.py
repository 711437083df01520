"""A file of directories: whatever a path is made of, it can be written, and nothing is guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scout.agent.core.lines import Line, Misspelled, split


def one(line: bytes) -> Line:
    (found,) = split(line)
    return found


def test_a_line_is_a_path_and_what_holds_for_it() -> None:
    line = one(b" /srv/in\tpoll-only=yes  scan-timeout=2s # the old disk")
    assert line == Line(1, b"/srv/in", (("poll-only", "yes"), ("scan-timeout", "2s")))


def test_empty_lines_and_comments_name_nothing_and_lines_are_counted() -> None:
    data = b"# all of them\n\n  # a=b\n/a\n \t\n/b\n"
    assert [(it.number, it.path) for it in split(data)] == [(4, b"/a"), (6, b"/b")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (b"/in\\040box", b"/in box"),
        (b"/a\\011b\\012c\\015", b"/a\tb\nc\r"),
        (b"/a\\134040", b"/a\\040"),
        (b"/\\377\\376", b"/\xff\xfe"),
        (b"/\xff", b"/\xff"),
        (b"/a#b", b"/a#b"),
        (b'/"quoted"', b'/"quoted"'),
        (b"/a=b", b"/a=b"),
    ],
)
def test_a_path_keeps_its_bytes(written: bytes, meant: bytes) -> None:
    assert one(written).path == meant


@given(st.binary(min_size=1, max_size=50).filter(lambda it: b"\0" not in it))
def test_any_path_can_be_written(name: bytes) -> None:
    written = b"".join(b"\\%03o" % byte for byte in name)
    assert one(b"/" + written).path == b"/" + name


@given(st.binary(max_size=200))
def test_whatever_is_in_the_file_it_is_read_or_refused(data: bytes) -> None:
    number = 1
    try:
        for line in split(data):
            assert line.path
    except Misspelled as error:
        number = error.number
    assert 1 <= number <= data.count(b"\n") + 1


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (b"/a\\b", "\\134"),
        (b"/a\\", "\\134"),
        (b"/a\\04", "three octal digits"),
        (b"/a\\400", "three octal digits"),
        (b"/in box", "a blank in it is \\040"),
        (b"/in poll-only", "key=value"),
        (b"/in\r", "Windows"),
    ],
)
def test_what_is_misspelled_is_refused_with_its_line_and_what_would_be_right(
    line: bytes, part: str
) -> None:
    with pytest.raises(Misspelled) as caught:
        list(split(b"/x\n\n" + line))
    assert caught.value.number == 3
    assert part in caught.value.why

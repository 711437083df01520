"""Which directories are watched, and how, by options and by a file of lines."""

import os
from pathlib import Path

import pytest

from scout.agent import config
from scout.agent.core.actions import MonitorConfig
from scout.errors import ConfigError, ScoutError, UsageError


def read(*argv: str, **environ: str) -> tuple[MonitorConfig, ...]:
    _, settings = config.read(argv, environ)
    assert settings is not None
    return settings.directories


def paths(*argv: str, **environ: str) -> list[bytes]:
    return [it.path for it in read(*argv, **environ)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    it = tmp_path / "directories"
    it.write_bytes(b"/srv/a\n/srv/in\\040box poll-interval=1s poll-only=yes\n/srv/\xff\n")
    return it


def test_the_option_may_be_given_several_times() -> None:
    assert paths("--directory", "/a", "--directory=/b") == [b"/a", b"/b"]


def test_a_line_says_what_holds_for_one_and_options_what_holds_for_all(file: Path) -> None:
    found = read("--directories-from", str(file), "--poll-interval=9s", "--include-hidden")
    assert [(it.path, it.poll_interval, it.poll_only, it.include_hidden) for it in found] == [
        (b"/srv/a", 9.0, False, True),
        (b"/srv/in box", 1.0, True, True),
        (b"/srv/\xff", 9.0, False, True),
    ]


def test_option_and_file_say_together_what_is_watched(file: Path) -> None:
    assert paths("--directory=/x", "--directories-from", str(file))[:2] == [b"/x", b"/srv/a"]


def test_what_stands_on_the_command_line_is_not_extended_by_the_environment(file: Path) -> None:
    """An agent started for one directory watches that one, whatever a file of variables says."""
    assert paths("--directory=/x", SCOUT_DIRECTORIES_FROM=str(file)) == [b"/x"]
    assert len(paths("--directories-from", str(file), MONITOR_DIR="/x")) == 3
    assert len(paths(MONITOR_DIR="/x", SCOUT_DIRECTORIES_FROM=str(file))) == 4


def test_without_any_the_message_is_that_of_one_directory() -> None:
    with pytest.raises(UsageError, match="nothing is given for: --directory DIR; give it, or set"):
        read()


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        (b"/a\n/b poll-interval=soon\n", 2, "500ms, 5s or 2m"),
        (b"/b colour=blue\n", 1, "unknown key 'colour'; there are include-hidden"),
        (b"# x\nsrv/a\n", 2, "srv/a must be an absolute path"),
        (b"/a\n\n/b\n/a\n", 4, "/a is given twice"),
        (b"/a\n/./a//\n", 2, "/./a// is given twice"),
        (b"/a poll-only=1 poll-only=1\n", 1, "poll-only is given twice"),
        (b"/a\\000b\n", 1, "an absolute path"),
        (b"/a\\q\n", 1, "three octal digits"),
        (b"\xef\xbb\xbf/a\n", 1, "an absolute path"),
        (b"/a " + b"x" * 10_000 + b"=1\n", 1, "unknown key"),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_file_and_line(
    tmp_path: Path, text: bytes, line: int, part: str
) -> None:
    file = tmp_path / "directories"
    file.write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        read("--directories-from", str(file))
    assert f"{file}, line {line}; " in str(caught.value)
    assert part in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    "make",
    [None, b"", b"# nothing\n", b"/d" * 3_000_000],
    ids=["absent", "empty", "comment", "huge"],
)
def test_a_file_that_names_nothing_is_wrong_configuration(
    tmp_path: Path, make: bytes | None
) -> None:
    file = tmp_path / "directories"
    if make is not None:
        file.write_bytes(make)
    with pytest.raises(ConfigError, match="file"):
        read("--directories-from", str(file))


def test_one_directory_twice_is_wrong_configuration(file: Path) -> None:
    for argv in (("--directory=/a", "--directory=/a/"), ("--directory=/srv/a",)):
        with pytest.raises(ConfigError, match="twice"):
            read(*argv, "--directories-from", str(file))


def test_there_is_a_bound_on_their_number(tmp_path: Path) -> None:
    file = tmp_path / "directories"
    file.write_bytes(b"".join(b"/%d\n" % number for number in range(1001)))
    with pytest.raises(ScoutError, match="more than 1000 directories"):
        read("--directories-from", str(file))


def test_the_name_of_the_file_may_be_any_bytes(tmp_path: Path) -> None:
    file = os.fsencode(tmp_path) + b"/\xff"
    with open(file, "wb") as stream:
        stream.write(b"/a\n")
    assert paths("--directories-from", os.fsdecode(file)) == [b"/a"]

"""Options: which source wins, whose fault a bad value is, and what the manual says."""

from dataclasses import replace

import pytest

from scout.errors import ConfigError, ScoutError, UsageError
from scout.process.options import Manual, Option, Parsed, help_text, parse
from scout.process.values import count, duration, path, switch

MANUAL = Manual(
    program="tool",
    summary="Do one thing",
    description="It does it well.\n\nAnd nothing else.",
    options=(
        Option("--place", "TOOL_PLACE", "DIR", path, None, "Where.", required=True,
               empty_is_wrong=True),
        Option("--wait-time", "TOOL_WAIT", "DURATION", duration, "5s", "How long. " * 30),
        Option("--number", "TOOL_NUMBER", "N", count(1, 9), None, "How many."),
        Option("--fast", "TOOL_FAST", "", switch, "off", "Hurry."),
    ),
    exit_codes=((0, "done"), (64, "wrong usage")),
    examples=(("tool --place /x", "Do it there."),),
)  # fmt: skip


def values(argv: str, **environ: str) -> dict[str, object]:
    return dict(parse(MANUAL, argv.split(), environ).values)


def test_without_flag_and_variable_the_default_holds() -> None:
    expected = {"place": "/x", "wait_time": 5.0, "number": None, "fast": False}
    assert values("--place /x") == expected


def test_the_flag_wins_over_the_variable_and_the_variable_over_the_default() -> None:
    assert values("--place /x", TOOL_WAIT="7s")["wait_time"] == 7.0
    assert values("--place /x --wait-time 9s", TOOL_WAIT="7s")["wait_time"] == 9.0


def test_a_bad_variable_is_not_looked_at_if_the_flag_is_given() -> None:
    assert values("--place /x --wait-time 9s", TOOL_WAIT="nonsense")["wait_time"] == 9.0


def test_a_value_may_stand_behind_an_equals_sign() -> None:
    assert values("--place=/a=b --wait-time=1s")["place"] == "/a=b"


def test_a_switch_needs_no_value_and_takes_one_behind_an_equals_sign() -> None:
    assert values("--place /x --fast")["fast"] is True
    assert values("--place /x --fast=no", TOOL_FAST="yes")["fast"] is False


def test_an_empty_variable_counts_as_not_set() -> None:
    assert values("--place /x", TOOL_WAIT="", TOOL_FAST="", TOOL_NUMBER="")["wait_time"] == 5.0


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        ("", ("--place DIR", "TOOL_PLACE")),
        ("--place x", ("--place", "'x'", "an absolute path")),
        ("--place /x --wait-time soon", ("--wait-time", "'soon'", "500ms, 5s or 2m")),
        ("--place /x --number 10", ("--number", "'10'", "from 1 to 9")),
        ("--place /x --fast=perhaps", ("--fast", "'perhaps'", "yes or on")),
        ("--place /x --wait-time", ("--wait-time DURATION", "missing")),
        ("--place /x --place /y", ("--place", "twice")),
        ("--unknown", ("unknown option", "'--unknown'", "tool --help")),
        ("--wait 5s", ("unknown option", "'--wait'")),
        ("-x", ("unknown option", "'-x'")),
        ("/x", ("unexpected argument", "'/x'")),
        ("--check=yes --place /x", ("'--check=yes'",)),
    ],
)
def test_a_wrong_command_line_is_wrong_usage_and_says_what_would_be_right(
    argv: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError) as caught:
        values(argv)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "parts"),
    [
        ({"TOOL_PLACE": ""}, ("TOOL_PLACE", "''", "an absolute path")),
        ({"TOOL_PLACE": "x"}, ("TOOL_PLACE", "'x'", "an absolute path")),
        ({"TOOL_PLACE": "/x", "TOOL_WAIT": "5"}, ("TOOL_WAIT", "'5'", "500ms, 5s or 2m")),
        ({"TOOL_PLACE": "/x", "TOOL_FAST": "si"}, ("TOOL_FAST", "'si'", "yes or on")),
    ],
)
def test_a_wrong_variable_is_wrong_configuration_and_says_what_would_be_right(
    environ: dict[str, str], parts: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        values("", **environ)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "argv", [["--new\nline"], ["new\nline"], ["--place", "a\nb\x1b[31m"], ["--place", "\udcff"]]
)
def test_an_error_is_one_printable_line_whatever_was_given(argv: list[str]) -> None:
    with pytest.raises(ScoutError) as caught:
        parse(MANUAL, argv, {})
    assert str(caught.value).isprintable()


MANY = replace(
    MANUAL,
    options=(
        Option("--place", "TOOL_PLACE", "DIR", path, None, "Where.", required=True,
               empty_is_wrong=True, repeatable=True, companion="--places-from"),
        Option("--places-from", "TOOL_PLACES_FROM", "FILE", path, None, "Where else.",
               companion="--place"),
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "environ", "places", "file"),
    [
        ("--place /x", {}, ("/x",), None),
        ("--place /x --place=/y --place /x", {}, ("/x", "/y", "/x"), None),
        ("", {"TOOL_PLACE": "/x"}, ("/x",), None),
        ("", {"TOOL_PLACES_FROM": "/f"}, (), "/f"),
        ("", {"TOOL_PLACE": "/x", "TOOL_PLACES_FROM": "/f"}, ("/x",), "/f"),
        ("--place /x", {"TOOL_PLACE": "", "TOOL_PLACES_FROM": "f"}, ("/x",), None),
        ("--places-from /f", {"TOOL_PLACE": "", "TOOL_PLACES_FROM": "g"}, (), "/f"),
        ("--place /x --places-from /f", {}, ("/x",), "/f"),
    ],
)
def test_of_two_that_say_the_same_thing_the_command_line_wins_for_both(
    argv: str, environ: dict[str, str], places: tuple[str, ...], file: str | None
) -> None:
    values = parse(MANY, argv.split(), environ).values
    assert (values["place"], values["places_from"]) == (places, file)


def test_what_may_be_repeated_and_what_stands_in_for_it_is_in_the_help() -> None:
    text = " ".join(help_text(MANY).split())
    assert "[TOOL_PLACE; repeatable; required without --places-from]" in text


@pytest.mark.parametrize(
    ("argv", "wish"),
    [
        ("--help", "help"),
        ("-h", "help"),
        ("--version", "version"),
        ("--place nonsense --version", "version"),
    ],
)
def test_who_asks_for_help_is_not_told_about_mistakes(argv: str, wish: str) -> None:
    assert parse(MANUAL, argv.split(), {"TOOL_WAIT": "nonsense"}) == Parsed(wish)


def test_a_check_reads_all_the_values() -> None:
    parsed = parse(MANUAL, ["--check", "--place", "/x"], {})
    assert (parsed.wish, parsed.values["place"]) == ("check", "/x")
    with pytest.raises(ConfigError):
        parse(MANUAL, ["--check", "--place", "/x"], {"TOOL_NUMBER": "0"})


def test_every_default_passes_its_own_parser() -> None:
    for option in MANUAL.options:
        assert option.default is None or option.parse(option.default) is not None


def test_the_manual_names_every_option_with_its_variable_and_default() -> None:
    text = help_text(MANUAL)
    for option in MANUAL.options:
        assert f"\n  {option.usage}\n" in text
        assert option.variable in text
    for part in ("default: 5s", "--check", "--version", "--help", "64  wrong usage",
                 "tool --place /x", "And nothing else."):  # fmt: skip
        assert part in text


def test_the_manual_fits_a_terminal_of_80_columns() -> None:
    assert max(len(line) for line in help_text(MANUAL).splitlines()) <= 80

"""Options as data: one table for a program gives its parsing, its `--help` and its manual page.

A value comes from the flag, else from the environment, else from the default. What is wrong on
the command line is a `UsageError`, what is wrong in the environment a `ConfigError`.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from scout.core.labels import cut
from scout.errors import ConfigError, ScoutError, UsageError
from scout.process.values import wrapping


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `metavar` is empty for a switch, which takes no value on the command line.

    `default` is the text that would be given; None if there is none. `empty_is_wrong`: a variable
    that is set but empty is refused; elsewhere it counts as not set, as a line `NAME=` in a file of
    variables is meant. The value of one that is `repeatable` is a tuple, in the order given.
    `companion` is the flag of another option that says a part of the same thing: if that one is on
    the command line, this one's variable is not looked at; and if it has a value, this one is not
    required.
    """

    flag: str
    variable: str
    metavar: str
    parse: Callable[[str], object]
    default: str | None
    help: str
    required: bool = False
    empty_is_wrong: bool = False
    repeatable: bool = False
    companion: str = ""

    @property
    def name(self) -> str:
        """The key of its value."""
        return self.flag[2:].replace("-", "_")

    @property
    def usage(self) -> str:
        """The flag as it is written."""
        return f"{self.flag} {self.metavar}" if self.metavar else self.flag


@dataclass(frozen=True, slots=True)
class Manual:
    """All that is to be said of a program's command line."""

    program: str
    summary: str
    description: str
    options: Sequence[Option]
    exit_codes: Sequence[tuple[int, str]]
    examples: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a command line asks for: `wish` is "run", "check", "help" or "version"."""

    wish: str
    values: Mapping[str, object] = field(default_factory=dict)


SHOWN = 512
"""Bytes of a wrong value that are shown."""

WISHES = {
    "--check": "Refuse what the start would refuse, or say what the options mean, and exit.",
    "--version": "Print the version and exit.",
    "--help": "Print this text and exit.",
}

SOURCES = """An option is taken from the command line, else from the environment variable in
brackets, else it has its default. An empty variable counts as not set. Values are taken as
they are, with any quotes and blanks around them. Durations are written 500ms, 5s, 2m, 1h. The
variable of an option without a value is 1, true, yes, on, or 0, false, no, off."""


def parse(manual: Manual, argv: Sequence[str], environ: Mapping[str, str]) -> Parsed:
    """What `argv` (without the program's name) and `environ` ask for."""
    given, wish = _split(manual, argv)
    if wish in ("help", "version"):
        return Parsed(wish)
    variables = {option.flag: option.variable for option in manual.options}
    values: dict[str, object] = {}
    for option in manual.options:
        found = _values(option, given, environ)
        other = option.companion
        elsewhere = other in given or environ.get(variables.get(other, ""))
        if option.required and not (found or elsewhere):
            hint = f"give it, or set {option.variable}"
            raise UsageError("nothing is given for", option.usage, hint)
        values[option.name] = tuple(found) if option.repeatable else (found or [None])[0]
    return Parsed(wish, values)


def _split(manual: Manual, argv: Sequence[str]) -> tuple[dict[str, list[str]], str]:
    """The texts for each flag that is given, and what is wished."""
    by_flag = {option.flag: option for option in manual.options}
    given: dict[str, list[str]] = {}
    wish = "run"
    before: Option | None = None
    words = list(reversed(argv))
    while words:
        word = words.pop()
        flag, equals, text = word.partition("=")
        if word in WISHES or word == "-h":
            wish = "help" if word == "-h" else word[2:]
            if wish != "check":
                return {}, wish
            continue
        option = by_flag.get(flag)
        if option is None:
            raise _unexpected(manual, by_flag, word, before)
        before = option
        if flag in given and not option.repeatable:
            raise UsageError("given twice", flag, "give it once")
        if not option.metavar:
            text = text if equals else "true"
        elif not equals:
            if not words:
                raise UsageError("a value is missing", option.usage, _see(manual))
            text = words.pop()
        given.setdefault(flag, []).append(text)
    return given, wish


def _unexpected(
    manual: Manual, by_flag: Mapping[str, Option], word: str, before: Option | None
) -> UsageError:
    """The error for a `word` that is no option, after the option `before`."""
    shown, flag = repr(cut(word, SHOWN)), word.partition("=")[0]
    if flag in WISHES:
        return UsageError("no value is expected", shown, f"say {flag}")
    if not word.startswith("-"):
        hint = _see(manual)
        if before is not None and not before.metavar:
            hint = f"a value for {before.flag} is written {before.flag}=yes or {before.flag}=no"
        return UsageError("unexpected argument", shown, hint)
    import difflib  # noqa: PLC0415 - only a mistake needs it

    close = difflib.get_close_matches(flag, [*by_flag, *WISHES], 1)
    hint = f"did you mean {close[0]}? " if close else ""
    return UsageError("unknown option", shown, hint + _see(manual))


def _see(manual: Manual) -> str:
    return f"see {manual.program} --help"


def _values(
    option: Option, given: Mapping[str, list[str]], environ: Mapping[str, str]
) -> list[object]:
    """What is given for `option`, or its default."""
    if option.flag in given:
        what = f"bad value for {option.flag}"
        return [_parsed(option, text, UsageError, what) for text in given[option.flag]]
    variable = None if option.companion in given else environ.get(option.variable)
    if variable is not None and (variable or option.empty_is_wrong):
        where = f"bad value for {option.variable} in the environment"
        return [_parsed(option, variable, ConfigError, where)]
    return [] if option.default is None else [option.parse(option.default)]


def _parsed(option: Option, text: str, kind: type[ScoutError], what: str) -> object:
    try:
        return option.parse(text)
    except ValueError as error:
        around = wrapping(text)
        hint = f"it must be {error}" + (f"; {around}" if around else "")
        raise kind(what, repr(cut(text, SHOWN)), hint) from error


def help_text(manual: Manual) -> str:
    """The whole manual as text, 80 columns wide."""
    lines = [f"usage: {manual.program} [option]...", "", manual.summary + ".", ""]
    lines += _paragraphs(manual.description, "") + ["", "options:"]
    for option in manual.options:
        lines.append(f"  {option.usage}")
        lines += _paragraphs(option.help, " " * 6)
        lines.append(f"      [{option.variable}{_otherwise(option)}]")
    for flag, text in WISHES.items():
        lines += [f"  {flag}", *_paragraphs(text, " " * 6)]
    strict = [option.variable for option in manual.options if option.empty_is_wrong]
    lines += ["", *_paragraphs(SOURCES, "")]
    if strict:
        lines += _paragraphs(f"These must not be empty: {', '.join(strict)}.", "")
    lines += ["", "exit codes:"]
    lines += [f"  {code:3}  {text}" for code, text in manual.exit_codes]
    lines += ["", "examples:"]
    for command, text in manual.examples:
        lines += [f"  {command}", *_paragraphs(text, " " * 6)]
    return "\n".join(lines) + "\n"


def _otherwise(option: Option) -> str:
    """What holds if an option is not given, and whether it may be given again."""
    said = "; repeatable" if option.repeatable else ""
    if option.default is not None:
        return f"{said}; default: {option.default}"
    if option.required:
        said += f"; required without {option.companion}" if option.companion else "; required"
    return said


def _paragraphs(text: str, indent: str) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        lines += [""] if lines else []
        lines += textwrap.wrap(
            " ".join(paragraph.split()), 80, initial_indent=indent, subsequent_indent=indent
        )
    return lines

"""manual.py man|bash PROGRAM: its manual page, or its completion for bash, on standard output.

Both come from the table that also gives `--help`, so they can't fall behind. Run it from the top of
the sources.
"""

import datetime as dt
import os
import sys
from collections.abc import Iterator

sys.path.insert(0, os.getcwd())

import scout.agent.config
import scoutmaster.config
from scout import __version__
from scout.process.options import WISHES, Manual, Option

DAEMON = {
    "scout": (
        ("/etc/default/scout", "Options of all agents on this host, as environment variables."),
        (
            "/etc/scout/PATH.env",
            "Options of one agent, which outweigh those: /etc/scout/tmp.env for scout@tmp.",
        ),
        (
            "/etc/scout/directories",
            "The directories of the service scout; /etc/default/scout-directories has its options.",
        ),
        (
            "/usr/share/doc/scout/examples",
            "Drop-ins for the unit: read every directory, limit addresses; limits of inotify.",
        ),
    ),
    "scoutmaster": (
        ("/etc/default/scoutmaster", "Options, as environment variables."),
        (
            "/usr/share/doc/scout/examples",
            "A drop-in that limits addresses; what Prometheus and Grafana need.",
        ),
    ),
}
"""The files beside a program, where it is installed as a service."""

SEE_ALSO = {
    "scout": "scoutmaster(8), systemd-escape(1), journalctl(1), setfacl(1), inotify(7)",
    "scoutmaster": "scout(8), journalctl(1), curl(1)",
}


def page(manual: Manual, day: dt.date) -> Iterator[str]:
    """The lines of the manual page, in man(7)."""
    program = manual.program
    yield f'.TH {program.upper()} 8 {day} "Scout {__version__}"'
    yield ".SH NAME"
    yield f"{program} \\- {_plain(manual.summary[0].lower() + manual.summary[1:])}"
    yield ".SH SYNOPSIS"
    yield f".B {program}"
    yield "[option]..."
    yield ".SH DESCRIPTION"
    yield from _paragraphs(manual.description)
    yield ".SH OPTIONS"
    yield (
        "An option is taken from the command line, else from its environment variable, else it has "
        "its default. Durations are written 500ms, 5s, 2m, 1h."
    )
    for option in manual.options:
        yield ".TP"
        yield f'.BI {_plain(option.flag)} " {_plain(option.metavar)}"'.removesuffix(' " "')
        yield from _paragraphs(option.help, ".IP")
        yield ".IP"
        default = "none" if option.default is None else option.default
        again = " May be given several times." if option.repeatable else ""
        yield f"Variable: {_plain(option.variable)}. Default: {_plain(default)}.{again}"
    for flag, text in WISHES.items():
        yield ".TP"
        yield f".B {_plain(flag)}"
        yield _plain(text)
    yield ".SH EXIT STATUS"
    for code, text in manual.exit_codes:
        yield ".TP"
        yield f".B {code}"
        yield f"{_plain(text[0].upper() + text[1:])}."
    yield ".SH FILES"
    for path, text in DAEMON[program]:
        yield ".TP"
        yield f".I {_plain(path)}"
        yield _plain(text)
    yield ".SH EXAMPLES"
    for command, text in manual.examples:
        yield ".TP"
        yield f".B {_plain(command)}"
        yield _plain(text)
    yield ".SH SEE ALSO"
    yield _plain(SEE_ALSO[program])


def _paragraphs(text: str, between: str = ".PP") -> Iterator[str]:
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield between
        yield _plain(" ".join(paragraph.split()))


def _plain(text: str) -> str:
    """`text`, with nothing in it that man(7) would take for a command."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def completion(manual: Manual) -> Iterator[str]:
    """The lines of the completion. It needs bash alone, no library of completions."""
    program = manual.program
    valued = [option for option in manual.options if option.metavar]
    words = [option.flag for option in manual.options] + list(WISHES)
    yield f"# Completion of {program} for bash."
    yield f"_{program}() {{"
    yield "    local word=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD - 1]}"
    # bash makes words of their own from = and :, so `--flag=value` arrives in three.
    yield "    [[ $word == = ]] && word="
    yield "    [[ $flag == = ]] && flag=${COMP_WORDS[COMP_CWORD - 2]}"
    yield "    case $flag in"
    for option in valued:
        yield f"        {option.flag}) {_values(option)}; return ;;"
    yield "    esac"
    yield f"    mapfile -t COMPREPLY < <(compgen -W '{' '.join(words)}' -- \"$word\")"
    yield "}"
    yield f"complete -F _{program} {program}"


def _values(option: Option) -> str:
    """The command that finds what can follow an option."""
    match option.metavar:
        case "DIR":
            found = "-d"
        case "FILE":
            found = "-f"
        case "HOST:PORT":
            found = "-A hostname -S :3000"
        case "LEVEL" | "FORMAT":
            found = f"-W '{' '.join(_choices(option))}'"
        case _:
            found = f"-W '{option.default or ''}'"
    names = "compopt -o filenames; " if option.metavar in ("DIR", "FILE") else ""
    return f'{names}mapfile -t COMPREPLY < <(compgen {found} -- "$word")'


def _choices(option: Option) -> tuple[str, ...]:
    """What a parser for one of several words takes."""
    from scout.process.log import FORMATS, LEVELS  # noqa: PLC0415  # only here

    return LEVELS if option.metavar == "LEVEL" else FORMATS


def main(kind: str, program: str) -> None:
    """Print one of them."""
    manual = {"scout": scout.agent.config.MANUAL, "scoutmaster": scoutmaster.config.MANUAL}[program]
    if kind == "man":
        seconds = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
        day = dt.datetime.fromtimestamp(seconds, dt.UTC).date()
        print("\n".join(page(manual, day)))
    else:
        print("\n".join(completion(manual)))


main(sys.argv[1], sys.argv[2])

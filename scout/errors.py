"""The errors that end a program or a stream, by whose fault they are.

    ScoutError                 70  anything below; a bug if nothing more precise is known
    |-- UsageError             64  the command line
    |-- ConfigError            78  the environment, or a contradiction
    |-- DirectoryMissing       66  the directory
    |-- NoPermission           77  rights: directory, port, token
    |-- MasterUnavailable      69  the master, at the start
    |-- AddressInUse           69  another program holds the address
    |-- OutputFailed           74  standard output
    |-- Claimed                75  another agent holds the claim
    `-- ProtocolError          76  the other end of the stream

The numbers are exit codes, from sysexits.h, so that a service manager can tell a lasting
mistake (64, 77, 78) from one that passes (66, 69, 75).
"""

import os


class ScoutError(Exception):
    """Something failed: `what`, on `what it failed on`, and what to do about it.

    `str(error)` is the one line that the operator reads, without the program's name.
    """

    exit_code = 70

    def __init__(self, what: str, on: str | bytes = "", hint: str = "") -> None:
        self.what = what
        self.on = os.fsdecode(on)
        self.hint = hint
        line = what
        if self.on:
            line += f": {printable(self.on)}"
        if hint:
            line += f"; {printable(hint)}"
        super().__init__(line)


class UsageError(ScoutError):
    """The command line is wrong."""

    exit_code = os.EX_USAGE


class ConfigError(ScoutError):
    """The environment is wrong, or two settings contradict each other."""

    exit_code = os.EX_CONFIG


class DirectoryMissing(ScoutError):
    """The directory does not exist, or is not a directory."""

    exit_code = os.EX_NOINPUT


class NoPermission(ScoutError):
    """The rights do not suffice."""

    exit_code = os.EX_NOPERM


class MasterUnavailable(ScoutError):
    """The master can't be reached, or does not serve."""

    exit_code = os.EX_UNAVAILABLE


class AddressInUse(ScoutError):
    """Another program listens there already."""

    exit_code = os.EX_UNAVAILABLE


class OutputFailed(ScoutError):
    """What was asked for can't be written: a full disk."""

    exit_code = os.EX_IOERR


class Claimed(ScoutError):
    """Another agent watches this directory on this host."""

    exit_code = os.EX_TEMPFAIL


class ProtocolError(ScoutError):
    """The other end of the stream said something that does not fit."""

    exit_code = os.EX_PROTOCOL


def printable(text: str) -> str:
    """`text` on one line, whatever a file name or a peer put into it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

"""Programs run to their end, as a user would: what they print, and the exit code."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

LIMIT = 60.0
"""Seconds that a program may take to end. It bounds a failure, nothing else."""

POWERLESS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
"""Runs a program without the privileges of root, to whom every directory is readable."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    code: int
    out: str
    err: str

    def complaint(self) -> str:
        """The one line on standard error; AssertionError if there is anything but that."""
        assert self.out == ""
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1, self.err
        assert self.err[:-1].isprintable()
        return self.err[:-1]


def run(
    program: str,
    *argv: str | bytes,
    environ: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
) -> Ended:
    """Run `python -m PROGRAM ARGV...` with nothing of Scout in its environment but `environ`."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SCOUT") and name not in ("MONITOR_DIR", "JOURNAL_STREAM")
    }
    done = subprocess.run(
        [*prefix, sys.executable, "-m", program, *argv],
        env=environment | dict(environ or {}),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

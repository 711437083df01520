"""`scout`: from the command line to an exit code."""

import os
import queue
import sys
import threading
import time

from scout import __version__
from scout.agent import config
from scout.agent.first import First, look_first, no_answer, refuse
from scout.errors import ScoutError, printable
from scout.process import listen, log
from scout.process.entry import enter, show
from scout.process.options import help_text


def main() -> int:
    """Run the program with this process's arguments and environment."""
    return enter("scout", _main)


def _main() -> int:
    wish, settings = config.read(sys.argv[1:], os.environ)
    if wish == "help":
        show(help_text(config.MANUAL))
    elif wish == "version":
        show(f"scout {__version__}\n")
    elif settings is not None:
        if wish == "check":
            wrong = _check(settings)
            if settings.health is not None:
                listen.check(settings.health, "health checks", "--health")
            if settings.metrics is not None:
                listen.check(settings.metrics, "metrics", "--metrics")
            directories = f"{len(settings.directories)} directories"
            if len(settings.directories) == 1:
                directories = printable(os.fsdecode(settings.directories[0].path))
            show(f"{wrong}scout: the configuration is right: {directories} for {settings.master}\n")
            return 0
        log.configure(settings.log_level, settings.log_format, os.environ)
        # gRPC's core writes lines of its own to standard error, about what we report as well.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        # Imported here: --help, --check and --version need no gRPC.
        from scout.agent.run import run

        return run(settings)
    return 0


def _check(settings: config.Config) -> str:
    """Look at the directories as the start would. What is wrong with some of several, in lines;
    raises the `ScoutError` that would end the start."""
    answers: queue.SimpleQueue[tuple[bytes, First]] = queue.SimpleQueue()

    def check(directory: bytes) -> None:
        try:
            answers.put((directory, look_first(directory)))
        except ScoutError as error:
            answers.put((directory, error))

    paths = [directory.path for directory in settings.directories]
    # A dead file system never answers, and holds the thread for as long as the process is there.
    for path in paths:
        threading.Thread(target=check, args=(path,), daemon=True).start()
    found: dict[bytes, First] = {}
    deadline = time.monotonic() + settings.start_timeout
    while len(found) < len(paths):
        try:
            directory, first = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[directory] = first
    firsts = [found.get(path) or no_answer(path) for path in paths]
    refuse(settings.directories, firsts)
    return "".join(f"scout: {it}\n" for it in firsts if isinstance(it, ScoutError))

"""`scout`: from the command line to an exit code."""

import os
import queue
import sys
import threading

from scout import __version__
from scout.agent import config
from scout.agent.inspect import Unavailable, look
from scout.errors import DirectoryMissing, ScoutError, printable
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
            _check(settings)
            if settings.health is not None:
                listen.check(settings.health, "health checks", "--health")
            if settings.metrics is not None:
                listen.check(settings.metrics, "metrics", "--metrics")
            directory = printable(os.fsdecode(settings.directory))
            show(f"scout: the configuration is right: {directory} for {settings.master}\n")
            return 0
        log.configure(settings.log_level, settings.log_format, os.environ)
        # gRPC's core writes lines of its own to standard error, about what we report as well.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        # Imported here: --help, --check and --version need no gRPC.
        from scout.agent.run import run

        return run(settings)
    return 0


def _check(settings: config.Config) -> None:
    """Refuse the directory as the start would. Raises its `ScoutError`."""
    verdict: queue.SimpleQueue[ScoutError | None] = queue.SimpleQueue()

    def check() -> None:
        try:
            config.check_directory(settings.directory)
            look(settings.directory)
        except ScoutError as error:
            verdict.put(error)
        except Unavailable as reason:
            what = "can't watch the directory"
            verdict.put(DirectoryMissing(what, settings.directory, str(reason)))
        else:
            verdict.put(None)

    # A dead file system never answers, and holds the thread for as long as the process is there.
    threading.Thread(target=check, daemon=True).start()
    try:
        error = verdict.get(timeout=settings.start_timeout)
    except queue.Empty:
        what, hint = "the directory does not answer", "does its file system work?"
        raise DirectoryMissing(what, settings.directory, hint) from None
    if error is not None:
        raise error

"""`scoutmaster`: from the command line to an exit code."""

import os
import sys

from scout import __version__
from scout.process import listen, log
from scout.process.entry import enter, show
from scout.process.options import help_text
from scoutmaster import config


def main() -> int:
    """Run the program with this process's arguments and environment."""
    return enter("scoutmaster", _main)


def _main() -> int:
    wish, settings = config.read(sys.argv[1:], os.environ)
    if wish == "help":
        show(help_text(config.MANUAL))
    elif wish == "version":
        show(f"scoutmaster {__version__}\n")
    elif settings is not None:
        if wish == "check":
            listen.check(settings.grpc, "agents", "--grpc")
            listen.check(settings.http, "HTTP", "--http")
            show(
                "scoutmaster: the configuration is right: "
                f"agents at {settings.grpc}, HTTP at {settings.http}\n"
            )
            return 0
        log.configure(settings.log_level, settings.log_format, os.environ)
        # gRPC's core writes lines of its own to standard error, about what we report as well.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        # Imported here: --help, --check and --version need no gRPC.
        from scoutmaster.serve import run

        return run(settings)
    return 0

"""The master, with little patience for its own HTTP server: `python -m tests.e2e.impatient`."""

import sys

from scoutmaster import cli, serve

serve.HTTP_LIMIT = 0.5

if __name__ == "__main__":
    sys.exit(cli.main())

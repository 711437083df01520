"""The master, with all the time of the world between the word to its agents that it stops serving
and the end of their streams: `python -m tests.e2e.leisurely`."""

import sys

from scoutmaster import cli, serve

serve.DRAIN = 3600.0

if __name__ == "__main__":
    sys.exit(cli.main())

"""`python -m scout`."""

import sys

from scout.agent.cli import main

if __name__ == "__main__":
    sys.exit(main())

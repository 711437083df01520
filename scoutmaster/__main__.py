"""`python -m scoutmaster`."""

import sys

from scoutmaster.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.writer DIRECTORY COUNT`: create and remove files, one at a time, and say when
each was created and removed. A program of its own: so a reader never stands still for it.
"""

import os
import random
import sys
import time
from pathlib import Path

PAUSE = (0.020, 0.040)
"""Seconds between two changes, so that each finds a quiet directory."""


def main() -> None:
    """Times are those of `perf_counter`, which all programs of a machine share."""
    directory, count = Path(sys.argv[1]), int(sys.argv[2])
    dice = random.Random(1)
    for number in range(count):
        path = directory / f"written-{number:06d}"
        time.sleep(dice.uniform(*PAUSE))
        begun = time.perf_counter()
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        time.sleep(dice.uniform(*PAUSE))
        ended = time.perf_counter()
        os.unlink(path)
        print(f"wrote {path.name} {begun:.9f} {ended:.9f}", flush=True)
    time.sleep(PAUSE[1])
    print("done", flush=True)


if __name__ == "__main__":
    main()

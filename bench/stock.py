"""Directories full of files, on the disk, made once and used by all parts of a run."""

import os
import subprocess
import tempfile
from pathlib import Path

ENTRY = len('{"filename":""},') + 20
"""Bytes that one of our files takes in the list."""

LINKS = 60_000
"""Names of one file; ext4 allows 65,000."""

FRAME = 95
"""Bytes that the list takes without files are this many, and up to 30 more."""


def name(number: int, letter: str = "f") -> str:
    """A name of 20 characters."""
    return f"{letter}{number:015d}.dat"


def create(directory: Path, count: int, letter: str = "f") -> None:
    """Make `count` names as fast as it goes: hard links to a few empty files beside `directory`.

    They are entries like any other and cause the same events. New inodes would be the disk's
    business: ext4 takes 15 to 500 microseconds for one here, and 11 for a link.
    """
    target = os.open(directory, os.O_PATH)
    origin = os.open(directory.parent, os.O_PATH)
    try:
        for number in range(count):
            source = f"seed-{letter}{count}-{number // LINKS}"
            if number % LINKS == 0:
                os.close(os.open(source, os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=origin))
            os.link(source, name(number, letter), src_dir_fd=origin, dst_dir_fd=target)
    finally:
        os.close(origin)
        os.close(target)


def remove(directory: Path, count: int, letter: str = "f") -> None:
    """Remove what `create` has made."""
    descriptor = os.open(directory, os.O_PATH)
    try:
        for number in range(count):
            os.unlink(name(number, letter), dir_fd=descriptor)
    finally:
        os.close(descriptor)


class Stock:
    """The directories. `close` removes them."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = Path(tempfile.mkdtemp(prefix="run-", dir=root))
        self._made: dict[int, Path] = {}

    def directory(self, count: int) -> Path:
        """A directory of `count` files. Whoever adds some removes them again."""
        if count not in self._made:
            path = self.root / f"files-{count}"
            path.mkdir()
            create(path, count)
            self._made[count] = path
        return self._made[count]

    def close(self) -> None:
        """Remove everything."""
        subprocess.run(["rm", "-rf", "--", str(self.root)], check=True)

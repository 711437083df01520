"""File systems of our own, by FUSE, for what no other one can be told to do.

    python -m tests.e2e.own_fs MOUNTPOINT [fold] [unstable] [unknown] [broken=NAME] [slow=SECONDS]

It is in memory, flat, and served until it is unmounted or the program is ended.

- fold: case and normal form are ignored and kept.
- unstable: the directory has another inode number at each look, and was modified just now.
- unknown: listings do not say what an entry is.
- broken: to look at that entry is an input/output error, while listings have it.
- slow: a listing takes so long.
"""

import errno
import itertools
import stat
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.processes import wait_until


@contextmanager
def mounted(where: Path, *options: str) -> Iterator[None]:
    """Such a file system at `where`, gone at the end."""
    with subprocess.Popen([sys.executable, "-m", "tests.e2e.own_fs", where, *options]) as served:
        try:
            wait_until(where.is_mount)
            yield
        finally:
            subprocess.run(["umount", "-l", where], check=False, capture_output=True)
            served.terminate()


def folded(name: str) -> str:
    """The same for all spellings of a name."""
    return unicodedata.normalize("NFD", name).lower()


def serve(where: str, options: list[str]) -> None:  # noqa: C901 - a small file system, whole
    """Serve until unmounted."""
    from fuse import FUSE, FuseOSError, Operations  # it loads libfuse, which may be missing

    given = dict(option.partition("=")[::2] for option in options)

    class Own(Operations):  # type: ignore[misc]  # it comes without types
        def __init__(self) -> None:
            self.files: dict[str, int] = {}
            self.numbers = itertools.count(100)
            self.modified = time.time()

        def find(self, path: str) -> str | None:
            name = path[1:]
            if name in self.files:
                return name
            if "fold" in given:
                return next((it for it in self.files if folded(it) == folded(name)), None)
            return None

        def getattr(self, path: str, fh: Any = None) -> dict[str, float]:
            if path == "/":
                unstable = "unstable" in given
                return {
                    "st_mode": stat.S_IFDIR | 0o755,
                    "st_nlink": 2,
                    "st_ino": next(self.numbers) if unstable else 1,
                    "st_mtime": time.time() if unstable else self.modified,
                }
            if path[1:] == given.get("broken"):
                raise FuseOSError(errno.EIO)
            name = self.find(path)
            if name is None:
                raise FuseOSError(errno.ENOENT)
            return {"st_mode": stat.S_IFREG | 0o644, "st_nlink": 1, "st_ino": self.files[name]}

        def readdir(self, path: str, fh: Any) -> Iterator[Any]:
            time.sleep(float(given.get("slow", 0)))
            broken = [given["broken"]] if "broken" in given else []
            for name in [".", "..", *self.files, *broken]:
                kind = stat.S_IFDIR if name in (".", "..") else stat.S_IFREG
                known = {"st_mode": kind, "st_ino": self.files.get(name, 1)}
                yield name if "unknown" in given else (name, known, 0)

        def create(self, path: str, mode: int, fi: Any = None) -> int:
            self.files[path[1:]] = next(self.numbers)
            self.modified = time.time()
            return 0

        def unlink(self, path: str) -> None:
            name = self.find(path)
            if name is None:
                raise FuseOSError(errno.ENOENT)
            del self.files[name]
            self.modified = time.time()

        def rename(self, old: str, new: str) -> None:
            name, there = self.find(old), self.find(new)
            if name is None:
                raise FuseOSError(errno.ENOENT)
            if there is not None and there != name:
                del self.files[there]
            self.files[new[1:]] = self.files.pop(name)
            self.modified = time.time()

        def utimens(self, path: str, times: Any = None) -> None:
            pass

    FUSE(Own(), where, foreground=True, nothreads=True, use_ino="unstable" in given, attr_timeout=0)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])

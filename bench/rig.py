"""What all parts share: the directories, the running programs, how thorough to be."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.asker import Asker, wait_until
from bench.programs import Agent, Master, Program
from bench.stock import ENTRY, FRAME, Stock


@dataclass(frozen=True, slots=True)
class Foreign:
    """Somebody's server with `GET /files` at `host`:`port` that watches `directory`."""

    host: str
    port: int
    directory: Path

    @classmethod
    def parse(cls, url: str, directory: Path) -> "Foreign":
        """From a URL such as http://127.0.0.1:3001."""
        parts = urlsplit(url if "//" in url else f"//{url}")
        return cls(parts.hostname or "127.0.0.1", parts.port or 80, directory)


class Rig:
    """Starts programs and makes sure that none outlives its part. Owned by one thread."""

    def __init__(self, stock: Stock, *, quick: bool, foreign: Foreign | None = None) -> None:
        self.stock = stock
        self.quick = quick
        self.foreign = foreign
        self._programs: list[Program] = []

    @property
    def million(self) -> int:
        """The number of files in the large directory."""
        return 100_000 if self.quick else 1_000_000

    def runs(self, thorough: int, quick: int) -> int:
        """How often to repeat."""
        return quick if self.quick else thorough

    def say(self, text: str) -> None:
        """Tell whoever waits what is being done."""
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    @contextmanager
    def programs(self) -> Iterator[None]:
        """What is started within ends with it."""
        before = len(self._programs)
        try:
            yield
        finally:
            for program in reversed(self._programs[before:]):
                program.kill()
            del self._programs[before:]

    def start(self, *argv: str) -> Program:
        """Start `python -m ...`."""
        program = Program(*argv)
        self._programs.append(program)
        return program

    def master(self, *options: str, grpc: int = 0, http: int = 0) -> Master:
        """Start a master, and wait until it serves."""
        program = Master(*options, grpc=grpc, http=http)
        self._programs.append(program)
        return program

    def agent(self, directory: Path, master: Master, *options: str) -> Agent:
        """Start an agent."""
        program = Agent(directory, master, *options)
        self._programs.append(program)
        return program

    def rest(self, seconds: float = 1.0) -> None:
        """Leave the programs alone, so that what is measured next starts from quiet."""
        time.sleep(seconds)

    def pair(self, count: int) -> tuple[Master, Agent, Path]:
        """A master and an agent on a directory of `count` files, all of them visible."""
        directory = self.stock.directory(count)
        master = self.master()
        agent = self.agent(directory, master)
        agent.wait_until_watching()
        wait_until_listed(master.http, count)
        return master, agent, directory


def wait_until_listed(port: int, count: int, pause: float = 0.02) -> None:
    """Wait until the list at `port` holds `count` of our files, by its Content-Length."""
    asker = Asker(port)

    def listed() -> bool:
        answer = asker.ask("/files", "HEAD")
        return (answer.length - FRAME) // ENTRY == count

    try:
        wait_until(listed, f"{count} files are listed", pause)
    finally:
        asker.close()

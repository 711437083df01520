"""demo.py DIRECTORY GRPC HTTP: a master and a scout on this machine, until Ctrl-C (`make run`).

Starts the two programs, on loopback, and tells what `GET /files` says: at
first, and whenever it changes. Ctrl-C, SIGTERM, a closed terminal or the end of either program
stops both, the scout first, so that it can take its leave.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from typing import Any

from scout.process import standard
from scout.process.entry import enter

PATIENCE = 30.0
"""Seconds for a program to start, or to stop."""

STEP = 0.1
"""Seconds between two questions: quick for a person, little work for the master."""

SHOWN = 5
"""Names in a line."""


class Ended(Exception):
    """A program did not start, or ended by itself; its own line on standard error says why."""


class Demo:
    """Two programs and the question that is put to them."""

    def __init__(self, directory: str, grpc: str, http: str) -> None:
        self.directory = os.path.abspath(directory)
        self.master = f"127.0.0.1:{grpc}"
        self.site = f"127.0.0.1:{http}"
        self.stop = threading.Event()
        self._programs: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._etag = ""
        # Whatever the environment says of proxies: this is the way to this machine.
        self._direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def start(self) -> None:
        """Start the master, and when it answers, the scout; wait until its files are there."""
        self._launch("scoutmaster", "--grpc", self.master, "--http", self.site,
                     "--expect-clients", "1", "--max-clients", "100")  # fmt: skip
        self._wait(lambda: self._get("/-/healthy") is not None)
        self._launch("scout", "--directory", self.directory, "--master", self.master)
        self._wait(lambda: bool((self._ask() or {"complete": False})["complete"]))

    def watch(self) -> None:
        """Print what /files says, now and after each change, until asked to stop."""
        self._etag = ""
        names: Counter[str] | None = None
        while not self.stop.is_set():
            self._check()
            answer = self._ask()
            if answer is not None:
                before, names = names, Counter(row["filename"] for row in answer["files"])
                whole = "" if answer["complete"] else " (not complete)"
                count = names.total()
                files = "1 file" if count == 1 else f"{count} files"
                say(f"/files: {files}{whole}{difference(before, names)}")
            self.stop.wait(STEP)

    def end(self) -> None:
        """Stop the programs, the last one started first."""
        while self._programs:
            name, program = self._programs.pop()
            if program.poll() is not None:
                continue
            program.terminate()
            try:
                word = f"stopped, exit code {program.wait(PATIENCE)}"
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
                word = f"did not stop within {PATIENCE:.0f} s and was killed"
            # Where the terminal is closed the next one must be stopped all the same.
            with contextlib.suppress(OSError):
                say(f"{name} {word}")

    def _launch(self, name: str, *argv: str) -> None:
        # What this shell has set for other agents and masters is not for the demo.
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("SCOUT", "MONITOR"))
        }
        # A process group of its own: Ctrl-C is for us, and we stop both in order.
        program = subprocess.Popen(
            [sys.executable, "-m", name, *argv, "--log-level", "warning"],
            env=environment,
            process_group=0,
        )
        self._programs.append((name, program))

    def _wait(self, condition: Callable[[], bool]) -> None:
        for _ in range(int(PATIENCE / STEP)):
            self._check()
            if condition() or self.stop.wait(STEP):
                return
        raise Ended(f"nothing happened for {PATIENCE:.0f} s")

    def _check(self) -> None:
        for name, program in self._programs:
            if program.poll() is not None:
                raise Ended(f"{name} ended by itself, exit code {program.returncode}")

    def _ask(self) -> dict[str, Any] | None:
        """The answer of /files if it has changed since the last time."""
        body = self._get("/files")
        answer: dict[str, Any] | None = None if body is None else json.loads(body)
        return answer

    def _get(self, path: str) -> bytes | None:
        """The body, or None if it is the one we know, or if nobody answers."""
        request = urllib.request.Request(f"http://{self.site}{path}")
        if self._etag:
            request.add_header("If-None-Match", self._etag)
        try:
            with self._direct.open(request, timeout=PATIENCE) as answer:
                self._etag = answer.headers.get("ETag", "")
                body: bytes = answer.read()
                return body
        except (urllib.error.URLError, ConnectionError):
            return None


def difference(before: Counter[str] | None, now: Counter[str]) -> str:
    """What is new and what is gone, or at first, what there is."""
    if before is None:
        return f": {some(now)}" if now else ""
    words = [("new", now - before), ("gone", before - now)]
    return "".join(f"; {word}: {some(names)}" for word, names in words if names)


def some(names: Counter[str]) -> str:
    """The first few of `names`, in one printable line."""
    shown = [name if name.isprintable() else repr(name) for name in sorted(names)[:SHOWN]]
    more = names.total() - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def main(argv: list[str]) -> int:
    """Run the demo. The exit code is 0 if it was stopped, 1 if a program ended by itself."""
    demo = Demo(*argv)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: demo.stop.set())
    try:
        demo.start()
        if not demo.stop.is_set():
            say(f"scout watches    {demo.directory}")
            say(f"scoutmaster      {demo.master} for agents")
            for path in ("/files", "/clients", "/metrics"):
                say(f"ask it           curl http://{demo.site}{path}")
            say("Make or remove a file there and look here. Ctrl-C stops both.")
        demo.watch()
    except Ended as ended:
        say(f"demo: {ended}")
        return 1
    except BrokenPipeError:
        # Whoever read our output has left, as in: make run | head
        standard.discard(1)
    finally:
        demo.end()
    return 0


if __name__ == "__main__":
    sys.exit(enter("demo", lambda: main(sys.argv[1:])))

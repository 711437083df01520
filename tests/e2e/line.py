"""A bad line between two hosts: two network namespaces joined by packets that we carry ourselves.

Each namespace has a TUN device; what one kernel sends is read here, waits for its turn, and is
written to the other. So both TCP stacks are the real ones, and the line can be slow, long, deep
(a modem's buffer, in which round trips grow under load), lossy, or stand still for a while. The
kernel's own `tbf` and `netem` are not in every kernel. Needs root and /dev/net/tun.
"""

import fcntl
import heapq
import os
import select
import struct
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass, field

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000

MASTER, AGENT = "10.250.78.1", "10.250.78.2"


@dataclass
class Way:
    """One direction. `rate` in bits a second, `delay` in seconds, `buffer` in bytes: what finds it
    full is dropped."""

    rate: float = 1e9
    delay: float = 0.0
    buffer: int = 1_000_000
    passed: int = 0
    dropped: int = 0
    _waiting: deque[bytes] = field(default_factory=deque)
    _bytes: int = 0
    _free_at: float = 0.0

    def take(self, packet: bytes) -> None:
        """A packet arrives at the head of the line."""
        if self._bytes + len(packet) > self.buffer:
            self.dropped += 1
            return
        self._waiting.append(packet)
        self._bytes += len(packet)

    @property
    def due(self) -> float | None:
        """When the next packet may leave."""
        return self._free_at if self._waiting else None

    def give(self, now: float) -> bytes | None:
        """The packet that has left the buffer by `now`."""
        if not self._waiting:
            self._free_at = max(self._free_at, now)
            return None
        if self._free_at > now:
            return None
        packet = self._waiting.popleft()
        self._bytes -= len(packet)
        self._free_at = max(self._free_at, now - 0.05) + 8 * len(packet) / self.rate
        self.passed += len(packet)
        return packet


class Line:
    """Two namespaces and what lies between them. Owned by the thread that builds it; the ways may
    be changed at any time."""

    def __init__(self, up: Way, down: Way) -> None:
        """`up` leads from the agent to the master."""
        self.up, self.down = up, down
        self.cut = False
        """While true every packet vanishes."""
        self.standing = False
        """While true nothing moves; what comes waits in the buffers."""
        suffix = f"{os.getpid()}-{id(self) % 9973}"
        self.here, self.there = f"scout-lm-{suffix}", f"scout-la-{suffix}"
        self._end = threading.Event()
        self._files: list[int] = []
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def build(self) -> None:
        """Raises OSError or CalledProcessError where that is not permitted."""
        for space, address, peer in ((self.there, AGENT, MASTER), (self.here, MASTER, AGENT)):
            subprocess.run(["ip", "netns", "add", space], check=True, capture_output=True)
            file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            self._files.append(file)
            made = fcntl.ioctl(
                file, TUNSETIFF, struct.pack("16sH22x", b"sct%d", IFF_TUN | IFF_NO_PI)
            )
            device = made[:16].rstrip(b"\0").decode()
            for words in (
                ("link", "set", device, "netns", space),
                ("-n", space, "addr", "add", address, "peer", peer, "dev", device),
                ("-n", space, "link", "set", device, "mtu", "1400", "up"),
                ("-n", space, "link", "set", "lo", "up"),
            ):
                subprocess.run(["ip", *words], check=True, capture_output=True)
        self._thread.start()

    def inside(self, space: str) -> list[str]:
        """The words that start a program in `space`."""
        return ["ip", "netns", "exec", space]

    def remove(self) -> None:
        """End it, and leave nothing behind."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join()
        for file in self._files:
            os.close(file)
        for name in (self.here, self.there):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def _carry(self) -> None:
        agent, master = self._files
        ways = ((self.up, agent, master), (self.down, master, agent))
        flying: list[tuple[float, int, int, bytes]] = []
        number = 0
        while not self._end.is_set():
            now = time.monotonic()
            for way, _, target in ways:
                while not self.standing and (packet := way.give(now)) is not None:
                    number += 1
                    heapq.heappush(flying, (now + way.delay, number, target, packet))
            while flying and flying[0][0] <= now:
                _, _, target, packet = heapq.heappop(flying)
                if not self.cut:
                    os.write(target, packet)
            due = [0.05 if self.standing else way.due - now for way, _, _ in ways if way.due]
            due += [flying[0][0] - now] if flying else []
            ready, _, _ = select.select([agent, master], [], [], max(0.0, min([*due, 0.05])))
            for way, source, _ in ways:
                while source in ready:
                    try:
                        packet = os.read(source, 65536)
                    except BlockingIOError:
                        break
                    if not self.cut:
                        way.take(packet)

"""thief.py PID: take each inotify event of a process away before it can read it.

The process keeps its watch, and its loop goes on, but its watcher meets nothing any more. Needs
root. Prints a line when it is at work, and works until it is ended.
"""

import ctypes
import fcntl
import os
import select
import sys
from pathlib import Path

PIDFD_GETFD = 438  # the same on every architecture (pidfd_getfd(2))
ABOVE = 1000
"""Our own copies get numbers from here on, out of the way of the process's."""


def main(pid: int) -> None:
    """Steal for ever."""
    process = Path(f"/proc/{pid}")
    links = {int(f.name): os.readlink(f) for f in (process / "fd").iterdir()}
    (number,) = (n for n, to in links.items() if to == "anon_inode:inotify")
    pidfd = os.pidfd_open(pid)
    events = _copy(pidfd, number)
    for n, to in links.items():
        if to != "anon_inode:[eventpoll]":
            continue
        lines = (process / "fdinfo" / str(n)).read_text().splitlines()
        if any(line.split()[:2] == ["tfd:", str(number)] for line in lines):
            # The kernel knows what an epoll waits for by file and number: with both as in the
            # process, this takes the watch off the list of what wakes its loop.
            os.dup2(events, number)
            select.epoll.fromfd(_copy(pidfd, n)).unregister(number)
    # Be first when both could read.
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    wait = select.poll()
    wait.register(events, select.POLLIN)
    print("at work", flush=True)
    while True:
        wait.poll()
        try:
            os.read(events, 1 << 16)
        except BlockingIOError:
            continue


def _copy(pidfd: int, number: int) -> int:
    """A descriptor of ours for the file that another process has open as `number`."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(PIDFD_GETFD, pidfd, number, 0)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, ABOVE)


main(int(sys.argv[1]))

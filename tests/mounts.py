"""What tests mount, and that they leave none of it."""

import os
import subprocess
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")


def below(folder: Path) -> list[str]:
    """The lines of /proc/self/mountinfo (proc_pid_mountinfo(5)) of what is mounted below a folder.
    None where there is no /proc.
    """
    if not MOUNTINFO.exists():
        return []
    written = os.fsencode(folder)
    for special in (b"\\", b" ", b"\t", b"\n"):
        written = written.replace(special, b"\\%03o" % ord(special))
    lines = MOUNTINFO.read_bytes().splitlines()
    return [os.fsdecode(it) for it in lines if it.split()[4].startswith(written + b"/")]


def unmount_all(where: Path) -> None:
    """Unmount whatever is mounted there, one over the other.

    Until there is nothing: `Path.is_mount` does not see what is bound from the same file system.
    """
    while not subprocess.run(["umount", "-l", where], check=False, capture_output=True).returncode:
        pass

"""What tests need of the machine that they run on, and which of Debian's packages has it.

`need("root", "bindfs")` at the top of a test or fixture. What is not there skips the test and the
reason names all of it with the way to get it; in CI (the variable CI is set), where nothing may be
skipped, it fails. Run as a script, this prints the packages that are missing here, for `.ci/run`:
it has only the standard library then, and any Python 3.
"""

import ctypes.util
import functools
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

PACKAGES = {
    "bindfs": "bindfs",
    "btrfs": "btrfs-progs",
    "bwrap": "bubblewrap",
    "faketime": "faketime",
    "git": "git",
    "ip": "iproute2",
    "localedef": "libc-bin",
    "losetup": "mount",
    "lowntfs-3g": "ntfs-3g",
    "mkfs.btrfs": "btrfs-progs",
    "mkfs.exfat": "exfatprogs",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
    "mkntfs": "ntfs-3g",
    "mount": "mount",
    "mount.exfat-fuse": "exfat-fuse",
    "nsenter": "util-linux",
    "ntfs-3g": "ntfs-3g",
    "prlimit": "util-linux",
    "promtool": "prometheus",
    "setpriv": "util-linux",
    "setsid": "util-linux",
    "sshfs": "sshfs",
    "sysctl": "procps",
    "umount": "mount",
    "unshare": "util-linux",
}
"""Which of Debian's packages has a program. A test may start no other, but for coreutils and sh."""


def find(program: str) -> str | None:
    """Where a program is, or nothing."""
    return shutil.which(program, path=search_path())


def search_path() -> str:
    """PATH as root would have it: mkfs and losetup are no programs of ordinary users to Debian."""
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


@functools.cache
def _runs(*command: str) -> bool:
    """Whether a command ends well."""
    if find(command[0]) is None:
        return False
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as it:
            it.bind(("::1", 0))
    except OSError:
        return False
    return True


def _has_latin_1() -> bool:
    return find("localedef") is not None and all(
        any(Path("/usr/share/i18n", folder).glob(f"{name}*"))
        for folder, name in (("charmaps", "ISO-8859-1.gz"), ("locales", "POSIX"))
    )


def _may_mount() -> bool:
    mount = ["mount", "-t", "tmpfs", "tmpfs", "/tmp"]
    return find("mount") is None or _runs("unshare", "--mount", "--propagation=private", *mount)


CHECKS: dict[str, tuple[Callable[[], bool], str]] = {
    "root": (lambda: os.geteuid() == 0, "root: run it with sudo"),
    "mounting": (_may_mount, "the right to mount (CAP_SYS_ADMIN)"),
    "network namespaces": (
        lambda: _runs("unshare", "--net", "true"),
        "the right to make a network namespace (CAP_SYS_ADMIN)",
    ),
    "process namespaces": (
        lambda: _runs("unshare", "--pid", "--fork", "--mount-proc", "true"),
        "the right to make a namespace of processes (CAP_SYS_ADMIN)",
    ),
    "user namespaces": (
        lambda: _runs("unshare", "--user", "--map-root-user", "true"),
        "user namespaces: sysctl user.max_user_namespaces, or another container runtime",
    ),
    "/dev/fuse": (
        lambda: os.access("/dev/fuse", os.R_OK | os.W_OK),
        "/dev/fuse: modprobe fuse, or a container that is given the device",
    ),
    "loop devices": (
        lambda: os.access("/dev/loop-control", os.R_OK | os.W_OK),
        "loop devices: modprobe loop, or a container that is given them",
    ),
    "IPv6": (_has_ipv6, "::1: sysctl net.ipv6.conf.lo.disable_ipv6=0"),
    "libfuse2": (
        lambda: ctypes.util.find_library("fuse") is not None,
        "libfuse2: apt-get install libfuse2",
    ),
    "a Latin-1 locale": (_has_latin_1, "a Latin-1 locale: apt-get install locales"),
}
"""What is no program: whether it is there, and what to call it to somebody who wants it."""

LIBRARIES = {"libfuse2": "libfuse2", "a Latin-1 locale": "locales"}
"""Those of `CHECKS` that a package brings."""


def absent(*names: str) -> list[str]:
    """Which of these are not there, each with the way to get it. A name is one of `CHECKS`, or that
    of a program in `PACKAGES`; KeyError for any other.
    """
    found = []
    for name in names:
        if name in CHECKS:
            check, how = CHECKS[name]
            if not check():
                found.append(how)
        elif find(name) is None:
            found.append(f"{name}: apt-get install {PACKAGES[name]}")
    return found


def need(*names: str) -> None:
    """Skip the test unless all of these are there; fail in CI. Names as `absent` takes them."""
    __tracebackhide__ = True  # pytest names the test's line
    if missing := absent(*names):
        refuse(f"needs {'; '.join(dict.fromkeys(missing))}")


def refuse(reason: str) -> NoReturn:
    """Skip the test for that reason; fail in CI."""
    import pytest  # not needed to print the list of packages

    __tracebackhide__ = True
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def packages() -> list[str]:
    """Debian's packages that the tests need and that are not installed here."""
    programs = {package for program, package in PACKAGES.items() if find(program) is None}
    return sorted(programs | {LIBRARIES[name] for name in LIBRARIES if absent(name)})


if __name__ == "__main__":
    print(*packages())

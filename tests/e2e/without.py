"""Start a program for which some system calls fail, as a sandbox or a security module has it.

    python -m tests.e2e.without ERROR CALL[,CALL...] PROGRAM...

By a real seccomp filter (seccomp(2)), which the program inherits.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

CALLS = {
    "x86_64": {"inotify_add_watch": 254, "inotify_init1": 294, "statx": 332},
    "aarch64": {"inotify_init1": 26, "inotify_add_watch": 27, "statx": 291},
}

_LOAD_NUMBER, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2


def forbid(calls: list[str], error: int) -> None:
    """From now on `calls` fail with `error`, for this process and what it starts."""
    numbers = [CALLS[platform.machine()][call] for call in calls]
    program = [(_LOAD_NUMBER, 0, 0, 0)]
    for place, number in enumerate(numbers):
        program.append((_EQUAL, len(numbers) - place, 0, number))
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _FAIL | error)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *it) for it in program))
    head = ctypes.create_string_buffer(
        struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    )
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SECCOMP, _FILTER, head):
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    forbid(sys.argv[2].split(","), getattr(errno, sys.argv[1]))
    os.execvp(sys.argv[3], sys.argv[3:])

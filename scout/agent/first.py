"""The look at the start: what each directory is, or what is wrong with it, and what ends the start.

`look_first` may hang, and belongs on a thread of its own.
"""

from collections.abc import Sequence

from scout.agent.core.actions import MonitorConfig
from scout.agent.core.identity import DirectoryIdentity
from scout.agent.core.start import CANT_WATCH, LOOK_STATES, ending, twice
from scout.agent.inspect import Unavailable, check_directory, look
from scout.errors import DirectoryMissing, ScoutError

First = DirectoryIdentity | ScoutError
"""What the look at the start found, or what was wrong."""


def look_first(directory: bytes) -> DirectoryIdentity:
    """Look at a directory. Raises the `ScoutError` that says why it can't be watched."""
    check_directory(directory)
    try:
        return look(directory)
    except Unavailable as reason:
        raise DirectoryMissing(CANT_WATCH, directory, str(reason)) from None


def no_answer(directory: bytes) -> ScoutError:
    """The look has not ended in time."""
    hint = "does its file system work?"
    return DirectoryMissing("the directory does not answer", directory, hint)


def refuse(directories: Sequence[MonitorConfig], firsts: Sequence[First]) -> None:
    """Raise the `ScoutError` that ends the process because of what was found, if one does."""
    found = [it.path if isinstance(it, DirectoryIdentity) else None for it in firsts]
    pairs = zip(directories, found, strict=True)
    seen = [(directory.path, real) for directory, real in pairs if real is not None]
    errors = [it if isinstance(it, ScoutError) else None for it in firsts]
    if error := twice(seen) or ending(errors, LOOK_STATES):
        raise error

"""The directories to watch, as the operator lists them: by options, and by a file of lines.

What is said by an option holds for all directories, unless a line says otherwise.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace

from scout.agent.core.actions import MonitorConfig
from scout.agent.core.identity import absolute
from scout.agent.core.lines import MOST_BYTES, Line, Misspelled, split
from scout.core.labels import cut
from scout.errors import ConfigError
from scout.process.options import SHOWN
from scout.process.values import path, positive_duration, switch

MOST = 1000
"""Directories of one process: each takes a thread, a connection and an inotify instance."""

KEYS: dict[str, Callable[[str], object]] = {
    "include-hidden": switch,
    "require-mount": switch,
    "poll-only": switch,
    "poll-interval": positive_duration,
    "scan-timeout": positive_duration,
}
"""What a line may say, by the parsers of the options of these names."""


def listed(
    paths: Iterable[str], file: str | None, common: MonitorConfig
) -> tuple[MonitorConfig, ...]:
    """The directories of `paths` and of `file`, in this order. `common` says what holds for all.

    Raises `ConfigError`: the file can't be read or says something wrong, or one comes twice.
    """
    found: dict[bytes, MonitorConfig] = {}
    for text in paths:
        config = replace(common, path=os.fsencode(text))
        if absolute(config.path) in found:
            raise ConfigError("the same directory twice", config.path, "give it once")
        found[absolute(config.path)] = config
    if file is not None:
        for line, config in _from_file(file, common):
            if absolute(config.path) in found:
                raise _wrong(file, line.number, f"{_shown(config.path)} is given twice")
            found[absolute(config.path)] = config
    if len(found) > MOST:
        hint = "share them among several processes"
        raise ConfigError(f"more than {MOST} directories", str(len(found)), hint)
    return tuple(found.values())


def _from_file(file: str, common: MonitorConfig) -> list[tuple[Line, MonitorConfig]]:
    try:
        # Whoever may write it may make it a pipe: then this waits as `cat` would.
        with open(os.fsencode(file), "rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        hint = error.strerror or str(error)
        raise ConfigError("the file of directories can't be read", file, hint) from error
    if len(data) > MOST_BYTES:
        hint = f"it may have {MOST_BYTES} bytes"
        raise ConfigError("the file of directories is too large", file, hint)
    try:
        found = [(line, _built(file, line, common)) for line in split(data)]
    except Misspelled as error:
        raise _wrong(file, error.number, error.why) from error
    if not found:
        hint = "write one in each line: PATH [key=value ...]"
        raise ConfigError("the file names no directory", file, hint)
    return found


def _built(file: str, line: Line, common: MonitorConfig) -> MonitorConfig:
    values: dict[str, object] = {}
    try:
        path(os.fsdecode(line.path))
    except ValueError as error:
        what = f"{_shown(line.path)} must be {error}"
        raise _wrong(file, line.number, what) from error
    for key, text in line.settings:
        parse, name = KEYS.get(key), key.replace("-", "_")
        if parse is None:
            known = ", ".join(KEYS)
            raise _wrong(file, line.number, f"unknown key {_text(key)}; there are {known}")
        if name in values:
            raise _wrong(file, line.number, f"{key} is given twice")
        try:
            values[name] = parse(text)
        except ValueError as error:
            what = f"bad value {_text(text)} for {key}; it must be {error}"
            raise _wrong(file, line.number, what) from error
    return replace(common, path=line.path, **values)  # type: ignore[arg-type]  # by its parser


def _wrong(file: str, number: int, what: str) -> ConfigError:
    return ConfigError("the file of directories is wrong", f"{file}, line {number}", what)


def _shown(directory: bytes) -> str:
    return cut(directory.decode("utf-8", "backslashreplace"), SHOWN)


def _text(text: str) -> str:
    return repr(cut(text, SHOWN))

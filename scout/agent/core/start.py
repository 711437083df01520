"""What ends the process at its start, and what is the state of one directory alone.

With one directory everything that fails ends the process. With several, what is wrong with one of
them is that directory's state, is told, and passes or not, while the others are watched; only what
is so for all ends the process, as do the command line, the configuration, the master and rights.
"""

from collections.abc import Sequence

from scout.errors import (
    Claimed,
    ConfigError,
    DirectoryMissing,
    MasterUnavailable,
    NoPermission,
    ScoutError,
)

LOOK_STATES = (DirectoryMissing, NoPermission)
"""What the first look at a directory may find wrong with it alone."""

REGISTRATION_STATES = (Claimed,)
"""What the master may have against one directory alone."""


def ending(
    outcomes: Sequence[ScoutError | None], states: tuple[type[ScoutError], ...]
) -> ScoutError | None:
    """The error that ends the process, if one does. `outcomes`: how each directory fared, None if
    well; `states`: what is only a state of one of several."""
    errors = [error for error in outcomes if error is not None]
    if len(outcomes) == 1:
        return outcomes[0]
    for error in errors:
        if type(error) not in states:
            return error
    if errors and len(errors) == len(outcomes) and len({type(error) for error in errors}) == 1:
        first = errors[0]
        hint = f"the first: {first.what}" + (f"; {first.hint}" if first.hint else "")
        return type(first)(f"so for all {len(errors)} directories", first.on, hint)
    return None


def refusal(code: str, reason: str, master: str, directory: bytes) -> ScoutError:
    """The error for an attempt to register that failed with the gRPC status `code`, its name."""
    match code:
        case "ALREADY_EXISTS":
            return Claimed("the directory is claimed by another agent", directory, reason)
        case "PERMISSION_DENIED" | "UNAUTHENTICATED":
            return NoPermission("the master refuses this agent", master, reason)
        case "INVALID_ARGUMENT":
            return ConfigError("the master refuses the registration", master, reason)
    return MasterUnavailable("can't register with the master", master, reason)


def twice(real_paths: Sequence[tuple[bytes, bytes]]) -> ConfigError | None:
    """The error if two configured paths lead to one real path; pairs of both, None if none do."""
    holders: dict[bytes, bytes] = {}
    for directory, real in real_paths:
        other = holders.setdefault(real, directory)
        if other != directory:
            name = other.decode("utf-8", "surrogateescape")
            hint = f"it leads to the same directory as {name}; give it once"
            return ConfigError("the same directory twice", directory, hint)
    return None


def reason(error: ScoutError) -> str:
    """What is said of a directory that can't be watched because of `error`."""
    if error.what == CANT_WATCH:
        return error.hint
    return error.what


CANT_WATCH = "can't watch the directory"

"""What ends the process at its start, and what is the state of one directory alone."""

import pytest

from scout.agent.core.start import (
    CANT_WATCH,
    LOOK_STATES,
    REGISTRATION_STATES,
    ending,
    reason,
    refusal,
    twice,
)
from scout.errors import (
    Claimed,
    ConfigError,
    DirectoryMissing,
    MasterUnavailable,
    NoPermission,
    ScoutError,
)

MISSING = DirectoryMissing("the directory does not exist", "/a", "make it")
CLOSED = NoPermission("no permission to read the directory", "/b")
CLAIMED = Claimed("the directory is claimed by another agent", "/c")
SPEECHLESS = NoPermission("the master refuses this agent", "master:1")
ALONE = MasterUnavailable("can't register with the master", "master:1")
WRONG = ConfigError("the master refuses the registration", "master:1")

Outcomes = list[ScoutError | None]


@pytest.mark.parametrize("error", [MISSING, CLOSED, CLAIMED, SPEECHLESS, ALONE, WRONG])
def test_with_one_directory_whatever_fails_ends_the_process(error: ScoutError) -> None:
    assert ending([error], LOOK_STATES) is error
    assert ending([error], REGISTRATION_STATES) is error


@pytest.mark.parametrize(
    "outcomes", [[None], [None, None], [None, MISSING], [CLOSED, MISSING], [CLOSED, None, MISSING]]
)
def test_what_is_wrong_with_some_directories_is_their_state(outcomes: Outcomes) -> None:
    assert ending(outcomes, LOOK_STATES) is None


@pytest.mark.parametrize(
    ("error", "states", "code"),
    [(MISSING, LOOK_STATES, 66), (CLOSED, LOOK_STATES, 77), (CLAIMED, REGISTRATION_STATES, 75)],
)
def test_what_is_so_for_all_ends_the_process_and_names_the_first(
    error: ScoutError, states: tuple[type[ScoutError], ...], code: int
) -> None:
    ended = ending([error] * 3, states)
    assert ended is not None
    assert ended.exit_code == code
    assert str(ended).startswith(f"so for all 3 directories: {error.on}; the first: {error.what}")


@pytest.mark.parametrize(("error", "code"), [(SPEECHLESS, 77), (ALONE, 69), (WRONG, 78)])
def test_what_no_directory_can_help_ends_the_process_also_if_others_are_not_known_yet(
    error: ScoutError, code: int
) -> None:
    ended = ending([None, CLAIMED, error], REGISTRATION_STATES)
    assert ended is error
    assert ended.exit_code == code


def test_claims_that_are_not_decided_yet_end_nothing() -> None:
    assert ending([CLAIMED, CLAIMED, None], REGISTRATION_STATES) is None


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("ALREADY_EXISTS", 75),
        ("PERMISSION_DENIED", 77),
        ("UNAUTHENTICATED", 77),
        ("INVALID_ARGUMENT", 78),
        ("UNAVAILABLE", 69),
        ("RESOURCE_EXHAUSTED", 69),
        ("UNIMPLEMENTED", 69),
    ],
)
def test_each_refusal_has_its_exit_code(code: str, exit_code: int) -> None:
    error = refusal(code, "because", "master:1", b"/a")
    assert error.exit_code == exit_code
    assert error.hint == "because"


def test_one_real_path_twice_is_wrong_configuration() -> None:
    error = twice([(b"/a", b"/x"), (b"/b", b"/y"), (b"/c\xff", b"/x")])
    assert error is not None
    assert error.exit_code == 78
    assert "leads to the same directory as /a" in str(error)
    assert twice([(b"/a", b"/x"), (b"/b", b"/y")]) is None


def test_the_reason_of_a_directory_is_what_is_wrong_with_it() -> None:
    assert reason(MISSING) == "the directory does not exist"
    assert reason(DirectoryMissing(CANT_WATCH, "/a", "no luck")) == "no luck"

"""Rules for all tests: what is missing on this machine skips a test, and never breaks it; and no
test leaves a mount behind.
"""

import os
from collections.abc import Generator, Iterator

import pytest

from tests import mounts, need


def pytest_configure() -> None:
    """Let ordinary users find what `need` finds."""
    os.environ["PATH"] = need.search_path()


@pytest.fixture(autouse=True)
def nothing_is_left_mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """pytest can't remove what is mounted below `tmp_path`, and it would stay on the machine."""
    base = tmp_path_factory.getbasetemp()
    before = mounts.below(base)
    yield
    left = [it for it in mounts.below(base) if it not in before]
    assert left == [], "the test left this mounted"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """For fixtures: as `pytest_runtest_call`."""
    yield from _skip_where_a_program_is_missing()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A test that starts a program which is not installed says so, and is skipped outside of CI."""
    yield from _skip_where_a_program_is_missing()


def _skip_where_a_program_is_missing() -> Generator[None, None, None]:
    try:
        return (yield)
    except FileNotFoundError as error:
        # Raised for the program by `subprocess`, and for no path below a directory.
        if error.filename in need.PACKAGES:
            need.need(error.filename)
        raise

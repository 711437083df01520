"""Fixtures of the tests with real processes."""

from collections.abc import Iterator

import pytest

from tests.e2e.processes import Stage
from tests.e2e.processes import stage as open_stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Starts programs; none outlives the test."""
    with open_stage() as it:
        yield it

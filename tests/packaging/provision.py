"""Tools that the tests need and the project does not contain: there, or why not."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "packaging"


def provided(tool: Path | str | None, name: str, how: str) -> Path:
    """`tool`, if it exists. Without it the test is skipped with the way to get it.

    In CI nothing may be skipped, so there it fails.
    """
    if tool is not None and Path(tool).exists():
        return Path(tool)
    reason = f"{name} is not installed; {how}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)

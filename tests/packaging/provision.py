"""Tools that the tests need and the project does not contain: there, or why not."""

from pathlib import Path

from tests.need import refuse

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "packaging"


def provided(tool: Path | str | None, name: str, how: str) -> Path:
    """`tool`, if it exists. Without it the test is skipped with the way to get it.

    In CI nothing may be skipped, so there it fails.
    """
    if tool is None or not Path(tool).exists():
        refuse(f"{name} is not installed; {how}")
    return Path(tool)

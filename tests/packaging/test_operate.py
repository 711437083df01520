"""docs/operate.md says what the programs say."""

import re

import pytest

import scout.agent.config
import scoutmaster.config
from scout.process.options import Manual
from tests.packaging.provision import ROOT

PAGE = (ROOT / "docs" / "operate.md").read_text()


def section(title: str) -> str:
    """What stands under that heading."""
    (found,) = re.findall(rf"(?ms)^#+ {title}$\n(.*?)(?=^#|\Z)", PAGE)
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize(
    "manual", [scout.agent.config.MANUAL, scoutmaster.config.MANUAL], ids=lambda m: m.program
)
def test_every_option_is_in_the_table_with_variable_and_default(manual: Manual) -> None:
    """In the order of --help, and no other."""
    rows = re.findall(r"(?m)^\| `(--\S+)` \| `(\w+)` \| (.+?) \|", section(manual.program))
    words = {"required": None, "none": None, "off": "off", "the host's name": None}
    listed = [
        (flag, variable, default.strip("`") if "`" in default else words[default])
        for flag, variable, default in rows
    ]
    # A listener that is off has no default.
    known = [
        (o.flag, o.variable, "off" if o.default is None and o.metavar == "ADDRESS" else o.default)
        for o in manual.options
    ]
    assert known == listed


def test_every_exit_code_is_in_the_table() -> None:
    """Those of both programs, once."""
    rows = re.findall(r"(?m)^\| (\d+) \|", section("Exit codes"))
    codes = {
        code
        for manual in (scout.agent.config.MANUAL, scoutmaster.config.MANUAL)
        for code, _ in manual.exit_codes
    }
    assert [int(code) for code in rows] == sorted(codes)


def test_every_log_line_exists_in_the_source() -> None:
    """What an operator searches for is what is printed."""
    source = "".join(
        file.read_text()
        for folder in ("scout", "scoutmaster")
        for file in (ROOT / folder).rglob("*.py")
    )
    (column,) = [section("Log lines")]
    lines = [
        name
        for row in re.findall(r"(?m)^\| (`.+?) \| \w+ \|", column)
        for name in re.findall(r"`(.+?)`", row)
    ]
    assert len(lines) > 8
    # The client's state is put behind the word at run time.
    states = {"client healthy", "client unhealthy", "client syncing"}
    # Three dots stand for the rest of a long one.
    literal = {line: f'"{line}"'.replace('..."', "") for line in lines if line not in states}
    assert [line for line, text in literal.items() if text not in source] == []


def test_links_lead_somewhere() -> None:
    """To a heading of the runbook, of this page, or to a page that exists."""
    runbook = (ROOT / "docs" / "runbook.md").read_text()

    def anchors(page: str) -> set[str]:
        titles = re.findall(r"(?m)^#+ (.+)$", page)
        return {re.sub(r"[^a-z0-9 -]", "", t.lower()).replace(" ", "-") for t in titles}

    for page in (PAGE, runbook):
        for file, anchor in re.findall(r"\]\(([\w.-]*)#?([\w-]*)\)", page):
            target = page if not file else (ROOT / "docs" / file).read_text()
            assert not anchor or anchor in anchors(target), (file, anchor)

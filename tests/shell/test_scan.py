"""A scan of a real directory against a belief that may change meanwhile."""

import os
import subprocess
import sys
from collections.abc import Iterable, Set
from pathlib import Path

import pytest

from scout.agent.core import folding
from scout.agent.core.filesystems import Naming
from scout.agent.core.inventory import Inventory
from scout.agent.core.reconcile import Listing
from scout.agent.inspect import look
from scout.agent.scan import Scanner, is_file
from tests.need import need


async def survey(
    directory: Path, known: set[bytes] | Inventory, naming: Naming = Naming.EXACT
) -> Listing:
    place = look(os.fsencode(directory))
    belief = known if isinstance(known, Inventory) else Inventory()
    if isinstance(known, set):
        belief.names = known
    it = Scanner()
    return await it.do(lambda: it.read(place, belief, hidden=False, watched=True, naming=naming))


@pytest.fixture(params=["small", "large"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if what is believed were few names, or many."""
    monkeypatch.setattr("scout.agent.scan.LARGE", 0 if request.param == "large" else 1000)


@pytest.mark.usefixtures("size")
async def test_what_is_as_believed_is_no_news(tmp_path: Path) -> None:
    for name in ("a", "b", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "directory").mkdir()
    found = await survey(tmp_path, {b"a", b"b"})
    assert (found.appeared, found.gone) == ([], [])


@pytest.mark.usefixtures("size")
async def test_what_differs_is_found(tmp_path: Path) -> None:
    for name in ("a", "b", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "directory").mkdir()
    found = await survey(tmp_path, {b"b", b"gone"})
    assert (found.appeared, found.gone) == ([b"a"], [b"gone"])


@pytest.mark.usefixtures("size")
async def test_a_directory_in_the_place_of_a_file_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    found = await survey(tmp_path, {b"a"})
    assert (found.appeared, found.gone) == ([], [b"a"])


async def test_a_large_directory_that_is_as_believed_needs_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scout.agent.scan.LARGE", 0)
    (tmp_path / "a").touch()
    monkeypatch.delattr(Scanner, "_compare")  # that is for which the copy is made
    found = await survey(tmp_path, {b"a"})
    assert (found.appeared, found.gone) == ([], [])


async def test_a_belief_that_changes_while_a_large_directory_is_read_is_compared_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The numbers are right by chance: a name was met and then removed, another is stale."""
    monkeypatch.setattr("scout.agent.scan.LARGE", 0)
    for name in ("a", "b"):
        (tmp_path / name).touch()
    belief = Inventory()

    class Removing(set[bytes]):
        def __contains__(self, name: object) -> bool:
            found = super().__contains__(name)
            if name == b"b" and found:
                self.discard(b"b")
                belief.changes += 1
            return found

    belief.names = Removing({b"a", b"b", b"stale"})
    found = await survey(tmp_path, belief)
    assert found.gone == [b"stale"]


class Shrinking(set[bytes]):
    """An event removes `b` right after the scan has asked for it."""

    def __contains__(self, name: object) -> bool:
        found = super().__contains__(name)
        if name == b"b":
            self.discard(b"b")
        return found


async def test_a_removal_meanwhile_hides_no_stale_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    found = await survey(tmp_path, Shrinking({b"a", b"b", b"stale"}))
    assert found.gone == [b"stale"]


class Growing(set[bytes]):
    """An event adds `c` while the scan reads."""

    def __contains__(self, name: object) -> bool:
        self.add(b"c")
        return super().__contains__(name)


async def test_only_names_that_were_not_met_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many names events add meanwhile."""
    for name in ("a", "b", "c", "new"):
        (tmp_path / name).touch()
    asked = []

    def spy(name: bytes, descriptor: int) -> bool:
        asked.append(name)
        return is_file(name, descriptor)

    monkeypatch.setattr("scout.agent.scan.is_file", spy)
    found = await survey(tmp_path, Growing({b"a", b"b", b"gone"}))
    assert (found.gone, asked) == ([b"gone"], [b"gone"])


IN_LATIN_1 = f"""
import asyncio, pathlib, sys
sys.path.insert(0, {os.getcwd()!r})
from tests.shell.test_scan import survey
assert sys.getfilesystemencoding() == "iso8859-1"
print(asyncio.run(survey(pathlib.Path(sys.argv[1]), set())).appeared)
"""


def test_names_are_bytes_whatever_the_locale(tmp_path: Path) -> None:
    """They are shown as the directory has them, not as some encoding reads them."""
    locale, directory = tmp_path / "locale", tmp_path / "directory"
    locale.mkdir()
    make = ["localedef", "-i", "POSIX", "-f", "ISO-8859-1", str(locale / "latin")]
    need("a Latin-1 locale")
    # It warns of what POSIX leaves open, by its exit code too.
    subprocess.run(make, check=False, capture_output=True)
    assert (locale / "latin").exists()
    directory.mkdir()
    (directory / os.fsdecode(b"\xe9")).touch()
    said = subprocess.run(
        [sys.executable, "-c", IN_LATIN_1, str(directory)],
        env={"LOCPATH": str(locale), "LC_ALL": "latin", "PYTHONUTF8": "0"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout == "[b'\\xe9']\n"


async def test_a_name_that_goes_while_it_is_probed_teaches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That no spelling of it is found would be taken for the file system's rule."""
    probes = folding.probes

    def late(listed: Iterable[bytes], names: Set[bytes]) -> object:
        found = probes(listed, names)
        (tmp_path / "ab").unlink()
        return found

    (tmp_path / "ab").touch()
    assert (await survey(tmp_path, set(), Naming.UNKNOWN)).exact is True
    monkeypatch.setattr(folding, "probes", late)
    assert (await survey(tmp_path, set(), Naming.UNKNOWN)).exact is None

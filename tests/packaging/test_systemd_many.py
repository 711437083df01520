"""scout.service: one agent for the directories that /etc/scout/directories names."""

import json
from collections.abc import Iterator

import pytest

from tests.packaging.machine import Machine, until

NAMES = "/etc/scout/directories"
WELL = "Watching 2 directories; in touch with"


@pytest.fixture
def names(machine: Machine) -> Iterator[str]:
    """What the package brings; afterwards the unit is stopped and the file as it was."""
    before = machine.path(NAMES).read_text()
    yield before
    machine.systemctl("stop", "scout.service")
    machine.systemctl("reset-failed", "scout.service", check=False)
    machine.write(NAMES, before)


def listed(machine: Machine) -> list[str]:
    files = json.loads(machine.get("/files"))["files"]
    return [file["filename"] for file in files]


def test_as_it_comes_it_says_that_no_directory_is_named(machine: Machine, names: str) -> None:
    assert machine.systemctl("start", "scout.service", check=False).returncode != 0
    assert machine.show("scout.service", "ExecMainStatus") == "78"
    assert machine.show("scout.service", "ActiveState") == "failed"
    status = machine.systemctl("status", "--full", "scout.service", check=False).stdout
    assert "the file names no directory: /etc/scout/directories" in status


def test_it_watches_what_the_file_names_and_waits_for_what_is_missing(
    machine: Machine, names: str
) -> None:
    machine.write("/srv/many one/letter-one", "")
    machine.write(NAMES, names + "/srv/many\\040one\n/srv/many-later\n")
    machine.systemctl("start", "scout.service")
    assert "letter-one" in listed(machine)
    text = "Watching 1 of 2 directories; worst: /srv/many-later: the directory does not exist"
    until(lambda: machine.show("scout.service", "StatusText") == text, text)
    machine.write("/srv/many-later/letter-two", "")
    until(lambda: {"letter-one", "letter-two"} <= set(listed(machine)), "both in the list")
    until(lambda: machine.show("scout.service", "StatusText").startswith(WELL), WELL)
    machine.systemctl("stop", "scout.service")
    assert not {"letter-one", "letter-two"} & set(listed(machine))

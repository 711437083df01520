"""Any name that Linux allows arrives, sorted by bytes and without loss."""

import base64
import json
import os
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.processes import MasterProgram, Stage, stage, wait_until

NAMES = [
    b"plain",
    b"with space",
    b"new\nline",
    b"tab\tand\rreturn",
    b'quote"and\\backslash',
    b"\x01\x02\x1f\x7f",
    "emoji \U0001f600".encode(),
    "naïve ü".encode(),
    b"\xff\xfe invalid",
    b"\xc3",
    b"\xed\xa0\x80 surrogate",
    b"\xef\xbf\xbd replacement",
    b"x" * 255,
    "é".encode() * 127,
    b"<script>",
    b"%00 %2f",
    b"-rf",
    b"...",
    b".hidden",
]


def names_of(master: MasterProgram) -> list[bytes]:
    """The names at `/files`, exactly, from whichever field carries them whole."""
    return [
        base64.b64decode(f["filename_b64"]) if "filename_b64" in f else f["filename"].encode()
        for f in master.files()["files"]
    ]


def test_awkward_names(stage: Stage, tmp_path: Path) -> None:
    """Newlines, quotes, emoji, 255 bytes, invalid UTF-8: valid JSON, in order, lossless."""
    directory = os.fsencode(tmp_path)
    visible = sorted(name for name in NAMES if not name.startswith(b"."))
    master = stage.master()
    stage.agent(tmp_path, master)
    for name in NAMES:
        os.close(os.open(directory + b"/" + name, os.O_CREAT | os.O_WRONLY))
    wait_until(lambda: names_of(master) == visible)
    _, headers, body = master.get("/files")
    assert headers["content-type"].startswith("application/json")
    exact = {e["filename_b64"] for e in json.loads(body)["files"] if "filename_b64" in e}
    assert {base64.b64decode(it) for it in exact} == {n for n in visible if not is_text(n)}


def is_text(name: bytes) -> bool:
    """Is it valid UTF-8?"""
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_an_awkward_directory(stage: Stage, tmp_path: Path) -> None:
    """The watched path itself may be anything: it is shown in `/clients` without loss."""
    path = os.fsencode(tmp_path) + b'/in \xff\n"box"'
    os.mkdir(path)
    os.close(os.open(path + b"/a", os.O_CREAT | os.O_WRONLY))
    master = stage.master()
    stage.agent(path, master)
    wait_until(lambda: names_of(master) == [b"a"])
    [row] = master.clients()
    assert base64.b64decode(row["directory_b64"]) == path
    assert master.get("/metrics")[0] == 200


FILE_NAME = st.binary(min_size=1, max_size=255).filter(
    lambda name: b"/" not in name and b"\0" not in name and not name.startswith(b".")
)


@given(st.lists(st.sets(FILE_NAME, max_size=30), min_size=1, max_size=5))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_names(tmp_path_factory: object, rounds: list[set[bytes]]) -> None:
    """From one set of arbitrary names to the next, the list equals the directory."""
    directory = os.fsencode(tmp_path_factory.mktemp("names"))  # type: ignore[attr-defined]
    with stage() as it:
        master = it.master()
        it.agent(directory, master)
        present: set[bytes] = set()
        for wanted in rounds:
            for name in present - wanted:
                os.unlink(directory + b"/" + name)
            for name in wanted - present:
                os.close(os.open(directory + b"/" + name, os.O_CREAT | os.O_WRONLY))
            present = wanted
            expected = sorted(wanted)
            wait_until(lambda: names_of(master) == expected)  # noqa: B023 - used at once

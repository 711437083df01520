"""A directory that the original could not register."""

import os
import threading
from pathlib import Path

from tests.e2e.processes import MasterProgram, Stage, wait_until

FILES = 300_000


class Watchman(threading.Thread):
    """Asks how many files are shown, all the time, and remembers each answer."""

    def __init__(self, master: MasterProgram) -> None:
        super().__init__()
        self._master = master
        self._end = threading.Event()
        self.counts: set[int] = set()

    def run(self) -> None:
        while not self._end.is_set():
            self.counts.add(int(self._master.metric("scoutmaster_files")))

    def stop(self) -> None:
        self._end.set()
        self.join()


def test_a_big_directory_is_shown_whole_or_not_at_all(stage: Stage, tmp_path: Path) -> None:
    """300,000 files: it never falls silent while it scans and sends; nobody sees a part."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for number in range(FILES):
        os.close(os.open(b"file-%012d" % number, os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)
    master = stage.master()
    watchman = Watchman(master)
    watchman.start()
    agent = stage.agent(tmp_path, master)
    wait_until(lambda: master.metric("scoutmaster_files") == FILES, limit=120)
    wait_until(lambda: master.metric("scoutmaster_complete") == 1)
    watchman.stop()
    assert watchman.counts <= {0, FILES}
    assert "it is silent" not in master.log
    assert master.names() == [f"file-{number:012d}" for number in range(FILES)]
    (tmp_path / "zz-one-more").touch()
    wait_until(lambda: master.metric("scoutmaster_files") == FILES + 1)
    assert master.names()[-1] == "zz-one-more"
    assert master.metric("scoutmaster_resyncs_total") == 0
    assert agent.process.poll() is None

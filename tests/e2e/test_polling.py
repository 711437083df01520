"""Without events the same truth, slower."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import AgentProgram, MasterProgram, Stage, wait_until

QUICK = ("--poll-interval=200ms", "--metrics=127.0.0.1:0")


def lives(master: MasterProgram, agent: AgentProgram, directory: Path) -> None:
    """Creation, removal and rename are found by polling alone."""
    wait_until(lambda: master.names() == ["a"])
    assert 'scout_watching{mode="poll"} 1.0' in agent.metrics()
    (directory / "b").touch()
    wait_until(lambda: master.names() == ["a", "b"])
    (directory / "a").rename(directory / "c")
    wait_until(lambda: master.names() == ["b", "c"])
    (directory / "b").unlink()
    wait_until(lambda: master.names() == ["c"])
    assert agent.log.count("polling alone") == 1
    assert agent.metric("scout_drift_names_total") == 0


def test_by_option(stage: Stage, tmp_path: Path) -> None:
    """--poll-only."""
    (tmp_path / "a").touch()
    master = stage.master()
    agent = stage.agent(tmp_path, master, "--poll-only", *QUICK)
    lives(master, agent, tmp_path)


def test_by_exhausted_inotify_instances(stage: Stage, tmp_path: Path) -> None:
    """The limit is one for each user: as somebody whose limit is used up, the agent goes on by
    polling and names the sysctl."""
    if os.geteuid() != 0:
        pytest.skip("using up another user's limit needs root")
    for path in (tmp_path, *tmp_path.parents):
        if path != Path("/"):
            path.chmod(path.stat().st_mode | 0o755)
    (tmp_path / "a").touch()
    someone = ["setpriv", "--reuid=54321", "--clear-groups"]
    hog = (
        "import ctypes, sys\n"
        "libc = ctypes.CDLL(None)\n"
        "while libc.inotify_init1(0) >= 0: pass\n"
        "print('full', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [*someone, "sh", "-c", f'ulimit -n 4096; exec {sys.executable} -c "$0"', hog],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as full:
        assert full.stdout
        assert full.stdout.readline() == "full\n"
        master = stage.master()
        agent = stage.agent(tmp_path, master, *QUICK, prefix=someone)
        lives(master, agent, tmp_path)
        assert "max_user_instances" in agent.log
        full.communicate("")


def test_by_a_file_system_that_does_not_tell(stage: Stage, tmp_path: Path) -> None:
    """FUSE: changes made below the mount are found although inotify never hears of them."""
    if os.geteuid() != 0 or not Path("/usr/bin/bindfs").exists():
        pytest.skip("needs root and bindfs")
    below, above = tmp_path / "below", tmp_path / "above"
    below.mkdir()
    above.mkdir()
    subprocess.run(["bindfs", "-f", "--version"], check=False, capture_output=True)
    with subprocess.Popen(["bindfs", "-f", str(below), str(above)]) as served:
        try:
            wait_until(lambda: os.path.ismount(above))
            (below / "a").touch()
            master = stage.master()
            agent = stage.agent(above, master, *QUICK)
            lives(master, agent, below)
        finally:
            served.terminate()
            served.wait()
            subprocess.run(["umount", "-l", str(above)], check=False, capture_output=True)

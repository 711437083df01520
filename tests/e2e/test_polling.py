"""Without events the same truth, slower."""

import os
import re
import subprocess
import time
from pathlib import Path

from tests.e2e import own_fs
from tests.e2e.processes import AgentProgram, MasterProgram, Stage, wait_until
from tests.need import need

QUICK = ("--poll-interval=200ms", "--metrics=127.0.0.1:0")


def lives(master: MasterProgram, agent: AgentProgram, directory: Path) -> None:
    """Creation, removal and rename are found by polling alone."""
    wait_until(lambda: master.names() == ["a"])
    assert re.search(r'scout_watching\{directory=".*",mode="poll"\} 1\.0', agent.metrics())
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
    """Where no inotify instance is left, the agent goes on by polling and names the sysctl."""
    # A user namespace has a limit of its own (namespaces(7)), so nobody else is disturbed.
    alone = ["unshare", "--user", "--map-root-user"]
    need("user namespaces")
    none_left = 'echo 0 >/proc/sys/user/max_inotify_instances; exec "$0" "$@"'
    (tmp_path / "a").touch()
    master = stage.master()
    agent = stage.agent(tmp_path, master, *QUICK, prefix=[*alone, "sh", "-c", none_left])
    lives(master, agent, tmp_path)
    assert "max_user_instances" in agent.log


def test_a_slow_file_system_is_read_a_twentieth_of_the_time(stage: Stage, tmp_path: Path) -> None:
    """By the clock on the wall: a server feels how long it is asked, and not what that costs us."""
    need("root", "mounting", "/dev/fuse", "libfuse2", "umount")
    with own_fs.mounted(tmp_path, "slow=0.1"):
        master = stage.master()
        agent = stage.agent(tmp_path, master, *QUICK)
        wait_until(lambda: master.files()["complete"])
        begun = time.monotonic()
        ended = agent.metric("scout_scan_seconds_count")
        # Both end after `begun`, so there is a whole pause between, however late it is noticed.
        wait_until(lambda: agent.metric("scout_scan_seconds_count") >= ended + 2)
        assert time.monotonic() - begun > 0.1 / 0.05 * 0.9


def test_by_a_file_system_that_does_not_tell(stage: Stage, tmp_path: Path) -> None:
    """FUSE: changes made below the mount are found although inotify never hears of them."""
    need("root", "mounting", "/dev/fuse", "bindfs", "umount")
    below, above = tmp_path / "below", tmp_path / "above"
    below.mkdir()
    above.mkdir()
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

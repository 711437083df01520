"""Who may watch what: one agent for a directory on a host."""

import signal
from pathlib import Path

from tests.e2e.processes import Stage, wait_until


def test_the_second_agent_is_refused(stage: Stage, tmp_path: Path) -> None:
    """It exits with 75 and one line that says who holds the claim; the first is not disturbed."""
    (tmp_path / "a").touch()
    master = stage.master()
    stage.agent(tmp_path, master, "--host=here")
    wait_until(lambda: master.names() == ["a"])
    second = stage.agent(tmp_path, master, "--host=here")
    assert second.wait() == 75
    line = second.lines[-1]
    assert line.startswith("scout: ")
    assert "claimed" in line
    assert "127.0.0.1" in line
    assert "Traceback" not in second.log
    assert master.names() == ["a"]


def test_the_configured_path_is_claimed_however_it_is_spelled(stage: Stage, tmp_path: Path) -> None:
    """A link has a claim of its own, which stays when it is switched."""
    (tmp_path / "d").mkdir()
    (tmp_path / "link").symlink_to("d")
    master = stage.master()
    stage.agent(tmp_path / "d", master)
    wait_until(lambda: master.clients())
    assert stage.agent(f"{tmp_path}//d/", master).wait() == 75
    stage.agent(tmp_path / "link", master)
    wait_until(lambda: len(master.clients()) == 2)


def test_two_hosts_may_have_the_same_path(stage: Stage, tmp_path: Path) -> None:
    """The claim is (host, directory); each one's files are listed, duplicates are kept."""
    (tmp_path / "a").touch()
    master = stage.master()
    stage.agent(tmp_path, master, "--host=one")
    stage.agent(tmp_path, master, "--host=two")
    wait_until(lambda: master.names() == ["a", "a"])
    assert {row["host"] for row in master.clients()} == {"one", "two"}


def test_a_restarted_agent_takes_its_claim_back_at_once(stage: Stage, tmp_path: Path) -> None:
    """Even when the first one was killed: the broken stream frees the claim."""
    (tmp_path / "a").touch()
    master = stage.master()
    for _ in range(3):
        agent = stage.agent(tmp_path, master)
        wait_until(lambda: master.names() == ["a"])
        agent.send(signal.SIGKILL)
        agent.wait()
        (tmp_path / "a").touch()
    assert len(master.clients()) == 1


def test_several_directories_on_one_host(stage: Stage, tmp_path: Path) -> None:
    """Files of all of them are collated into one sorted list."""
    for name in ("x", "y", "z"):
        (tmp_path / name).mkdir()
        for number in range(3):
            (tmp_path / name / f"{number}-{name}").touch()
    master = stage.master()
    for name in ("x", "y", "z"):
        stage.agent(tmp_path / name, master)
    expected = sorted(f"{number}-{name}" for name in "xyz" for number in range(3))
    wait_until(lambda: master.names() == expected)
    assert master.files()["clients"] == {"healthy": 3, "unhealthy": 0}

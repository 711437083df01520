"""What happens to the list when something happens to an agent or to the master.

Each test is a row of the table of faults in ARCHITECTURE.md. Times are printed by `make bench`;
here only the outcome counts.
"""

import os
import signal
from pathlib import Path

from tests.e2e.processes import MasterProgram, Stage, wait_until


def fill(directory: Path, *names: str) -> list[str]:
    """Make empty files; the names, sorted."""
    directory.mkdir(exist_ok=True)
    for name in names:
        (directory / name).touch()
    return sorted(names)


def shows(master: MasterProgram, names: list[str], *, complete: bool = True) -> bool:
    """Does `/files` show just these names?"""
    answer = master.files()
    return [f["filename"] for f in answer["files"]] == names and answer["complete"] is complete


def test_changes_are_shown(stage: Stage, tmp_path: Path) -> None:
    """A file that is created, removed or renamed is shown so, without a snapshot."""
    fill(tmp_path, "b", "a")
    master = stage.master()
    stage.agent(tmp_path, master)
    wait_until(lambda: shows(master, ["a", "b"]))
    snapshot = master.metric("scoutmaster_changes_total")
    (tmp_path / "c").touch()
    wait_until(lambda: shows(master, ["a", "b", "c"]))
    (tmp_path / "a").unlink()
    wait_until(lambda: shows(master, ["b", "c"]))
    (tmp_path / "b").rename(tmp_path / "d")
    wait_until(lambda: shows(master, ["c", "d"]))
    assert master.metric("scoutmaster_changes_total") == snapshot + 4


def test_what_counts_as_a_file(stage: Stage, tmp_path: Path) -> None:
    """Everything but directories and hidden names counts: links, FIFOs, sockets."""
    fill(tmp_path, "file", ".hidden")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link-to-directory").symlink_to("directory")
    (tmp_path / "broken-link").symlink_to("nowhere")
    master = stage.master()
    stage.agent(tmp_path, master)
    expected = ["broken-link", "fifo", "file", "link-to-directory"]
    wait_until(lambda: shows(master, expected))
    (tmp_path / "another-directory").mkdir()
    (tmp_path / ".also-hidden").touch()
    (tmp_path / "last").touch()
    wait_until(lambda: shows(master, [*expected, "last"][:3] + ["last", "link-to-directory"]))


def test_hidden_files_on_request(stage: Stage, tmp_path: Path) -> None:
    """--include-hidden shows names that start with a dot."""
    fill(tmp_path, ".a", "b")
    master = stage.master()
    stage.agent(tmp_path, master, "--include-hidden")
    wait_until(lambda: shows(master, [".a", "b"]))
    (tmp_path / ".c").touch()
    wait_until(lambda: shows(master, [".a", ".c", "b"]))


def test_a_stopped_agent_leaves_at_once(stage: Stage, tmp_path: Path) -> None:
    """SIGTERM: the agent says goodbye and exits 0, its files and its registration are gone."""
    fill(tmp_path, "a")
    master = stage.master()
    agent = stage.agent(tmp_path, master)
    wait_until(lambda: shows(master, ["a"]))
    assert agent.stop() == 0
    wait_until(lambda: shows(master, []))
    assert master.clients() == []


def test_a_killed_agent_leaves_and_its_claim_can_be_taken(stage: Stage, tmp_path: Path) -> None:
    """SIGKILL: the broken connection is seen, the list says that it is not complete, and a new
    agent takes the claim back at once."""
    fill(tmp_path, "a")
    master = stage.master()
    agent = stage.agent(tmp_path, master)
    wait_until(lambda: shows(master, ["a"]))
    agent.send(signal.SIGKILL)
    wait_until(lambda: shows(master, [], complete=False))
    [row] = master.clients()
    assert row["state"] == "unhealthy"
    assert row["reason"] == "the connection broke"
    stage.agent(tmp_path, master)
    wait_until(lambda: shows(master, ["a"]))


def test_a_killed_agent_is_deregistered_in_the_end(stage: Stage, tmp_path: Path) -> None:
    """After --unhealthy-limit misses nothing is left of it, in `/clients` or in metrics."""
    fill(tmp_path, "a")
    master = stage.master("--health-interval=200ms", "--health-timeout=100ms")
    agent = stage.agent(tmp_path, master)
    wait_until(lambda: shows(master, ["a"]))
    agent.send(signal.SIGKILL)
    wait_until(lambda: master.clients() == [])
    assert shows(master, [])
    assert "scoutmaster_client_healthy{" not in master.get("/metrics")[2].decode()


def test_a_frozen_agent_leaves_and_returns_without_a_snapshot(stage: Stage, tmp_path: Path) -> None:
    """SIGSTOP, and what changes meanwhile; SIGCONT brings everything back as a delta."""
    fill(tmp_path, "a", "b")
    master = stage.master()
    agent = stage.agent(tmp_path, master)
    wait_until(lambda: shows(master, ["a", "b"]))
    before = snapshots(master)
    agent.send(signal.SIGSTOP)
    wait_until(lambda: shows(master, [], complete=False))
    [row] = master.clients()
    assert row["reason"] == "it is silent"
    (tmp_path / "c").touch()
    agent.send(signal.SIGCONT)
    wait_until(lambda: shows(master, ["a", "b", "c"]))
    assert snapshots(master) == before


def test_an_agent_frozen_for_long_registers_again(stage: Stage, tmp_path: Path) -> None:
    """Deregistered while it was frozen, it comes back with a snapshot."""
    fill(tmp_path, "a")
    master = stage.master(
        "--health-interval=200ms", "--health-timeout=100ms", "--unhealthy-limit=2"
    )
    agent = stage.agent(tmp_path, master)
    wait_until(lambda: shows(master, ["a"]))
    agent.send(signal.SIGSTOP)
    wait_until(lambda: master.clients() == [])
    agent.send(signal.SIGCONT)
    wait_until(lambda: shows(master, ["a"]))
    assert agent.process.poll() is None


def test_a_restarted_master_is_complete_again(stage: Stage, tmp_path: Path) -> None:
    """Killed and started on the same address: the agents bring everything back by themselves."""
    fill(tmp_path / "one", "a")
    fill(tmp_path / "two", "b")
    master = stage.master()
    agents = [stage.agent(tmp_path / name, master) for name in ("one", "two")]
    wait_until(lambda: shows(master, ["a", "b"]))
    master.kill()
    (tmp_path / "one" / "c").touch()
    again = stage.master("--expect-clients=2", "--settle=60s", grpc=master.grpc)
    wait_until(lambda: shows(again, ["a", "b", "c"]))
    assert all(agent.process.poll() is None for agent in agents)


def test_a_draining_master_keeps_its_agents(stage: Stage, tmp_path: Path) -> None:
    """SIGTERM: the master exits 0; agents stay up, hold what changes, and deliver it to the next
    master on that address."""
    fill(tmp_path, "a")
    master = stage.master()
    agent = stage.agent(tmp_path, master)
    wait_until(lambda: shows(master, ["a"]))
    assert master.stop() == 0
    agent.wait_for_line("lost the master")
    (tmp_path / "b").touch()
    again = stage.master(grpc=master.grpc)
    wait_until(lambda: shows(again, ["a", "b"]))
    assert agent.process.poll() is None


def test_a_master_on_another_port_leaves_agents_orphaned(stage: Stage, tmp_path: Path) -> None:
    """The agent stays up, says so in its log and in a metric, and is found by nobody."""
    fill(tmp_path, "a")
    # So silent that the agent gives the stream up: after eleven intervals and more.
    master = stage.master(
        "--health-interval=400ms", "--health-timeout=300ms", "--unhealthy-limit=100"
    )
    agent = stage.agent(tmp_path, master, "--metrics=127.0.0.1:0")
    wait_until(lambda: shows(master, ["a"]))
    assert agent.metric("scout_master_connected") == 1
    master.kill()
    other = stage.master()
    agent.wait_for_line("lost the master")
    wait_until(lambda: agent.metric("scout_master_connected") == 0)
    assert other.clients() == []
    assert agent.process.poll() is None


def test_a_settling_master_says_that_it_is_not_complete(stage: Stage) -> None:
    """Freshly started, an empty list is not claimed to be the truth; /-/ready says 503."""
    master = stage.master("--settle=60s")
    assert shows(master, [], complete=False)
    status, _, body = master.get("/-/ready")
    assert status == 503
    assert body.count(b"\n") == 1


def test_resumes_without_a_snapshot_after_a_broken_stream(stage: Stage, tmp_path: Path) -> None:
    """The same agent on a new stream goes on where it was."""
    fill(tmp_path, "a")
    # So silent that the agent gives the stream up: after eleven intervals and more.
    master = stage.master(
        "--health-interval=400ms", "--health-timeout=300ms", "--unhealthy-limit=100"
    )
    agent = stage.agent(tmp_path, master, "--metrics=127.0.0.1:0")
    wait_until(lambda: shows(master, ["a"]))
    before = snapshots(master)
    master.send(signal.SIGSTOP)
    wait_until(lambda: agent.metric("scout_reconnects_total") >= 1)
    (tmp_path / "b").touch()
    master.send(signal.SIGCONT)
    # Right after it, what was held for long knows of no list that is true.
    wait_until(lambda: master.get("/-/healthy")[0] == 200)
    wait_until(lambda: shows(master, ["a", "b"]))
    assert snapshots(master) == before


def snapshots(master: MasterProgram) -> float:
    """Names that came to the master in snapshots so far."""
    text = master.get("/metrics")[2].decode()
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if line.startswith('scoutmaster_changes_total{kind="snapshot"}')
    )

"""What the original did wrong, and which test keeps us from it.

 1. Two hosts could not watch the same path.
    tests/e2e/test_claims.py: test_two_hosts_may_have_the_same_path
 2. A list counted as sent before it was: a failed send was not repeated.
    here: test_a_change_that_did_not_arrive_is_sent_again
 3. Sends ran side by side: an older list could overwrite a newer one.
    tests/core/test_master_changes.py: test_a_delta_out_of_order_asks_for_a_snapshot
    tests/e2e/test_storm.py: test_a_burst_of_deletes_leaves_nothing_behind
 4. Events above a limit were dropped until the next poll.
    here: test_a_burst_of_creates_is_shown_without_a_poll
 5. One missed check cost a registration, and so 10 s of missing files.
    tests/core/test_master.py: test_a_late_word_costs_no_registration_and_no_snapshot
    tests/e2e/test_faults.py: test_a_frozen_agent_leaves_and_returns_without_a_snapshot
 6. After a restart of the master nothing was sent until the directory changed.
    here: test_a_quiet_directory_is_shown_by_a_restarted_master
 7. A directory that could not be read was served as it had been, for ever.
    tests/e2e/test_directory_life.py: test_deleted_and_made_again
    tests/e2e/test_directory_life.py: test_renamed_away_and_another_put_in_its_place
    tests/e2e/test_directory_life.py: test_unreadable_and_readable_again
 8. A directory that was made again was never watched again.
    tests/e2e/test_directory_life.py: test_deleted_and_made_again
 9. Unhealthy clients vanished from the list without a sign.
    tests/e2e/test_faults.py: test_a_killed_agent_leaves_and_its_claim_can_be_taken
    tests/core/test_master.py: \
test_one_unhealthy_client_makes_the_list_incomplete_until_it_is_given_up
10. A list above 4 MiB could never be sent.
    here: test_a_list_above_the_limit_of_a_message_is_shown
    tests/e2e/test_big.py: test_a_big_directory_is_shown_whole_or_not_at_all
11. The master could not reach agents on other hosts: they listened on localhost.
    here: test_an_agent_needs_no_port
    tests/e2e/test_network.py: test_a_cut_and_a_healed_network
12. Anyone could deregister any directory.
    tests/e2e/test_hostile_streams.py: test_a_claim_that_another_holds
    tests/core/test_master_session.py: test_a_stream_begins_with_register
13. Lists were compared in the order of readdir, and sent for nothing.
    here: test_a_directory_at_rest_costs_no_message
14. One name that is not UTF-8 kept the whole directory from being sent.
    tests/e2e/test_names.py: test_awkward_names
15. Any HTTP method was fine, there was no grpc.health.v1, and every error was UNKNOWN.
    tests/shell/test_web.py: test_another_method_is_405_and_told_which_are_allowed
    tests/e2e/test_host.py: test_both_answer_grpc_health_checks
    tests/e2e/test_hostile_streams.py: test_first_words_that_are_none
"""

import os
import re
import signal
from pathlib import Path

from tests.e2e.processes import AgentProgram, MasterProgram, Stage, wait_until

ROOT = Path(__file__).parents[2]

RARELY = "--poll-interval=1h"
"""No poll mends anything within a test."""


def test_every_defect_has_a_test_that_exists() -> None:
    """The list above is true: 15 defects, and each test that it names is there."""
    assert __doc__
    entries = re.split(r"^ ?\d+\. ", __doc__, flags=re.MULTILINE)[1:]
    assert len(entries) == 15
    for entry in entries:
        named = re.findall(r"^    (\S+): (test_\w+)$", entry, flags=re.MULTILINE)
        assert named, entry
        for where, test in named:
            text = (Path(__file__) if where == "here" else ROOT / where).read_text()
            assert re.search(rf"^(async )?def {test}\(", text, re.MULTILINE), (where, test)


def shows(master: MasterProgram, *names: str) -> bool:
    """Does `/files` show just these names, and claim to be complete?"""
    answer = master.files()
    return [it["filename"] for it in answer["files"]] == sorted(names) and answer["complete"]


def polls(agent: AgentProgram) -> float:
    """Scans that the agent made because it was time."""
    series = r'^scout_scans_total\{directory=".*",reason="poll"\} (\S+)$'
    found = re.search(series, agent.metrics(), re.MULTILINE)
    assert found
    return float(found[1])


def test_a_change_that_did_not_arrive_is_sent_again(stage: Stage, tmp_path: Path) -> None:
    """The master is frozen while a file comes, and killed before it has answered. Nothing in the
    directory changes any more."""
    (tmp_path / "a").touch()
    master = stage.master()
    agent = stage.agent(tmp_path, master, RARELY, "--metrics=127.0.0.1:0")
    wait_until(lambda: shows(master, "a"))
    master.send(signal.SIGSTOP)
    (tmp_path / "b").touch()
    wait_until(lambda: agent.metric("scout_events_total") >= 1)
    wait_until(lambda: agent.metric("scout_changes_waiting") == 0)
    master.kill()
    again = stage.master(grpc=master.grpc)
    wait_until(lambda: shows(again, "a", "b"))


def test_a_burst_of_creates_is_shown_without_a_poll(stage: Stage, tmp_path: Path) -> None:
    """5,000 files as fast as they can be made, and their names in turn taken away and given back:
    what comes too fast is merged, never dropped."""
    master = stage.master()
    agent = stage.agent(tmp_path, master, RARELY, "--metrics=127.0.0.1:0")
    wait_until(lambda: shows(master))
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for number in range(5000):
        os.symlink("nowhere", b"%04d" % number, dir_fd=descriptor)
        if number % 3 == 0:
            os.unlink(b"%04d" % number, dir_fd=descriptor)
            os.symlink("nowhere", b"%04d" % number, dir_fd=descriptor)
    os.close(descriptor)
    wait_until(lambda: shows(master, *(f"{number:04}" for number in range(5000))))
    assert polls(agent) == 0


def test_a_quiet_directory_is_shown_by_a_restarted_master(stage: Stage, tmp_path: Path) -> None:
    """However quick the restart was: twice, and nothing changes in between."""
    (tmp_path / "a").touch()
    master = stage.master()
    agent = stage.agent(tmp_path, master, RARELY)
    wait_until(lambda: shows(master, "a"))
    for _ in range(2):
        master.kill()
        master = stage.master(grpc=master.grpc)
        wait_until(lambda: shows(master, "a"))  # noqa: B023 - used at once
    assert agent.process.poll() is None


def test_a_list_above_the_limit_of_a_message_is_shown(stage: Stage, tmp_path: Path) -> None:
    """20,000 names of 255 bytes are 5 MB: at the start, and again by rename from next door."""
    names = [f"{number:0255}" for number in range(20_000)]
    directory, other = tmp_path / "d", tmp_path / "other"
    for path in (directory, other):
        path.mkdir()
        descriptor = os.open(path, os.O_RDONLY)
        for name in names:
            os.symlink("nowhere", name, dir_fd=descriptor)
        os.close(descriptor)
    (directory / "first").symlink_to("nowhere")
    (other / "second").symlink_to("nowhere")
    master = stage.master()
    stage.agent(directory, master, "--poll-interval=200ms")
    wait_until(lambda: shows(master, *names, "first"))
    directory.rename(tmp_path / "away")
    other.rename(directory)
    wait_until(lambda: shows(master, *names, "second"))


def test_an_agent_needs_no_port(stage: Stage, tmp_path: Path) -> None:
    """It is checked over the stream that it opened itself: nothing listens in it."""
    master = stage.master("--health-interval=200ms", "--health-timeout=150ms")
    agent = stage.agent(tmp_path, master)
    wait_until(lambda: shows(master))
    assert listening(master.pid)
    assert listening(agent.pid) == set()


def listening(pid: int) -> set[str]:
    """The inodes of the TCP sockets in which `pid` listens (proc_pid_net(5), state 0A)."""
    listeners = {
        fields[9]
        for table in ("tcp", "tcp6")
        for fields in map(str.split, Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:])
        if fields[3] == "0A"
    }
    links = [os.readlink(it) for it in Path(f"/proc/{pid}/fd").iterdir()]
    return {it[8:-1] for it in links if it.startswith("socket:[")} & listeners


def test_a_directory_at_rest_costs_no_message(stage: Stage, tmp_path: Path) -> None:
    """It is polled again and again, in whatever order the file system lists it; also after files
    have come and gone, which changes that order."""
    for number in range(500):
        (tmp_path / f"{number:03}").touch()
    master = stage.master()
    agent = stage.agent(tmp_path, master, "--poll-interval=50ms", "--metrics=127.0.0.1:0")
    for round_ in range(3):
        for number in range(0, 500, 7):
            (tmp_path / f"{number:03}").unlink()
            (tmp_path / f"{number:03}").touch()
        (tmp_path / "round").symlink_to("nowhere")
        (tmp_path / "round").rename(tmp_path / f"round-{round_}")
        wait_until(lambda: f"round-{round_}" in master.names())  # noqa: B023 - used at once
        wait_until(lambda: agent.metric("scout_changes_waiting") == 0)
        wait_until(lambda: len(master.names()) == 501 + round_)  # noqa: B023 - used at once
        [before], seen = master.clients(), polls(agent)
        wait_until(lambda: polls(agent) >= seen + 5)  # noqa: B023 - used at once
        [after] = master.clients()
        assert after["sequence"] == before["sequence"]
    assert agent.metric("scout_drift_names_total") == 0

"""Several directories in one process: what happens to one happens to no other."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.e2e.processes import LIMIT, AgentProgram, MasterProgram, Program, Stage, wait_until
from tests.need import need

HOST = "--host=many"
QUICK = "--poll-interval=200ms"


def make(tmp_path: Path, *names: str) -> list[Path]:
    made = [tmp_path / name for name in names]
    for directory in made:
        directory.mkdir()
        (directory / f"{directory.name}.txt").touch()
    return made


def several(
    stage: Stage, master: MasterProgram, directories: list[Path], *options: str, **keywords: object
) -> AgentProgram:
    """One agent for all of them."""
    first, *others = directories
    more = [f"--directory={directory}" for directory in others]
    return stage.agent(first, master, HOST, QUICK, *more, *options, **keywords)


def shows(master: MasterProgram, *names: str) -> None:
    """The list is just that, soon, and stands for healthy clients."""
    wait_until(lambda: sorted(master.names()) == sorted(names), what=f"the list is {names}")


def state(agent: AgentProgram, directory: Path, metric: str = "scout_directory_available") -> float:
    text = agent.metrics()
    found = re.search(rf'(?m)^{metric}\{{directory="{re.escape(str(directory))}"\}} (\S+)', text)
    assert found, text
    return float(found[1])


def health(port: int, service: str) -> int:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        stub = health_pb2_grpc.HealthStub(channel)
        status: int = stub.Check(request, timeout=LIMIT, wait_for_ready=True).status
        return status


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    """The service manager's end of the socket, and how a program is told of it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as it:
        where = str(tmp_path / "notify")
        it.bind(where)
        it.settimeout(LIMIT)
        yield it, {"NOTIFY_SOCKET": where}


def told(manager: socket.socket, pattern: str) -> str:
    """The first that the manager is told that matches."""
    while True:
        said = manager.recv(8192).decode()
        if re.search(pattern, said):
            return said


@contextlib.contextmanager
def hanging(source: Path, where: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A file system at `where` whose server can be stopped."""
    with subprocess.Popen(["bindfs", "-f", source, where]) as served:
        try:
            wait_until(where.is_mount)
            yield served
        finally:
            served.send_signal(signal.SIGKILL)
            subprocess.run(["umount", "-l", where], check=False, capture_output=True)


def test_all_are_listed_and_changes_are_seen_in_each(stage: Stage, tmp_path: Path) -> None:
    directories = make(tmp_path, "a", "b", "c")
    master = stage.master()
    agent = several(stage, master, directories)
    shows(master, "a.txt", "b.txt", "c.txt")
    for directory in directories:
        (directory / "new").touch()
    shows(master, "a.txt", "b.txt", "c.txt", "new", "new", "new")
    assert [row["directory"] for row in master.clients()] == [str(it) for it in directories]
    assert agent.stop() == 0
    shows(master)


def test_a_file_of_directories_names_any_path_and_what_holds_for_it(
    stage: Stage, tmp_path: Path
) -> None:
    odd = os.fsencode(tmp_path) + b"/in box\\\xff\n#"
    plain = os.fsencode(tmp_path) + b"/plain"
    for directory in (odd, plain):
        os.mkdir(directory)
        for name in (b".hidden", b"shown"):
            with open(directory + b"/" + name, "wb"):
                pass
    file = tmp_path / "directories"
    written = odd.replace(b"\\", b"\\134").replace(b" ", b"\\040").replace(b"\n", b"\\012")
    file.write_bytes(b"# two\n" + written + b" include-hidden=yes\n" + plain + b"\n")
    master = stage.master()
    program = Program(
        ["scout", "--directories-from", str(file), "--master", master.address, HOST, QUICK]
    )
    stage.programs.append(program)
    shows(master, ".hidden", "shown", "shown")
    program.stop()


def test_one_deleted_one_claimed_and_one_hung_leave_the_others_alone(
    stage: Stage, tmp_path: Path, manager: tuple[socket.socket, dict[str, str]]
) -> None:
    need("root", "bindfs")
    a, b, gone, claimed, source = make(tmp_path, "a", "b", "gone", "claimed", "source")
    hung = tmp_path / "hung"
    hung.mkdir()
    shutil.rmtree(gone)
    master = stage.master()
    other = stage.agent(claimed, master, HOST)
    other.wait_for_line("watching")
    notified, environment = manager
    with hanging(source, hung) as served:
        agent = several(
            stage,
            master,
            [a, gone, claimed, hung, b],
            "--scan-timeout=1s",
            "--metrics=127.0.0.1:0",
            "--health=127.0.0.1:0",
            env=environment,
        )
        told(notified, "^READY=1")
        told(notified, f"^STATUS=Watching 3 of 5 directories; worst: {claimed}: .*claimed by")
        shows(master, "a.txt", "b.txt", "claimed.txt", "source.txt")
        agent.wait_for_line(f"started, waiting for the directory.*directory={gone}.*not exist")
        agent.wait_for_line(f"the master refused the registration.*directory={claimed}")

        served.send_signal(signal.SIGSTOP)
        agent.wait_for_line(f"the directory is unavailable.*no progress.*directory={hung}")
        shows(master, "a.txt", "b.txt", "claimed.txt")
        for directory in (a, b):
            (directory / "new").touch()
        shows(master, "a.txt", "b.txt", "claimed.txt", "new", "new")
        # What is removed and made again is read again: the hung scan keeps nobody from reading.
        shutil.rmtree(b)
        shows(master, "a.txt", "claimed.txt", "new")
        make(tmp_path, "b")
        shows(master, "a.txt", "b.txt", "claimed.txt", "new")

        port = int(agent.wait_for_line(r"serving health checks.*port=(\d+)")[1])
        serving, not_serving = 1, 2
        wait_until(lambda: health(port, str(b)) == serving)
        answers = {it: health(port, str(it)) for it in (a, b, gone, hung)}
        assert answers == {a: serving, b: serving, gone: not_serving, hung: not_serving}
        assert health(port, str(claimed)) == not_serving
        assert health(port, "") == not_serving
        assert health(port, "liveness") == serving
        assert [state(agent, it) for it in (a, b, gone, hung)] == [1, 1, 0, 0]
        assert state(agent, claimed, "scout_master_connected") == 0

        served.send_signal(signal.SIGCONT)
        shows(master, "a.txt", "b.txt", "claimed.txt", "new", "source.txt")
        make(tmp_path, "gone")
        other.stop()
        shows(master, "a.txt", "b.txt", "claimed.txt", "gone.txt", "new", "source.txt")
        told(notified, "^STATUS=Watching 5 directories; in touch with")
        wait_until(lambda: health(port, "") == serving)
        served.send_signal(signal.SIGSTOP)
        agent.wait_for_line("unavailable")
        assert agent.stop() == 0
        shows(master)


@pytest.mark.parametrize(
    ("argv", "code", "text"),
    [
        (["--directory=/nowhere/a", "--directory=/nowhere/b"], 66, "so for all 2 directories"),
        (["--directory=/tmp", "--directory=/proc/self/../../tmp"], 78, "leads to the same"),
        (["--directory=/tmp", "--directory=tmp"], 64, "an absolute path"),
        (["--directories-from=/dev/null"], 78, "the file names no directory"),
        (["--directory=/tmp", "--directory=/usr", "--master=127.0.0.1:1"], 69, "can't be reached"),
    ],
)
def test_what_no_directory_can_help_ends_the_process(
    stage: Stage, argv: list[str], code: int, text: str
) -> None:
    program = Program(["scout", *argv])
    stage.programs.append(program)
    assert program.wait() == code, program.log
    assert text in program.log


def test_if_all_are_claimed_the_process_ends_as_one_would(stage: Stage, tmp_path: Path) -> None:
    directories = make(tmp_path, "a", "b")
    master = stage.master()
    several(stage, master, directories).wait_for_line("started")
    second = several(stage, master, directories)
    assert second.wait() == 75
    assert f"scout: so for all 2 directories: {directories[0]}; the first: " in second.log
    shows(master, "a.txt", "b.txt")


def test_a_link_that_comes_to_lead_to_a_directory_that_is_watched_waits_until_it_is_free(
    stage: Stage, tmp_path: Path
) -> None:
    a, b, c = make(tmp_path, "a", "b", "c")
    link = tmp_path / "link"
    link.symlink_to(c)
    master = stage.master()
    agent = several(stage, master, [a, b, link])
    shows(master, "a.txt", "b.txt", "c.txt")
    link.unlink()
    link.symlink_to(a)
    agent.wait_for_line(f"unavailable.*leads to the same directory as {a}.*directory={link}")
    shows(master, "a.txt", "b.txt")
    link.unlink()
    link.symlink_to(c)
    shows(master, "a.txt", "b.txt", "c.txt")


def test_all_find_the_master_again_and_each_resumes(stage: Stage, tmp_path: Path) -> None:
    directories = make(tmp_path, "a", "b", "c")
    master = stage.master()
    agent = several(stage, master, directories, "--metrics=127.0.0.1:0")
    shows(master, "a.txt", "b.txt", "c.txt")
    port, http = master.grpc, master.http
    master.kill()
    for directory in directories:
        agent.wait_for_line(f"lost the master.*directory={directory}")
    (directories[1] / "meanwhile").touch()
    master = stage.master(grpc=port, http=http)
    shows(master, "a.txt", "b.txt", "c.txt", "meanwhile")
    assert agent.metric("scout_master_connected") == 3

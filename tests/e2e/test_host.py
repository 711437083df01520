"""What the two programs tell their host: systemd, probes, and who looks at a hung file system."""

import itertools
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.e2e.processes import LIMIT, Program, Stage, wait_until
from tests.need import absent, need

HEALTHCHECK = str(Path(__file__).parents[2] / "packaging" / "image" / "healthcheck.py")

Status = health_pb2.HealthCheckResponse.ServingStatus


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.told: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            self.told.append(self._socket.recv(4096).decode())

    def environment(self, watchdog_seconds: float) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": str(int(watchdog_seconds * 1e6))}

    def status(self) -> str:
        """The last STATUS, or nothing."""
        found = [line for line in self.told if line.startswith("STATUS=")]
        return found[-1].removeprefix("STATUS=") if found else ""


@pytest.fixture
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """A service manager that notes what it is told."""
    yield Manager(tmp_path_factory.mktemp("notify") / "socket")


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        port: int = it.getsockname()[1]
        return port


def health(port: int, service: str = "") -> int:
    """What grpc.health.v1 answers at `port`."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service=service)
        answer: int = stub.Check(request, timeout=10).status
        return answer


def hears(program: Program, number: signal.Signals) -> bool:
    """Has the program a handler for that signal (proc_pid_status(5))?"""
    status = Path(f"/proc/{program.pid}/status").read_text()
    [caught] = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
    return bool(int(caught, 16) >> (number - 1) & 1)


def test_the_agent_tells_systemd_how_it_is(stage: Stage, tmp_path: Path, manager: Manager) -> None:
    """READY after the first snapshot is acknowledged, STATUS with each state, WATCHDOG while all
    components work, STOPPING first thing."""
    master = stage.master()
    agent = stage.agent(
        tmp_path, master, "--poll-interval=200ms", env=manager.environment(watchdog_seconds=0.3)
    )
    wait_until(lambda: "READY=1" in manager.told)
    assert master.clients()[0]["sequence"] == 1
    wait_until(lambda: f"Watching {tmp_path} by events; in touch with" in manager.status())
    wait_until(lambda: manager.told.count("WATCHDOG=1") >= 3)
    master.kill()
    wait_until(lambda: "orphaned" in manager.status())
    again = stage.master(grpc=master.grpc)
    wait_until(lambda: "in touch with" in manager.status())
    tmp_path.rename(tmp_path.with_name("away"))
    wait_until(lambda: "unavailable" in manager.status())
    tmp_path.with_name("away").rename(tmp_path)
    wait_until(lambda: f"Watching {tmp_path}" in manager.status())
    wait_until(lambda: again.files()["complete"])
    assert agent.stop() == 0
    wait_until(lambda: "STOPPING=1" in manager.told)


def test_an_agent_without_its_directory_has_started_once_it_said_why(
    stage: Stage, tmp_path: Path, manager: Manager
) -> None:
    """Waiting for a disk and telling so is its job: systemd must not end it for that."""
    master = stage.master()
    agent = stage.agent(
        tmp_path,
        master,
        "--require-mount",
        "--poll-interval=200ms",
        env=manager.environment(watchdog_seconds=0.3),
    )
    wait_until(lambda: "READY=1" in manager.told)
    bare = "nothing is mounted on it or above it: it lies on the root file system"
    why = f"{tmp_path} is unavailable: {bare}; in touch with {master.address}"
    assert f"STATUS={why}" in manager.told[: manager.told.index("READY=1")]
    wait_until(lambda: master.clients()[0]["reason"] == bare)
    agent.wait_for_line(f'msg="started, waiting for the directory" directory={tmp_path}')
    wait_until(lambda: manager.told.count("WATCHDOG=1") >= 3)
    assert "watching" not in agent.log
    if not absent("root", "mounting", "mount"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], check=True)
        try:
            agent.wait_for_line(f"msg=watching directory={tmp_path} files=0")
        finally:
            subprocess.run(["umount", str(tmp_path)], check=True)
    assert agent.stop() == 0
    assert manager.told.count("READY=1") == 1


def test_a_stop_is_heard_while_the_master_is_asked(
    stage: Stage, tmp_path: Path, manager: Manager
) -> None:
    """An agent that has not begun ends at once, as asked, whatever it waits for."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        master = f"127.0.0.1:{silent.getsockname()[1]}"
        agent = stage.agent(
            tmp_path, master, "--start-timeout=10m", env=manager.environment(watchdog_seconds=30)
        )
        connection, _ = silent.accept()
        with connection:
            assert agent.stop() == 0
    (line,) = agent.lines
    assert f"msg=stopping directory={tmp_path}" in line
    wait_until(lambda: manager.told[-1] == "STOPPING=1")
    # Nor does systemd end it before its own time is over: it is asked to wait as long.
    assert set(manager.told) == {"EXTEND_TIMEOUT_USEC=660000000", "STOPPING=1"}


def test_the_master_tells_systemd_how_it_is(stage: Stage, manager: Manager) -> None:
    """READY when it listens; WATCHDOG while its own HTTP server answers."""
    master = stage.master(env=manager.environment(watchdog_seconds=0.3))
    wait_until(lambda: "READY=1" in manager.told)
    wait_until(lambda: manager.told.count("WATCHDOG=1") >= 3)
    wait_until(lambda: "complete" in manager.status())
    assert master.stop() == 0
    wait_until(lambda: "STOPPING=1" in manager.told)


def impatient(stage: Stage, manager: Manager, *options: str, prefix: Sequence[str] = ()) -> Program:
    """A master that calls itself ill if its HTTP server is not heard of for half a second."""
    program = Program(
        ["tests.e2e.impatient", "--grpc=127.0.0.1:0", *options],
        env=manager.environment(watchdog_seconds=0.3),
        prefix=[*prefix],
    )
    stage.programs.append(program)
    program.wait_for_line("serving")
    return program


def test_a_crowd_that_takes_all_http_connections_does_not_end_the_master(
    stage: Stage, manager: Manager
) -> None:
    master = impatient(stage, manager, "--http=127.0.0.1:0", "--http-connections=2")
    port = int(master.wait_for_line(r"serving.* http=127\.0\.0\.1:(\d+)")[1])
    crowd = [socket.create_connection(("127.0.0.1", port), LIMIT) for _ in range(10)]
    before = manager.told.count("WATCHDOG=1")
    wait_until(lambda: manager.told.count("WATCHDOG=1") >= before + 20)
    for connection in crowd:
        connection.close()


def test_peers_that_take_all_descriptors_do_not_end_the_master(
    stage: Stage, manager: Manager
) -> None:
    """systemd is told that it lives all the same."""
    master = stage.master(env=manager.environment(watchdog_seconds=0.3))
    wait_until(lambda: "READY=1" in manager.told)
    taken = {int(number) for number in os.listdir(f"/proc/{master.pid}/fd")}
    free = next(number for number in itertools.count() if number not in taken)
    resource.prlimit(master.pid, resource.RLIMIT_NOFILE, (free, free))
    before = manager.told.count("WATCHDOG=1")
    wait_until(lambda: manager.told.count("WATCHDOG=1") >= before + 5)


@pytest.mark.parametrize(("clients", "told"), [("4000", True), ("3000", False)])
def test_the_master_takes_all_the_descriptors_that_it_may(
    stage: Stage, clients: str, told: bool
) -> None:
    """Else it would have 1024 where nobody has raised the limit, and up to 4096 may be allowed."""
    master = stage.master(
        f"--max-clients={clients}",
        "--http-connections=900",
        prefix=["prlimit", "--nofile=256:4096"],
    )
    assert resource.prlimit(master.pid, resource.RLIMIT_NOFILE) == (4096, 4096)
    assert master.stop() == 0
    assert ("too few descriptors" in master.log) is told


def test_a_host_without_ipv6_has_a_master_that_lives(stage: Stage, manager: Manager) -> None:
    """Switched off by sysctl: one may listen on [::], but ::1 is nobody's."""
    need("root", "network namespaces", "ip", "sysctl")
    off = "ip link set lo up; sysctl -qw net.ipv6.conf.all.disable_ipv6=1; exec "
    inside = ["unshare", "--net", "sh", "-c", f'{off} "$@"', "sh"]
    impatient(stage, manager, "--http=3001", prefix=inside)
    before = manager.told.count("WATCHDOG=1")
    wait_until(lambda: manager.told.count("WATCHDOG=1") >= before + 20)


def test_both_answer_grpc_health_checks(stage: Stage, tmp_path: Path) -> None:
    """The master for itself and its service; the agent, on request, for itself: whether its files
    are in the list, and whether it is alive, which neither directory nor master can change."""
    master = stage.master()
    assert health(master.grpc) == Status.SERVING
    assert health(master.grpc, "scout.v1.ScoutMaster") == Status.SERVING
    agent = stage.agent(tmp_path, master, "--health=127.0.0.1:0", "--poll-interval=200ms")
    port = int(agent.wait_for_line(r"serving health checks.*port=(\d+)")[1])
    wait_until(lambda: health(port) == Status.SERVING)
    assert health(port, "liveness") == Status.SERVING
    tmp_path.rename(tmp_path.with_name("away"))
    wait_until(lambda: health(port) == Status.NOT_SERVING)
    assert health(port, "liveness") == Status.SERVING
    tmp_path.with_name("away").rename(tmp_path)
    wait_until(lambda: health(port) == Status.SERVING)
    master.kill()
    wait_until(lambda: health(port) == Status.NOT_SERVING)
    assert health(port, "liveness") == Status.SERVING


def test_the_image_s_health_check_asks_directly(stage: Stage, tmp_path: Path) -> None:
    """It asks the container's first process, and no proxy that the environment names."""
    need("root", "process namespaces")
    container = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    master = stage.master(http=free_port(), prefix=container)
    port = free_port()
    agent = stage.agent(tmp_path, master, f"--health=127.0.0.1:{port}", prefix=container)
    agent.wait_for_line("serving health checks")
    assert checked(master) == (0, "alive\n", "")
    assert checked(agent) == (0, "SERVING\n", "")


def test_the_image_s_health_check_calls_an_agent_well_that_misses_its_master(
    stage: Stage, tmp_path: Path
) -> None:
    """Or its directory: started anew, as some do with what is unhealthy, it would miss both."""
    need("root", "process namespaces")
    container = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    directory = tmp_path / "d"
    directory.mkdir()
    master = stage.master(http=free_port(), prefix=container)
    port = free_port()
    agent = stage.agent(directory, master, f"--health=127.0.0.1:{port}", prefix=container)
    agent.wait_for_line("serving health checks")
    wait_until(lambda: health(port) == Status.SERVING)
    master.kill()
    directory.rmdir()
    wait_until(lambda: health(port) == Status.NOT_SERVING)
    assert checked(agent) == (0, "SERVING\n", "")


def checked(program: Program) -> tuple[int, str, str]:
    """The health check's exit code and words, run in the container of a program."""
    first = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().strip()
    done = subprocess.run(
        ["nsenter", f"--target={first}", "--pid", "--mount", sys.executable, HEALTHCHECK],
        env={"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_bare_port_means_all_addresses(stage: Stage, tmp_path: Path) -> None:
    """Where no host is named, each listener takes IPv4 and, where there is IPv6, that too."""
    agent = stage.agent(tmp_path, stage.master(), "--metrics=0", "--health=0")
    port = int(agent.wait_for_line(r"serving metrics.*address=\S+:(\d+)")[1])
    probes = int(agent.wait_for_line(r"serving health checks.*port=(\d+)")[1])
    hosts = ["127.0.0.1"] + ["::1"] * socket.has_dualstack_ipv6()
    for host in hosts:
        for number in (port, probes):
            socket.create_connection((host, number), timeout=LIMIT).close()


def test_a_file_system_that_hangs(stage: Stage, tmp_path: Path) -> None:
    """A scan that makes no progress makes the directory unavailable; the master hears of it
    meanwhile, and when the file system goes on, so does the agent."""
    need("root", "mounting", "/dev/fuse", "bindfs", "umount")
    below, above = tmp_path / "below", tmp_path / "above"
    below.mkdir()
    above.mkdir()
    (below / "a").touch()
    with subprocess.Popen(["bindfs", "-f", str(below), str(above)]) as served:
        try:
            wait_until(lambda: os.path.ismount(above))
            master = stage.master()
            agent = stage.agent(above, master, "--poll-interval=100ms", "--scan-timeout=500ms")
            wait_until(lambda: master.names() == ["a"])
            served.send_signal(signal.SIGSTOP)
            wait_until(lambda: "no progress" in master.clients()[0]["reason"])
            late = stage.agent(above, master, "--host=late", "--start-timeout=300ms")
            assert late.wait() == 66
            assert "does not answer" in late.lines[-1]
            asked = stage.agent(above, master, "--check", "--start-timeout=300ms")
            assert asked.wait() == 66
            assert "does not answer" in asked.lines[-1]
            stopped = stage.agent(above, master, "--host=late", "--start-timeout=10m")
            wait_until(lambda: hears(stopped, signal.SIGTERM))
            assert stopped.stop() == 0
            assert master.files()["complete"] is False
            assert master.clients()[0]["state"] == "unhealthy"
            served.send_signal(signal.SIGCONT)
            wait_until(lambda: master.names() == ["a"])
            served.kill()  # a dead file system answers with an error, not with an empty list
            wait_until(lambda: master.clients()[0]["state"] == "unhealthy")
            assert agent.process.poll() is None
        finally:
            served.kill()
            served.wait()
            subprocess.run(["umount", "-l", str(above)], check=False, capture_output=True)

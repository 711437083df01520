"""What comes to the HTTP ports of both programs and is no request: answered at once, counted."""

import re
import signal
import socket
import ssl
import time
from pathlib import Path

import pytest

from tests.e2e.processes import LIMIT, Stage, wait_until

GARBAGE = {
    b"GET /metrics HTTP/1.1\nHost: x\n\n": 400,
    b"GET /metrics HTTP/1.1\r\n\r\n": 400,
    b"HEAD /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n": 413,
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: odd\r\n\r\n": 501,
    b"GET /" + b"x" * 20_000: 414,
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 40_000: 431,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": 505,
    b"\x16\x03\x01\x02\x00\x01": 400,
}


def tell(port: int, sent: bytes) -> bytes:
    """All that is answered until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), LIMIT) as connection:
        connection.sendall(sent)
        return connection.makefile("rb").read()


@pytest.mark.parametrize("program", ["scoutmaster", "scout"])
def test_what_is_no_request_is_answered_at_once_and_counted(
    stage: Stage, tmp_path: Path, program: str
) -> None:
    master = stage.master()
    agent = stage.agent(tmp_path, master, "--metrics=127.0.0.1:0")
    line = agent.wait_for_line(r"serving metrics.*address=127\.0\.0\.1:(\d+)")
    port = master.http if program == "scoutmaster" else int(line[1])
    for sent, status in GARBAGE.items():
        answer = tell(port, sent)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert b"\r\nContent-Type: application/problem+json\r\n" in answer
        assert answer.endswith(b"\r\n\r\n") is sent.startswith(b"HEAD")
    with socket.create_connection(("127.0.0.1", port), LIMIT) as connection:
        context = ssl.create_default_context()
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_hostname="x")
    if program == "scoutmaster":
        text = master.get("/metrics")[2].decode()
        found = re.findall(
            r'scoutmaster_http_request_seconds_count{code="(\d+)",route="malformed"} (\d+)', text
        )
    else:
        found = re.findall(r'scout_http_refused_total{code="(\d+)"} (\d+)', agent.metrics())
    counts = {"400": "4", "413": "1", "414": "1", "431": "1", "501": "1", "505": "1"}
    assert dict(found) == counts
    running = master if program == "scoutmaster" else agent
    assert running.log.count("a request was refused") == 1


def test_every_reader_sees_the_same_hold_of_the_loop(stage: Stage, tmp_path: Path) -> None:
    """A second Prometheus, a HEAD, somebody with curl."""
    master = stage.master()
    agent = stage.agent(tmp_path, master, "--metrics=127.0.0.1:0")
    agent.wait_for_line("watching directory")
    for program, metric in (
        (master, "scoutmaster_loop_lag_seconds"),
        (agent, "scout_loop_lag_seconds"),
    ):
        held = program.metric
        program.send(signal.SIGSTOP)
        wait_until(lambda: Path(f"/proc/{program.pid}/stat").read_text().split()[2] == "T")  # noqa: B023
        time.sleep(1.5)  # this is the hold
        program.send(signal.SIGCONT)
        wait_until(lambda: held(metric) > 1.0)  # noqa: B023
        first = held(metric)
        if program is master:
            master.get("/metrics", "HEAD")
        assert held(metric) == held(metric) == first

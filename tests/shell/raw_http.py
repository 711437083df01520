"""HTTP/1 byte by byte, for tests of what goes over the line."""

import http.client
import json

from tests.shell.web_client import Site

HEAD = b"GET /files HTTP/1.1\r\nHost: x\r\n"
GET = HEAD + b"\r\n"


class Raw:
    """A connection on which bytes are sent, and answers are read one by one."""

    def __init__(self, site: Site, sent: bytes) -> None:
        self.socket = site.connect()
        self.socket.sendall(sent)
        self.reader = self.socket.makefile("rb")

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()
        self.socket.close()

    def answer(self, method: str = "GET") -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of the next answer."""
        status = int(self.reader.readline().split()[1])
        headers = http.client.parse_headers(self.reader)
        body = b""
        if method != "HEAD" and status not in (100, 304):
            body = self.reader.read(int(headers["Content-Length"]))
        return status, headers, body

    def ended(self) -> bool:
        """Is there nothing more, and has the server closed the connection?"""
        return self.reader.read() == b""


def check_refused(raw: Raw, status: int) -> str:
    """The answer is a problem of that status, and the last one. Its detail."""
    found, headers, body = raw.answer()
    assert found == status
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Connection"] == "close"
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["title"]
    assert raw.ended()
    return str(problem["detail"])

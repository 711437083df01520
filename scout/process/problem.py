"""An error of HTTP as RFC 9457 wants it, for whoever answers with one."""

import json
from http import HTTPStatus
from urllib.parse import quote

CONTENT_TYPE = "application/problem+json"


_NEWER = {413: "Content Too Large", 414: "URI Too Long"}
"""What RFC 9110 calls them; Python does so since 3.13."""


def reason(status: int) -> str:
    """What a status is called."""
    return _NEWER.get(status) or HTTPStatus(status).phrase


def document(status: int, detail: str, path: str | None = None) -> bytes:
    """The body. `path` is what was asked for, its bytes as Latin-1 (PEP 3333)."""
    body: dict[str, str | int] = {
        "type": "about:blank",
        "title": reason(status),
        "status": status,
        "detail": detail,
    }
    if path is not None:
        # A URI has none but ASCII characters.
        body["instance"] = quote(path, encoding="latin-1")
    return json.dumps(body).encode() + b"\n"

"""Loopback: free ports, and short questions over HTTP."""

import json
import socket
import urllib.error
import urllib.request
from typing import Any


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(address: str, *, plain: bool = False) -> tuple[int, Any]:
    """Status and body of a GET: JSON decoded, or text. Status 0 if nobody answers."""
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)
    text = body.decode()
    if plain or "json" not in answer.headers.get("Content-Type", ""):
        return status, text
    return status, json.loads(text)

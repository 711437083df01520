"""HTTP: what is asked, and how it is answered. A WSGI application; `wsgi.py` serves it."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol
from wsgiref.types import StartResponse, WSGIEnvironment

from scout.process.connection import AT_ONCE, Asked
from scout.process.log import Log
from scout.process.problem import CONTENT_TYPE, document, reason
from scoutmaster import render
from scoutmaster.core.query import BadQuery, parse
from scoutmaster.core.view import ClientRow, View

Headers = list[tuple[str, str]]
Observe = Callable[[str, int, float], None]

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


PROBES = frozenset(["/-/healthy", "/-/ready"])

FEW = 1000
"""Files in a list that is put together at once, if it is `SHORT` too."""

SHORT = 64 * 1024
"""Bytes of a body that is sent with its head; of the names in a list that is put together at once.

1,000 plain names take 0.05 ms, and 0.01 once they are remembered; such that are not UTF-8, which is
the worst, 2.4 ms once and 0.1 from then on."""


class Desk(Protocol):
    """Where the application asks. Any thread may."""

    def view(self) -> View:
        """The published view."""

    def clients(self) -> tuple[ClientRow, ...]:
        """All clients. Raises TimeoutError if the master does not answer."""

    def ready(self) -> str | None:
        """Why the list should not be relied on yet, or None."""

    def alive(self) -> str | None:
        """Why the master is ill, or None."""


class Problem(Exception):
    """The request is answered with an error; the text is its detail."""

    def __init__(self, status: int, detail: str, headers: Headers | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or []


class Answer:
    """Status, headers and body in pieces. Content-Length is added where it is sent."""

    def __init__(self, status: int, headers: Headers, pieces: Sequence[render.Piece]) -> None:
        self.status = status
        self.headers = headers
        self.pieces = pieces


class App:
    """The application. `metrics` gives what `/metrics` shows; `observe` is told of each request:
    its route, status, and seconds until its answer is ready to be sent."""

    def __init__(
        self, desk: Desk, metrics: Callable[[], bytes], observe: Observe, log: Log
    ) -> None:
        self._desk = desk
        self._metrics = metrics
        self._observe = observe
        self._log = log
        self._routes: dict[str, Callable[[WSGIEnvironment], Answer]] = {
            "/files": self._files,
            "/clients": self._clients,
            "/metrics": self._scrape,
            "/-/healthy": lambda _: _state(desk.alive(), "alive"),
            "/-/ready": lambda _: _state(desk.ready(), "ready"),
        }

    def __call__(self, environ: WSGIEnvironment, respond: StartResponse) -> Iterable[bytes]:
        """One request (PEP 3333)."""
        begun = time.perf_counter()
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        route = path if path in self._routes else "other"
        try:
            answer = self._answer(environ, path, method)
        except Problem as problem:
            answer = _problem(problem, path)
        except TimeoutError:
            answer = _problem(Problem(503, "the master does not answer; try again"), path)
        except Exception:  # noqa: BLE001 - logged with its traceback, and answered with 500
            self._log.exception("a request failed", path=path, method=method)
            answer = _problem(Problem(500, "this is a bug; the log has the traceback"), path)
        body = render.Body(answer.pieces)
        headers = answer.headers
        if answer.status != 304:
            headers.append(("Content-Length", str(body.size)))
        self._observe(route, answer.status, time.perf_counter() - begun)
        respond(f"{answer.status} {reason(answer.status)}", headers)
        if method == "HEAD" or not body.size:
            return []
        if body.size <= SHORT:
            return [body.read()]
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](body)
        return wrapped

    def at_once(self, asked: Asked) -> View | None:
        """Is the answer quick, so that no other thread is worth its hand-over? Then the view that
        it is made of: another one, a moment later, might be long. See `connection.AtOnce`."""
        view = self._desk.view()
        if asked.path in PROBES:
            return view  # answered even if all threads have their hands full
        if asked.path != "/files" or asked.query:
            return None
        squeeze = accepts_gzip(asked.headers.get("ACCEPT_ENCODING", ""))
        known = matches(asked.headers.get("IF_NONE_MATCH", ""), tag_of(view, squeeze=squeeze))
        # To compress takes many times what all the rest does.
        few = view.files <= FEW and not squeeze
        return view if known or (few and render.brief(view, SHORT)) else None

    def _answer(self, environ: WSGIEnvironment, path: str, method: str) -> Answer:
        handler = self._routes.get(path)
        # `*` is the whole server (RFC 9110, 9.3.7).
        if handler is None and path != "*":
            raise Problem(404, "there is " + ", ".join(self._routes))
        if handler is None or method not in ("GET", "HEAD"):
            raise Problem(405, "only GET and HEAD are known here", [("Allow", "GET, HEAD")])
        try:
            parse(environ.get("QUERY_STRING", ""))
        except BadQuery as error:
            raise Problem(400, str(error)) from error
        return handler(environ)

    def _files(self, environ: WSGIEnvironment) -> Answer:
        trouble = self._desk.alive()
        if trouble:
            raise Problem(503, f"{trouble}: nobody knows whether the list is still true")
        view: View = environ.get(AT_ONCE) or self._desk.view()
        squeeze = accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        tag = tag_of(view, squeeze=squeeze)
        headers = [
            ("ETag", tag),
            ("Cache-Control", "no-cache"),
            ("Vary", "Accept-Encoding"),
        ]
        if matches(environ.get("HTTP_IF_NONE_MATCH", ""), tag):
            return Answer(304, headers, [])
        headers.append(("Content-Type", JSON))
        if squeeze:
            headers.append(("Content-Encoding", "gzip"))
            return Answer(200, headers, render.files_gzip(view))
        return Answer(200, headers, render.files(view))

    def _clients(self, _: WSGIEnvironment) -> Answer:
        headers = [("Content-Type", JSON), ("Cache-Control", "no-cache")]
        return Answer(200, headers, [render.clients(self._desk.clients())])

    def _scrape(self, _: WSGIEnvironment) -> Answer:
        headers = [("Content-Type", PROMETHEUS), ("Cache-Control", "no-cache")]
        return Answer(200, headers, [self._metrics()])


_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def accepts_gzip(header: str) -> bool:
    """Does an Accept-Encoding (RFC 9110, 12.5.3) take gzip, and not rather the plain list?"""
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        coding, *parameters = (word.strip(" \t") for word in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name == "q":
                # What can't be read is not asked for.
                weight = float(value) if _QUALITY.fullmatch(value) else 0.0
        weights["gzip" if coding == "x-gzip" else coding] = weight
    gzip = weights.get("gzip", weights.get("*", 0.0))
    # Plain is taken where it is not named (12.5.3, 2), but then any coding that is comes first.
    return gzip > 0.0 and gzip >= weights.get("identity", 0.0)


def tag_of(view: View, *, squeeze: bool) -> str:
    """The ETag of a list, compressed or not."""
    return f'"{view.tag}-gzip"' if squeeze else f'"{view.tag}"'


def matches(header: str, tag: str) -> bool:
    """Does an If-None-Match (RFC 9110, 13.1.2) name `tag`? The comparison is weak."""
    candidates = [candidate.strip() for candidate in header.split(",")]
    return "*" in candidates or any(it.removeprefix("W/") == tag for it in candidates)


def _state(trouble: str | None, word: str) -> Answer:
    headers = [("Content-Type", TEXT), ("Cache-Control", "no-cache")]
    return Answer(503 if trouble else 200, headers, [f"{trouble or word}\n".encode()])


def _problem(problem: Problem, path: str) -> Answer:
    """An error as RFC 9457 wants it."""
    headers = [*problem.headers, ("Content-Type", CONTENT_TYPE)]
    return Answer(problem.status, headers, [document(problem.status, str(problem), path)])

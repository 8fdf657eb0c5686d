"""Whatever arrives on a connection, there is an answer of ours or the connection is closed.

Bytes go through gunicorn's parser, with its bounds, into the webhook's own application and rules
that find nothing. Every answer is JSON; none is a 500: what is sent is never a fault of ours. What
is read by the short way, gunicorn reads in the same way.
"""

import json
from collections.abc import MutableMapping
from functools import cache
from typing import Any

from flask import Flask
from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create

from tests.fuzz.mutation import by_pieces
from tests.fuzz.target import Target
from tests.fuzz.targets.decoder import seeds as bodies
from tests.unit.server.fakes import FakeService
from tests.unit.serving.read_by_gunicorn import assert_read_by_gunicorn
from webhook.server.app import create_app
from webhook.server.metrics import Metrics
from webhook.serving.arriving import Arrival, Arriving

HEADERS = [
    *("Host: a\r\n", "Content-Type: application/json\r\n", "Content-Length: 5\r\n"),
    *("Expect: 100-continue\r\n",),
    *("Transfer-Encoding: chunked\r\n", "Content-Length: -1\r\n"),
    *("Content-Type: application/json;x=\xff\r\n",),
    *("Content-Encoding: gzip\r\n", "Content-Length: 99999999999999999999\r\n"),
    *("X: " + "a" * 9000 + "\r\n",),
    *("X\r\n", ": x\r\n", " folded\r\n", "Connection: close\r\n", "X-Forwarded-For: ::1\r\n"),
    *("\r\n", "\n"),
]  # fmt: skip
LINES = [
    *("POST /validate HTTP/1.1\r\n", "POST /mutate HTTP/1.1\r\n", "GET /livez HTTP/1.1\r\n"),
    *("GET /readyz HTTP/1.0\r\n",),
    *("DELETE //mutate HTTP/1.1\r\n", "POST /mutate/ HTTP/2.0\r\n"),
    *("GET /%00%ff?x=%zz HTTP/1.1\r\n",),
    *("OPTIONS * HTTP/1.1\r\n", "CONNECT a:1 HTTP/1.1\r\n", "GET http://a/livez HTTP/1.1\r\n"),
    *("BREW /livez HTTP/1.1\r\n",),
    *("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /" + "../" * 40 + " HTTP/1.1\r\n"),
    *("PROXY TCP4 1 2 3 4\r\n", "0\r\n\r\n"),
]  # fmt: skip
ANSWERED = {200, 400, 404, 405, 411, 413, 415}


@cache
def settings() -> Config:
    return Config()


@cache
def app() -> Flask:
    return create_app(FakeService(), Metrics())


def seeds() -> list[bytes]:
    found = [(line + HEADERS[0] + "\r\n").encode("latin-1") for line in LINES]
    for line in LINES[:2]:
        for body in (*bodies(), b"[", b"\xff"):
            length = f"Content-Length: {len(body)}\r\n\r\n"
            found.append((line + HEADERS[1] + length).encode() + body)
            chunk = f"{HEADERS[4]}\r\n{len(body):x}\r\n"
            found.append((line + HEADERS[1] + chunk).encode() + body + b"\r\n0\r\n\r\n")
    return found


def run(data: bytes) -> None:
    configured, peer = settings(), ("127.0.0.1", 40000)
    connection: Any = _Socket()
    arriving = Arriving()
    arriving.add(data)
    if arriving.state() is Arrival.WHOLE and (asked := arriving.plain()) is not None:
        assert_read_by_gunicorn(asked, data)
    try:
        for request in RequestParser(configured, iter([data]), peer):
            environ = create(request, connection, peer, ("127.0.0.1", 8443), configured)[1]
            _answer(environ)
            if request.should_close():
                return
    except (ParseException, NoMoreData):
        return


def _answer(environ: MutableMapping[str, Any]) -> None:
    said: list[str] = []
    answer = app().wsgi_app(environ, lambda status, _headers, _exc=None: said.append(status))  # type: ignore[arg-type]
    body = b"".join(answer)
    assert int(said[0].split()[0]) in ANSWERED, said
    if environ["REQUEST_METHOD"] != "HEAD":
        assert isinstance(json.loads(body), dict)


class _Socket:
    """What gunicorn asks of a connection to make an environment."""

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 8443

    def send(self, data: bytes) -> int:
        """Take `100 Continue`."""
        return len(data)


TARGET = Target(
    run=run,
    seeds=seeds,
    mutate=by_pieces(
        [*HEADERS, *LINES, *("\r", "\n", "\x00", "0", "f\r\n", ":", " ", "/", "%", "?")]
    ),
    made_once=app,
    share=300,
)

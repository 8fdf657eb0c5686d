"""The short way reads what API servers write, as gunicorn does, and leaves it everything else."""

import re
from http import HTTPStatus

import pytest
from hypothesis import event, given
from hypothesis import strategies as some

from tests.unit.serving.read_by_gunicorn import assert_read_by_gunicorn
from webhook.serving.arriving import Arrival, Arriving
from webhook.serving.plain import Asked, written
from webhook.serving.refusal import Answer

LINE = "POST /mutate HTTP/1.1"
WAITING = "POST /mutate?timeout=3s HTTP/1.1"
"""As each review of an API server comes (apiserver mutating/dispatcher.go: `r.Timeout`)."""
HEADERS = [
    *("Host: scaleguard.guard.svc:443", "User-Agent: kube-apiserver-admission"),
    *("Content-Length: 2", "Accept: application/json, */*", "Content-Type: application/json"),
    "Accept-Encoding: gzip",
]
STRANGE = [
    *("content-type: application/json", "Content-Type:application/json", "Content-Length: 2"),
    *("Content-Type: application/json ", "Content-Type: application/json; charset=utf-8"),
    *("Connection: close", "Connection: keep-alive", "Transfer-Encoding: chunked", "Host: other"),
    *(
        "Expect: 100-continue",
        "X-Forwarded-For: 10.0.0.1",
        "Upgrade: h2c",
        "Content-Encoding: gzip",
    ),
    *("Accept: a\tb", "Accept: \xff", " folded", "Accept : a", "Accept", "User-Agent: ", ": a"),
    *("Authorization: Bearer abc", "Traceparent: 00-abc-def-01", "Accept: a\nContent-Length: 9"),
    *("X-Request-Id: abc", "X-B3-TraceId: 80f198ee56343ba8", "X-Forwarded-Proto: https"),
    *("X-FORWARDED-SSL: on", "X-forwarded-protocol: ssl", "X-Forwarded: 1", "X_Request: a"),
    "User-Agent: " + "a" * 5000,
]
LINES = [
    *(LINE, "POST /abc-DEF_0/validate HTTP/1.1", "POST /mutate HTTP/1.0", "GET /mutate HTTP/1.1"),
    *("POST /mutate?timeout=3s&dryRun=All HTTP/1.1", "POST /mutate? HTTP/1.1", WAITING),
    *("POST /%6dutate HTTP/1.1", "POST //mutate HTTP/1.1"),
    *("POST http://a/mutate HTTP/1.1", "POST  /mutate HTTP/1.1", "POST /../mutate HTTP/1.1"),
    *("post /mutate HTTP/1.1", "POST /mutate#a HTTP/1.1", "POST mutate HTTP/1.1", " " + LINE),
]


def read(data: bytes) -> Asked | None:
    arriving = Arriving()
    arriving.add(data)
    return arriving.plain() if arriving.state() is Arrival.WHOLE else None


def request(line: str, headers: list[str], body: bytes = b"{}") -> bytes:
    return "\r\n".join([line, *headers, "", ""]).encode("latin-1") + body


def test_what_an_api_server_writes() -> None:
    for line in (LINE, WAITING):
        assert read(request(line, HEADERS)) == Asked("/mutate", b"{}")
    traced = [*HEADERS, "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]
    assert read(request(LINE, traced)) == Asked("/mutate", b"{}")
    meshed = [*traced, "X-Request-Id: 0af76519", "X-B3-TraceId: 80f198ee56343ba8"]
    assert read(request(LINE, meshed)) == Asked("/mutate", b"{}")


@pytest.mark.parametrize("strange", STRANGE)
def test_a_header_that_it_does_not_write_or_writes_once(strange: str) -> None:
    data = request(LINE, [*HEADERS, strange])
    asked = read(data)
    if asked is not None:
        assert strange.startswith(("Authorization", "Traceparent", "X-Request", "X-B3"))
        assert_read_by_gunicorn(asked, data)


@pytest.mark.parametrize("line", LINES[2:])
def test_a_line_that_it_does_not_write(line: str) -> None:
    data = request(line, HEADERS)
    asked = read(data)
    if asked is not None:
        assert line in {"POST //mutate HTTP/1.1", WAITING}
        assert_read_by_gunicorn(asked, data)


def test_what_ends_early_or_goes_on() -> None:
    whole = request(LINE, HEADERS)
    assert read(whole[:-1]) is None
    assert read(whole + b"P") is None
    assert read(request(LINE, HEADERS[:2] + HEADERS[3:])) is None, "a body without a length"
    assert read(request(LINE, HEADERS[:4])) is None, "no content type"


@given(
    some.sampled_from(LINES),
    some.lists(some.sampled_from(HEADERS + STRANGE), max_size=9),
    some.sampled_from([[], HEADERS]),
    some.binary(max_size=4),
)
def test_what_is_read_gunicorn_reads_too(
    line: str, headers: list[str], usual: list[str], body: bytes
) -> None:
    data = request(line, [*headers, *usual], body)
    asked = read(data)
    event(f"read: {asked is not None}")
    if asked is not None:
        assert_read_by_gunicorn(asked, data)


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_an_answer_is_written_with_what_http_asks_for(connection: str) -> None:
    refused = Answer(b"{}", HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=1)
    answer = written(refused, stays=connection == "keep-alive")
    head, _, body = answer.decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert (status, body) == ("HTTP/1.1 503 Service Unavailable", "{}")
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers.pop("Date"))
    assert headers == {
        "Connection": connection,
        "Content-Type": "application/json",
        "Content-Length": "2",
        "Retry-After": "1",
    }

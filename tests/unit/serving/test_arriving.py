"""Whether a request is there as a whole, however it is cut into pieces."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser
from hypothesis import given
from hypothesis import strategies as some

from webhook.serving.arriving import Arrival, Arriving

HEAD = b"POST /validate HTTP/1.1\r\nHost: x\r\n"
WHOLE = HEAD + b"content-LENGTH:  5 \r\nAccept: a\r\n\r\nabcde"


def state(*pieces: bytes) -> Arrival:
    arriving = Arriving()
    for piece in pieces:
        arriving.add(piece)
        arriving.state()
    return arriving.state()


@given(some.lists(some.integers(0, len(WHOLE)), max_size=6))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    places = sorted({0, *cuts, len(WHOLE)})
    pieces = [WHOLE[start:end] for start, end in pairwise(places)]
    assert state(*pieces) is Arrival.WHOLE
    last = pieces.pop()
    assert state(*pieces, last[:-1]) is Arrival.PARTLY


def test_without_a_length_it_ends_with_its_headers() -> None:
    assert state(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n") is Arrival.WHOLE
    assert state(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r") is Arrival.PARTLY


@pytest.mark.parametrize(
    "headers",
    [
        b"Transfer-Encoding: chunked\r\n",
        b"expect: 100-continue\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 99999999\r\n",
        b"Content-Length: 0000000000005\r\n",
        b"Content-Length: 9999999999999\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length:\r\n",
    ],
)
def test_what_no_api_server_sends_is_told(headers: bytes) -> None:
    assert state(HEAD + headers + b"\r\n") is Arrival.UNUSUAL


VALUES = some.lists(
    some.sampled_from([b"9", b"0" * 12, b" ", b"\t", b",", b"+", b"\r\n "]), max_size=3
)
LINES = some.builds(
    lambda name, value: name + b"".join(value) + b"\r\n",
    some.sampled_from([b"Content-Length:", b"content-LENGTH: ", b"Content-Length :", b"a:"]),
    VALUES,
)


@given(some.lists(LINES, max_size=3))
def test_of_what_is_whole_gunicorn_reads_no_more(lines: list[bytes]) -> None:
    """Else a thread would wait for it."""
    sent = HEAD + b"".join(lines) + b"\r\nabcde"
    if state(sent) is not Arrival.WHOLE:
        return

    def source() -> Iterator[bytes]:
        yield sent
        raise AssertionError("more was wanted")

    try:
        request = next(RequestParser(Config(), source(), ("127.0.0.1", 1)))
        assert request.body is not None
        request.body.read()
    except ParseException:
        return


def test_headers_without_an_end_are_not_waited_for() -> None:
    assert state(HEAD + b"x" * 60_000) is Arrival.PARTLY
    assert state(HEAD + b"x" * 70_000) is Arrival.UNUSUAL


def test_what_follows_begins_another_request() -> None:
    arriving = Arriving()
    arriving.add(WHOLE + b"GET ")
    assert arriving.state() is Arrival.WHOLE
    assert arriving.take() == WHOLE + b"GET "
    arriving.add(b"GET ")
    assert arriving.state() is Arrival.PARTLY

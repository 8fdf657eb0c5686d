"""Whether a request is there as a whole, however it is cut into pieces."""

from itertools import pairwise

import pytest
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
    ],
)
def test_what_no_api_server_sends_is_told(headers: bytes) -> None:
    assert state(HEAD + headers + b"\r\n") is Arrival.UNUSUAL


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

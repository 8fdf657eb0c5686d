"""Requests as API servers write them, read at once and answered in one piece.

A client library writes all of its requests alike, and reading those few forms costs a tenth of what
it takes to be ready for every one. Whatever is written otherwise is left to gunicorn, which reads
it from the same bytes; what is read here, gunicorn reads in the same way.
"""

import re
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from webhook.serving.refusal import JSON, Answer

# As in gunicorn, below whose bounds this stays.
_MOST_HEAD_BYTES: Final = 4 * 1024

# 4 MiB where somebody makes up new ones of that size; those of API servers are some dozens.
_REMEMBERED_HEADS: Final = 1024

# Names as Go's net/http writes them, each of them at most once, none of which changes how a request
# is read. Others (Connection, Transfer-Encoding, Expect) do, or may one day. Those with X- are what
# a mesh adds, and load generators; to gunicorn those of proxies that forward say something.
_NAMES: Final = (
    b"Accept|Accept-Encoding|Authorization|Baggage|Content-Length|Content-Type|Host|Traceparent"
    b"|Tracestate|User-Agent|X-(?!(?i:forwarded))[A-Za-z0-9-]+"
)
# An API server says with each review how long it waits, which is no part of the path.
_HEAD: Final = re.compile(
    rb"POST (/[A-Za-z0-9/_-]*)(?:\?timeout=[0-9a-z]+)? HTTP/1\.1\r\n"
    rb"((?:(?:%b): [!-~][ -~]*\r\n)+)\r\n" % _NAMES
)
_NAME: Final = re.compile(rb"^[A-Za-z0-9-]+", re.MULTILINE)
_IS_JSON: Final = b"Content-Type: %b\r\n" % JSON.encode()

_STATUS_LINES: Final = {one: f"HTTP/1.1 {one.value} {one.phrase}\r\n" for one in HTTPStatus}


class Asked(NamedTuple):
    """A request for a path, with JSON."""

    path: str
    body: bytes


ShortWay = Callable[[Asked, Any], Answer | None]
"""Answers what it knows, asked for over a socket; None where gunicorn and Flask have to see it.

It raises nothing."""


def read_plain(data: bytes | bytearray, head_bytes: int) -> Asked | None:
    """Read a request that has come as a whole, of which so many bytes are the headers.

    None where it is not written as expected.
    """
    if head_bytes > _MOST_HEAD_BYTES:
        return None
    with memoryview(data) as whole:  # a slice of a bytearray would be copied twice
        path = _path(bytes(whole[:head_bytes]))
        return Asked(path, bytes(whole[head_bytes:])) if path is not None else None


@lru_cache(_REMEMBERED_HEADS)
def _path(head: bytes) -> str | None:
    """Read the headers: those of one client differ in nothing but the length."""
    found = _HEAD.fullmatch(head)
    if found is None:
        return None
    names = _NAME.findall(found[2])
    is_json = _IS_JSON in found[2] and len(set(names)) == len(names)
    return found[1].decode("ascii") if is_json else None


def written(answer: Answer, *, stays: bool) -> bytes:
    """Write an answer, after which the connection stays or is closed."""
    lines = [
        _STATUS_LINES[answer.status],
        f"Date: {_date(int(time.time()))}\r\n",
        "Connection: keep-alive\r\n" if stays else "Connection: close\r\n",
        *(f"{name}: {value}\r\n" for name, value in answer.headers),
        "\r\n",
    ]
    return "".join(lines).encode("ascii") + answer.body


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)

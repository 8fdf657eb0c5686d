"""Bodies and lines of a response, within a time and a size."""

import http.client
import logging
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from kubernetes.client.rest import RESTResponse
from urllib3.exceptions import (
    HTTPError,
    NewConnectionError,
    TimeoutError,  # noqa: A004 - as urllib3 calls it
)

from webhook.cluster.errors import DEADLINE, GARBAGE, UNREACHABLE, ApiError
from webhook.core.levels import shallow

MIB = 2**20

# A page of 500 objects of 3 MB, the largest that etcd takes, would be more; a page of 500 large
# Deployments is some 10 MiB.
MOST_BODY_BYTES = 128 * MIB
# One event holds one object.
MOST_LINE_BYTES = 16 * MIB
MOST_ERROR_BYTES = 64 * 1024

_CHUNK = 64 * 1024
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
_MOST_WARNINGS = 64

BROKEN = (HTTPError, OSError, http.client.HTTPException)
"""What urllib3 and the layers below raise when a connection fails or falls silent."""

_log = logging.getLogger("scaleguard.cluster")


class Warnings:
    """What the API server warns of (deprecated versions, mostly): logged once each."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def log(self, response: RESTResponse) -> None:
        """Log the Warning headers of a response."""
        for said in warnings(response):
            if said not in self._said and len(self._said) < _MOST_WARNINGS:
                self._said.add(said)
                _log.warning("the API server warns: %s", said)


def warnings(response: RESTResponse) -> tuple[str, ...]:
    """Read the Warning headers of a response."""
    return tuple(_WARNING.findall(response.headers.get("Warning", "")))


def chunks(response: RESTResponse, until: float) -> Iterator[bytes]:
    """Yield what arrives, until a moment of `time.monotonic`.

    Each read has a timeout of its own besides; this bounds the sum of many slow ones.
    """
    while chunk := _read(response):
        yield chunk
        if time.monotonic() > until:
            raise ApiError(0, DEADLINE, "the answer came too slowly")


def _read(response: RESTResponse) -> bytes:
    try:
        chunk: bytes = response.response.read1(_CHUNK)
    except BROKEN as error:
        raise failure(error) from error
    return chunk


def body(response: RESTResponse, until: float, most_bytes: int = MOST_BODY_BYTES) -> bytes:
    """Read a whole body; raises `ApiError` where it is too slow or too large."""
    parts: list[bytes] = []
    size = 0
    for chunk in chunks(response, until):
        parts.append(chunk)
        size += len(chunk)
        if size > most_bytes:
            raise ApiError(0, GARBAGE, f"the answer is larger than {most_bytes:,} bytes")
    return b"".join(parts)


def lines(response: RESTResponse, until: float) -> Iterator[bytes]:
    """Yield whole lines as they arrive; an unfinished one at the end is dropped."""
    begun = bytearray()
    for chunk in chunks(response, until):
        first, *rest = chunk.split(b"\n")
        begun += first
        for line in rest:
            if begun.strip():
                yield bytes(begun)
            begun = bytearray(line)
        if len(begun) > MOST_LINE_BYTES:
            raise ApiError(0, GARBAGE, f"an event is larger than {MOST_LINE_BYTES:,} bytes")


def decode(text: bytes) -> dict[str, Any]:
    """Decode a JSON object, however deep it is; raises `ApiError` for anything else."""
    try:
        try:
            value = msgspec.json.decode(text)
        except RecursionError:
            value = msgspec.json.decode(shallow(text))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(0, GARBAGE, f"what was sent is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ApiError(0, GARBAGE, "what was sent is no JSON object")
    return value


def date(response: RESTResponse) -> datetime | None:
    """Read when a response was sent, by the clock of who sent it, to the second."""
    try:
        return parsedate_to_datetime(response.headers.get("Date", "")).astimezone(UTC)
    except ValueError:
        return None


def failure(error: Exception) -> ApiError:
    """Say what a broken connection means."""
    if _is_silence(error) or _is_silence(error.__cause__):
        return ApiError(0, DEADLINE, "no answer in time")
    return ApiError(0, UNREACHABLE, str(error) or type(error).__name__)


def _is_silence(error: BaseException | None) -> bool:
    """Whether a time is over: for urllib3 it is, too, where a connection or a name is refused."""
    return isinstance(error, TimeoutError) and not isinstance(error, NewConnectionError)

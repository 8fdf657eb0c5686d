"""What has arrived of a request, and whether that is all of it.

The moment at which a thread is given to it depends on this, and whether it is read by the short way
(`plain`) or by gunicorn, from the same bytes.
"""

import re
from enum import Enum
from typing import Final

from webhook.serving.body import MIB
from webhook.serving.plain import Asked, read_plain

# An API server sends some 300 bytes of headers.
_MOST_HEADER_BYTES: Final = 64 * 1024

# Bodies that are larger are refused (7 MiB), after they were read in the thread that refuses them.
_MOST_BODY_BYTES: Final = 8 * MIB

_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*(?=\r\n)", re.IGNORECASE)
_UNUSUAL: Final = re.compile(
    rb"\r\n(?:(?:transfer-encoding|expect)[ \t]*:|content-length:(?![ \t]*\d{1,12}[ \t]*\r\n))",
    re.IGNORECASE,
)


class Arrival(Enum):
    """How far a request has come."""

    PARTLY = "partly"
    WHOLE = "whole"
    UNUSUAL = "unusual"
    """Its end is not told beforehand, or not as it is read here, or its sender waits to be asked
    for the rest, or it is too large: an API server sends none of these."""


class Arriving:
    """The bytes of one connection that nobody has taken yet."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self._head = 0
        self._length: int | None = None
        """Of headers and body together, once the headers are there."""
        self._searched = 0

    def add(self, data: bytes) -> None:
        """Add what has come."""
        self.bytes += data

    def take(self) -> bytes:
        """Hand over all that has come; what comes next begins another request."""
        taken = bytes(self.bytes)
        self.drop()
        return taken

    def drop(self) -> None:
        """Forget all that has come: it is answered."""
        self.bytes = bytearray()
        self._length, self._searched = None, 0

    def plain(self) -> Asked | None:
        """Read what has come, where that is one request as API servers write them."""
        if self._length is None or len(self.bytes) != self._length:
            return None
        return read_plain(self.bytes, self._head)

    def state(self) -> Arrival:
        """Say how far the request has come that these bytes begin with."""
        if self._length is None:
            end = self.bytes.find(_END, max(0, self._searched - len(_END)))
            if end < 0:
                self._searched = len(self.bytes)
                is_long = len(self.bytes) > _MOST_HEADER_BYTES
                return Arrival.UNUSUAL if is_long else Arrival.PARTLY
            headers = bytes(self.bytes[: end + len(_END)])
            lengths = _LENGTH.findall(headers)
            body = int(lengths[0]) if lengths else 0
            if len(lengths) > 1 or _UNUSUAL.search(headers) or body > _MOST_BODY_BYTES:
                return Arrival.UNUSUAL
            self._head, self._length = len(headers), len(headers) + body
        return Arrival.WHOLE if len(self.bytes) >= self._length else Arrival.PARTLY

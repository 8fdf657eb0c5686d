"""Read the body of a request, so that whoever sent it gets the answer."""

import logging
from collections.abc import Callable
from typing import Final

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from webhook.serving import refusal
from webhook.serving.refusal import JSON, Refusal

MIB: Final = 2**20

# What is read of a body that is too large, so that its sender sees why it was refused: a connection
# that is closed on unread data is reset, and the answer is lost.
_MOST_DISCARDED: Final = 64 * MIB

_log = logging.getLogger("scaleguard.server")


def read_body(too_large: Refusal) -> bytes:
    """Read the body of the request at hand; raises `Refusal`.

    To be done before anything is refused: unread, it would end the connection.
    """
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        _discard()
        raise too_large from error
    except Exception as error:
        raise refusal.not_read(str(error)) from error


def check_type(body: bytes, bad_request: Callable[[str], Refusal]) -> None:
    """Refuse what is no JSON at the first glance; raises `Refusal`."""
    if request.mimetype != JSON:
        raise refusal.wrong_type(request.mimetype)
    if not body:
        raise bad_request("the body is empty")


def _discard() -> None:
    """Read a body that is too large to its end, or until the worker's deadline for a request."""
    stream, left = request.environ["wsgi.input"], _MOST_DISCARDED
    try:
        while left > 0 and (chunk := stream.read(MIB)):
            left -= len(chunk)
    except Exception as error:  # noqa: BLE001 - nobody waits for the answer any more
        _log.debug("a body that is too large ended early: %s", error)

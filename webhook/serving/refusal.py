"""Answers that are no AdmissionReview: always JSON, always with what to do."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Response

from webhook.core.frozen import frozen

JSON = "application/json"

BAD_REQUEST = "bad_request"
"""Label under which requests are counted that no API server sends."""

# A fault may quote what was sent; a sentence does not need more of it.
_MOST_ERROR_CHARACTERS = 500

# The API server asks again after 429 and 503 with a whole number of seconds, inside its own
# deadline; a plain 500 fails at once.
RETRY_AFTER_SECONDS = 1


@frozen
class Answer:
    """What is answered, whoever writes it to the client: always JSON."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    retry_after_seconds: int | None = None

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Its headers."""
        headers = [("Content-Type", JSON), ("Content-Length", str(len(self.body)))]
        if self.retry_after_seconds is not None:
            headers.append(("Retry-After", str(self.retry_after_seconds)))
        return headers

    def response(self) -> Response:
        """Return the response that Flask wants."""
        return Response(self.body, self.status, self.headers)


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - an answer, not a fault of ours
    """A request that gets no review; `result` is the label under which it is counted."""

    status: HTTPStatus
    result: str
    error: str
    fix: str
    reasons: tuple[str, ...] = ()

    @property
    def is_clients_fault(self) -> bool:
        """Whether the request itself is wrong, rather than its moment."""
        return self.result == BAD_REQUEST

    def written(self) -> Answer:
        """Write the answer."""
        body: dict[str, Any] = {"error": self.error[:_MOST_ERROR_CHARACTERS], "fix": self.fix}
        if self.reasons:
            body["reasons"] = list(self.reasons)
        comes_back = self.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
        retry_after = RETRY_AFTER_SECONDS if comes_back else None
        return Answer(msgspec.json.encode(body), self.status, retry_after)

    def answer(self) -> Response:
        """Return the response that Flask wants."""
        return self.written().response()


def json_answer(body: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Write a JSON answer."""
    return Answer(msgspec.json.encode(body), status).response()


def wrong_type(mimetype: str) -> Refusal:
    """Refuse another content type than JSON."""
    sent = f"the content type is {mimetype}" if mimetype else "there is no content type"
    fix = f"send the header Content-Type: {JSON}"
    return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, BAD_REQUEST, sent, fix)


def not_read(reason: str) -> Refusal:
    """Refuse a body that did not arrive whole, or not in time."""
    error = f"the body could not be read: {reason}"
    return Refusal(HTTPStatus.BAD_REQUEST, BAD_REQUEST, error, "send the request again")


def not_ready(reasons: list[str]) -> Refusal:
    """Ask to come back: what is needed to judge is not there yet."""
    error = f"not ready: {'; '.join(reasons)}"
    fix = "ask again in a second; where it stays so, the reasons name what to look at"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", error, fix, tuple(reasons))


def shed() -> Refusal:
    """Ask to come back: more requests are waiting than can be answered in time."""
    error = "too many requests are in flight here"
    fix = "ask again in a second; where it stays so, run more replicas or workers"
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, "shed", error, fix)


def wrong_method(method: str, allowed: list[str]) -> Refusal:
    """Refuse another method than the path knows."""
    error = f"{method} is not answered here"
    return Refusal(
        HTTPStatus.METHOD_NOT_ALLOWED, BAD_REQUEST, error, f"send it with {' or '.join(allowed)}"
    )


def no_certificate() -> Refusal:
    """Refuse who shows no client certificate, where one is demanded."""
    error = "no client certificate was shown"
    fix = "name one in the API server's admission configuration (docs/install.md)"
    return Refusal(HTTPStatus.UNAUTHORIZED, BAD_REQUEST, error, fix)


def wrong_caller(user: str) -> Refusal:
    """Refuse who shows the certificate of somebody else than the API server."""
    error = f"the client certificate is of {user!r}, who may not ask"
    fix = "ask with a certificate of a name that --client-name allows"
    return Refusal(HTTPStatus.FORBIDDEN, BAD_REQUEST, error, fix)


def wrong_path(path: str, known: list[str]) -> Refusal:
    """Refuse a path that is not served."""
    error = f"nothing is served at {path}"
    return Refusal(HTTPStatus.NOT_FOUND, BAD_REQUEST, error, f"use {', '.join(known)}")

"""What can come of a request to the API server other than its answer."""

from http import HTTPStatus
from typing import Any, Final

import msgspec

# Reasons of our own, beside those that the API server gives in a Status.
UNREACHABLE: Final = "Unreachable"
DEADLINE: Final = "DeadlineExceeded"
GARBAGE: Final = "Garbage"
BAD_NAME: Final = "BadName"
ENDED_EARLY: Final = "EndedEarly"

_MOST_MESSAGE_CHARACTERS = 300


class ApiError(Exception):
    """A request that had no good answer; `status` is 0 where there was no answer at all."""

    def __init__(
        self, status: int, reason: str, message: str = "", retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(f"{reason}: {message}" if message else reason)
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after_seconds = retry_after_seconds

    @property
    def is_gone(self) -> bool:
        """Whether the resourceVersion or the continue token is too old: a list is due."""
        return self.status == HTTPStatus.GONE

    @property
    def is_absent(self) -> bool:
        """Whether there is no such object, or no such resource."""
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def is_conflict(self) -> bool:
        """Whether somebody else was quicker: the object is there already, or not as it was."""
        return self.status == HTTPStatus.CONFLICT

    @property
    def is_forbidden(self) -> bool:
        """Whether RBAC withholds it."""
        return self.status == HTTPStatus.FORBIDDEN

    @property
    def label(self) -> str:
        """The reason as a metric has it: one of few."""
        return _LABELS.get(self.status) or _OWN_LABELS.get(self.reason) or f"http_{self.status}"


_LABELS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.GONE: "gone",
    HTTPStatus.TOO_MANY_REQUESTS: "throttled",
}
_OWN_LABELS = {
    UNREACHABLE: "unreachable",
    DEADLINE: "deadline",
    GARBAGE: "garbage",
    BAD_NAME: "bad_name",
    ENDED_EARLY: "ended_early",
}


def of_status(status: int, body: bytes, retry_after: str | None = None) -> ApiError:
    """Read the Status that the API server answers with; anything else may stand there too."""
    try:
        read = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        read = None
    said: dict[str, Any] = read if isinstance(read, dict) else {}
    reason, message = said.get("reason"), said.get("message")
    return ApiError(
        status,
        reason if isinstance(reason, str) and reason else _phrase(status),
        str(message or "")[:_MOST_MESSAGE_CHARACTERS],
        float(retry_after) if retry_after is not None and retry_after.isdecimal() else None,
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP {status}"

"""The short way of the reviews that an API server sends: past Flask, to the same answer.

Flask's routing, request and response cost as much as a judgement. Whatever is not plainly such a
review goes on to Flask, which says what is wrong with it.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from webhook.server.admission import Admission
from webhook.serving import refusal
from webhook.serving.environment import OVERLOADED
from webhook.serving.refusal import JSON

Environ = dict[str, Any]
Respond = Callable[..., Any]
Application = Callable[[Environ, Respond], Iterable[bytes]]

# Of a length: no body that is read has as many bytes.
_MOST_DIGITS = 12

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Quick:
    """Answers reviews, and hands everything else on."""

    admissions: Mapping[str, Admission]
    """By the last part of their paths."""
    segments: Container[str] | None
    """What stands before that; None: nothing does."""
    flask: Application

    def __call__(self, environ: Environ, respond: Respond) -> Iterable[bytes]:
        """Be a WSGI application."""
        admission, length = self._asked(environ), _length(environ)
        if admission is None or not 0 < length <= admission.limits.body_bytes:
            return self.flask(environ, respond)

        def read() -> bytes:
            try:
                body: bytes = environ["wsgi.input"].read(length)
            except OSError as error:  # who asks to be asked for the rest may not send it
                raise refusal.not_read(str(error)) from error
            if len(body) < length:
                raise refusal.not_read("it ended early")
            return body

        answer = admission.answered(read)
        respond(_STATUS_LINES[answer.status], answer.headers)
        return (answer.body,)

    def _asked(self, environ: Environ) -> Admission | None:
        """Return who answers this request; None where it is none for the short way."""
        is_review = environ["REQUEST_METHOD"] == "POST" and environ.get("CONTENT_TYPE") == JSON
        if not is_review or environ.get(OVERLOADED):
            return None
        before, _, last = environ["PATH_INFO"].rpartition("/")
        admission = self.admissions.get(last)
        if admission is None or self.segments is None:
            return admission if not before else None
        try:
            return admission if before[:1] == "/" and before[1:] in self.segments else None
        except Exception:  # noqa: BLE001 - Flask comes to the same, answers and logs it
            return None


def _length(environ: Environ) -> int:
    """Return the length of the body; 0 where the client does not say it."""
    text = environ.get("CONTENT_LENGTH", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _MOST_DIGITS else 0

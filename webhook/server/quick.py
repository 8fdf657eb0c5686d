"""The short way of the reviews that an API server sends: past WSGI and Flask, to the same answer.

They cost as much as a judgement. Whatever is not plainly such a review goes on to Flask, which says
what is wrong with it.
"""

from collections.abc import Container, Mapping
from typing import Any

from webhook.core.frozen import frozen
from webhook.server.admission import Admission
from webhook.serving.plain import Asked
from webhook.serving.refusal import Answer


@frozen
class Quick:
    """Answers reviews, and nothing else."""

    admissions: Mapping[str, Admission]
    """By the last part of their paths."""
    segments: Container[str] | None
    """What stands before that; None: nothing does."""

    def __call__(self, asked: Asked, _socket: Any) -> Answer | None:
        """Answer a review; None for whatever is none for the short way."""
        admission = self._asked(asked.path)
        if admission is None or not 0 < len(asked.body) <= admission.limits.body_bytes:
            return None
        return admission.answered(lambda: asked.body)

    def _asked(self, path: str) -> Admission | None:
        before, _, last = path.rpartition("/")
        admission = self.admissions.get(last)
        if admission is None or self.segments is None:
            return admission if not before else None
        try:
            return admission if before[1:] in self.segments else None
        except Exception:  # noqa: BLE001 - Flask comes to the same, answers and logs it
            return None

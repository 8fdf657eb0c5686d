"""What the API server would do: send AdmissionReviews over one TLS connection, apply patches."""

import base64
import copy
import http.client
import json
import ssl
import time
from pathlib import Path
from typing import Any

import jsonpatch

from webhook.core.frozen import frozen

REVIEWS = Path(__file__).resolve().parent / "reviews"
TIMEOUT_SECONDS = 10.0


@frozen
class Answer:
    """One review and its answer."""

    review: dict[str, Any]
    response: dict[str, Any]
    seconds: float

    @property
    def allowed(self) -> bool:
        """Whether the object is let in."""
        return bool(self.response["allowed"])

    @property
    def message(self) -> str:
        """Why it is not."""
        return str(self.response.get("status", {}).get("message", ""))

    @property
    def before(self) -> dict[str, Any]:
        """The object as it was sent."""
        found: dict[str, Any] = self.review["request"]["object"]
        return found

    @property
    def patch(self) -> list[dict[str, Any]]:
        """The operations of the answer."""
        encoded = self.response.get("patch")
        return json.loads(base64.b64decode(encoded)) if encoded else []

    @property
    def after(self) -> dict[str, Any]:
        """The object as the API server would go on with it."""
        found: dict[str, Any] = jsonpatch.apply_patch(copy.deepcopy(self.before), self.patch)
        return found


def recorded(number: int) -> dict[str, Any]:
    """Return a review as a real API server (1.37.2) sent it."""
    path = next(REVIEWS.glob(f"{number:04}-*.json"))
    review: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return review


class Client:
    """Sends reviews over one connection that stays open, as the API server does."""

    def __init__(self, port: int, authority: Path) -> None:
        """Trust the authority that the server made, and nobody else."""
        context = ssl.create_default_context(cafile=str(authority))
        self._connection = http.client.HTTPSConnection(
            "localhost", port, timeout=TIMEOUT_SECONDS, context=context
        )

    def send(self, path: str, review: dict[str, Any]) -> Answer:
        """Send one review and read its answer."""
        body = json.dumps(review)
        start = time.perf_counter()
        self._connection.request("POST", path, body, {"Content-Type": "application/json"})
        reply = self._connection.getresponse()
        answer = json.loads(reply.read())
        seconds = time.perf_counter() - start
        if reply.status != http.HTTPStatus.OK:
            raise ConnectionError(f"{path} answered {reply.status}: {answer}")
        return Answer(review, answer["response"], seconds)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

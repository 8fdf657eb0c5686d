"""An API server that knows some tokens and rights."""

import json
from typing import Any

from tests.unit.cluster.fake import Answer, Asked, FakeApi, status
from webhook.audit.serving.access import AUDIENCE

TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class Tokens(FakeApi):
    """Answers reviews as the real one does; `away` makes it fail."""

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, str] = {}
        """User of each token that is for our audience."""
        self.others: dict[str, str] = {}
        """The same for those of the API server's own audience."""
        self.rights: set[tuple[str, str, str]] = set()
        """User, verb, namespace."""
        self.knows_audiences = True
        self.away = False

    def take(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self.away:
            return status(500, "InternalError", "etcd is away")
        spec = json.loads(asked.body)["spec"]
        said = {TOKEN_REVIEWS: self._token, ACCESS_REVIEWS: self._access}[asked.path](spec)
        return Answer(body=json.dumps({"status": said}).encode())

    def _token(self, spec: dict[str, Any]) -> dict[str, Any]:
        assert spec["audiences"] == [AUDIENCE]
        token = spec["token"]
        if not self.knows_audiences and token in self.others:
            return {"authenticated": True, "user": {"username": self.others[token]}}
        if token not in self.users:
            return {"error": "invalid bearer token"}
        user = {"username": self.users[token], "uid": "1", "groups": ["g"], "extra": {"x": ["y"]}}
        return {"authenticated": True, "user": user, "audiences": [AUDIENCE]}

    def _access(self, spec: dict[str, Any]) -> dict[str, Any]:
        asked = spec["resourceAttributes"]
        assert (asked["group"], asked["resource"]) == ("scaleguard.io", "findings")
        assert (spec["uid"], spec["groups"], spec["extra"]) == ("1", ["g"], {"x": ["y"]})
        key = spec["user"], asked["verb"], asked["namespace"]
        everywhere = *key[:2], ""
        return {"allowed": key in self.rights or everywhere in self.rights}

    def count(self, path: str) -> int:
        return self.paths().count(path)

"""Who somebody is and what they may see: asked of the API server, never decided here."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import field
from typing import Any, Final

from webhook.audit.serving.remembered import Remembered
from webhook.cluster.api import Api
from webhook.cluster.errors import ApiError
from webhook.core.fields import mapping, sequence, text
from webhook.core.frozen import frozen

AUDIENCE: Final = "scaleguard-audit"
"""Tokens have to be made for us: one for the API server would let us act there as its owner."""

GROUP: Final = "scaleguard.io"
RESOURCE: Final = "findings"
"""What RBAC grants on it (verbs get and list) is the right to read; there is no such object."""

_SECONDS: Final = 3.0

# A token that was taken back is taken for so long; one that is refused is soon asked about again.
_TOKEN_SECONDS: Final = 60.0
_REFUSED_SECONDS: Final = 5.0
_RIGHT_SECONDS: Final = 10.0
_MOST: Final = 1000

_TOKEN_REVIEWS: Final = "/apis/authentication.k8s.io/v1/tokenreviews"  # noqa: S105 - a path
_ACCESS_REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class CannotTellError(Exception):
    """The API server does not say who this is or what they may: the same may succeed later."""


@frozen
class User:
    """Who asks, as the API server knows them."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict, compare=False)


NOBODY: Final = User("")
"""Whose token is good for nothing."""


class Access:
    """Asks the API server, and remembers its answers for a while."""

    def __init__(self, api: Api, clock: Callable[[], float] | None = None) -> None:
        self._api = api
        at = () if clock is None else (clock,)
        self._users: Remembered[User] = Remembered(_MOST, *at)
        self._rights: Remembered[bool] = Remembered(_MOST, *at)

    def who(self, token: str) -> User | None:
        """Return whose token this is; None where it is no good one. Raises `CannotTellError`."""
        key = hashlib.sha256(token.encode()).digest()
        known = self._users.get(key)
        if known is None:
            known = self._user(token)
            self._users.put(key, known, _REFUSED_SECONDS if known is NOBODY else _TOKEN_SECONDS)
        return None if known is NOBODY else known

    def may(self, user: User, verb: str, namespace: str) -> bool:
        """Whether a user may read findings in a namespace (empty: in all); `CannotTellError`."""
        key = user, json.dumps(user.extra, sort_keys=True), verb, namespace
        known = self._rights.get(key)
        if known is None:
            known = self._right(user, verb, namespace)
            self._rights.put(key, known, _RIGHT_SECONDS)
        return known

    def _user(self, token: str) -> User:
        status = self._ask(
            _TOKEN_REVIEWS,
            "authentication.k8s.io/v1",
            "TokenReview",
            {"token": token, "audiences": [AUDIENCE]},
        )
        user = mapping(status, "user")
        name = text(user, "username")
        # An API server that knows nothing of audiences answers without them.
        if (
            status.get("authenticated") is not True
            or AUDIENCE not in sequence(status, "audiences")
            or not name
        ):
            return NOBODY
        groups = tuple(one for one in sequence(user, "groups") if isinstance(one, str))
        return User(name, text(user, "uid"), groups, dict(mapping(user, "extra")))

    def _right(self, user: User, verb: str, namespace: str) -> bool:
        attributes = {"group": GROUP, "resource": RESOURCE, "verb": verb, "namespace": namespace}
        who = {"user": user.name, "uid": user.uid, "groups": user.groups, "extra": user.extra}
        status = self._ask(
            _ACCESS_REVIEWS,
            "authorization.k8s.io/v1",
            "SubjectAccessReview",
            {**who, "resourceAttributes": attributes},
        )
        return status.get("allowed") is True and status.get("denied") is not True

    def _ask(self, path: str, version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._api.create(
                path, {"apiVersion": version, "kind": kind, "spec": spec}, _SECONDS
            )
        except ApiError as error:
            raise CannotTellError(f"{kind}: {error}") from error
        return dict(mapping(answer, "status"))

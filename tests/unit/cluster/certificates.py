"""An API server with a Secret and webhook configurations, for tests of certificates."""

import base64
import copy
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jsonpatch

from certs.pair import Bundle
from webhook.cluster.certificate_objects import CertificateSecret
from webhook.cluster.certificates import Keeper, Keeping, prepare
from webhook.cluster.errors import ApiError

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRETS = "/api/v1/namespaces/guard/secrets"
SECRET = f"{SECRETS}/certificate"
CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1"
VALIDATING = f"{CONFIGURATIONS}/validatingwebhookconfigurations/scaleguard"
MUTATING = f"{CONFIGURATIONS}/mutatingwebhookconfigurations/scaleguard"


class FakeApi:
    """An API server with a few objects, their versions, and what it is told to refuse."""

    def __init__(self, *paths: str) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.refused: dict[tuple[str, str], ApiError] = {}
        self.before_write: Callable[[], None] = lambda: None
        self.writes: list[str] = []
        self._lock = threading.Lock()
        for path in paths:
            webhooks: list[dict[str, Any]] = [
                {"name": name, "clientConfig": {}} for name in ("one", "two")
            ]
            self.put(path, {} if path == SECRET else {"webhooks": webhooks})

    def put(self, path: str, raw: dict[str, Any]) -> dict[str, Any]:
        version = int(self.objects.get(path, {}).get("metadata", {}).get("resourceVersion", "0"))
        self.objects[path] = raw | {"metadata": {"resourceVersion": str(version + 1)}}
        return self.objects[path]

    def get(self, path: str, _seconds: float, /) -> dict[str, Any]:
        self._refuse("get", path)
        with self._lock:
            if path not in self.objects:
                raise ApiError(404, "NotFound")
            return copy.deepcopy(self.objects[path])

    def create(self, path: str, raw: dict[str, Any], _seconds: float, /) -> dict[str, Any]:
        self._refuse("create", path)
        self.before_write()
        target = f"{path}/{raw['metadata']['name']}"
        with self._lock:
            if target in self.objects:
                raise ApiError(409, "AlreadyExists")
            self.writes.append(target)
            return self.put(target, raw)

    def patch(
        self, path: str, patch: dict[str, Any] | list[dict[str, Any]], _seconds: float, /
    ) -> dict[str, Any]:
        self._refuse("patch", path)
        self.before_write()
        with self._lock:
            found = self.objects[path]
            self.writes.append(path)
            if isinstance(patch, list):
                return self.put(path, jsonpatch.apply_patch(found, patch))
            if patch["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
                self.writes.pop()
                raise ApiError(409, "Conflict")
            return self.put(path, found | {"data": found.get("data", {}) | patch["data"]})

    def _refuse(self, verb: str, path: str) -> None:
        if (verb, path) in self.refused:
            raise self.refused[verb, path]

    def bundle(self) -> Bundle:
        return CertificateSecret(self, "guard", "certificate").read()[0]

    def trusted(self, path: str = VALIDATING) -> set[bytes]:
        return {
            base64.b64decode(webhook["clientConfig"].get("caBundle", ""))
            for webhook in self.objects[path]["webhooks"]
        }


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def make(api: FakeApi, keeping: Keeping, clock: Callable[[], datetime] | None = None) -> Keeper:
    clock = clock or Clock()
    return Keeper(api, keeping, clock, prepare(keeping, clock()))


def run(keeper: Keeper, rounds: int) -> list[float]:
    """Run some rounds; the seconds that were waited after each."""
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) == rounds

    keeper.run(wait)
    return waited

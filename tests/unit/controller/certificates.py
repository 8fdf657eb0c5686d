"""An API server with Secrets and webhook configurations, and those who serve what is mounted."""

import base64
import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import jsonpatch
from prometheus_client import CollectorRegistry

from certs.authority import Names
from certs.inspection import CertificateInfo, inspect
from certs.kept import PATH_FILES
from certs.pair import Bundle, Pair
from certs.plan import is_signed
from webhook.cluster.errors import ApiError
from webhook.controller.certificate_counters import CertificateCounters
from webhook.controller.certificates import Certificates, Keeping

if TYPE_CHECKING:
    from webhook.cluster.api import Api

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRETS = "/api/v1/namespaces/guard/secrets"
AUTHORITY, CERTIFICATE, PATH = (
    f"{SECRETS}/scaleguard-{what}" for what in ("authority", "certificate", "path")
)
CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1"
VALIDATING = f"{CONFIGURATIONS}/validatingwebhookconfigurations/scaleguard"
MUTATING = f"{CONFIGURATIONS}/mutatingwebhookconfigurations/scaleguard"
OVERLAP = timedelta(seconds=300)


class FakeApi:
    """An API server with a few objects, their versions, and what it is told to refuse."""

    def __init__(self, *paths: str) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.refused: dict[tuple[str, str], ApiError] = {}
        self.before_write: Callable[[], None] = lambda: None
        self.writes: list[str] = []
        self.now: datetime | None = START
        for path in paths or (AUTHORITY, CERTIFICATE, PATH, VALIDATING, MUTATING):
            self.put(path, {} if path.startswith(SECRETS) else configuration())

    def put(self, path: str, raw: dict[str, Any]) -> dict[str, Any]:
        before = self.objects.get(path, {}).get("metadata", {})
        version = str(int(before.get("resourceVersion", "0")) + 1)
        metadata = {**raw.get("metadata", {}), "resourceVersion": version}
        self.objects[path] = {**raw, "metadata": metadata}
        return copy.deepcopy(self.objects[path])

    def time(self, _seconds: float, /) -> datetime | None:
        return self.now

    def get(self, path: str, _seconds: float, /) -> dict[str, Any]:
        self._refuse("get", path)
        if path not in self.objects:
            raise ApiError(404, "NotFound")
        return copy.deepcopy(self.objects[path])

    def patch(
        self, path: str, patch: dict[str, Any] | list[dict[str, Any]], _seconds: float, /
    ) -> dict[str, Any]:
        self._refuse("patch", path)
        self.before_write()
        found = self.objects[path]
        patched = (
            jsonpatch.apply_patch(found, patch) if isinstance(patch, list) else merged(found, patch)
        )
        if patched["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
            raise ApiError(409, "Conflict")
        self.writes.append(path)
        return self.put(path, cast("dict[str, Any]", patched))

    def _refuse(self, verb: str, path: str) -> None:
        if (verb, path) in self.refused:
            raise self.refused[verb, path]

    # ------------------------------------------------------------ what tests look at

    def held(self, path: str) -> dict[str, bytes]:
        data = self.objects[path].get("data", {})
        return {name: base64.b64decode(value) for name, value in data.items()}

    def fill(self, path: str, data: dict[str, bytes]) -> None:
        written = {name: base64.b64encode(value).decode() for name, value in data.items()}
        self.put(path, {**self.objects[path], "data": written})

    def clients(self, path: str = VALIDATING) -> Iterator[tuple[bytes, str]]:
        """The authorities and the path that each webhook is asked with."""
        for webhook in self.objects.get(path, {}).get("webhooks", ()):
            client = webhook["clientConfig"]
            bundle = base64.b64decode(client.get("caBundle", ""))
            yield bundle, client["service"].get("path", "")


def configuration() -> dict[str, Any]:
    service = {"name": "scaleguard", "namespace": "guard"}
    return {
        "webhooks": [
            {"name": name, "clientConfig": {"service": dict(service)}} for name in ("one", "two")
        ]
    }


def merged(into: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(into) if isinstance(into, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@dataclass
class Kept:
    """A controller's keeping of certificates at a time that tests set."""

    api: FakeApi
    keeping: Keeping
    now: datetime = START
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        counters = CertificateCounters(self.registry)
        api = cast("Api", self.api)
        self.certificates = Certificates(
            api, self.keeping, lambda: True, counters, lambda: self.now
        )

    def round(self, after: timedelta = timedelta()) -> bool:
        self.now += after
        if self.api.now is not None:
            self.api.now = self.now
        return self.certificates.attempt()

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def ask(self, what: str) -> None:
        raw = self.api.objects[AUTHORITY]
        metadata = {**raw["metadata"], "annotations": {"scaleguard.io/rotate": what}}
        self.api.put(AUTHORITY, {**raw, "metadata": metadata})

    @property
    def is_asked(self) -> bool:
        return bool(self.api.objects[AUTHORITY]["metadata"].get("annotations"))


@dataclass
class Replica:
    """A webhook that serves what its kubelet handed on, some time after it was written."""

    api: FakeApi
    leaf: bytes = b""
    segments: frozenset[str] = frozenset()

    def sync(self) -> None:
        leaf, paths = self.api.held(CERTIFICATE), self.api.held(PATH)
        if "tls.crt" in leaf:
            self.leaf = leaf["tls.crt"]
        found = frozenset(paths[name].decode() for name in PATH_FILES if name in paths)
        self.segments = found or self.segments

    def failure(self, now: datetime) -> str:
        """Why a review of the API server would fail here; empty where it would not."""
        for path, endpoint in ((VALIDATING, "validate"), (MUTATING, "mutate")):
            for bundle, asked_at in self.api.clients(path):
                if not is_trusted(bundle, self.leaf):
                    return "the leaf is not trusted"
                if asked_at not in {f"/{segment}/{endpoint}" for segment in self.segments}:
                    return f"nothing is answered at {asked_at}: {sorted(self.segments)}"
        info = seen(self.leaf)
        return "" if info.not_before <= now < info.not_after else "the leaf is out of time"


@functools.cache
def is_trusted(bundle: bytes, leaf: bytes) -> bool:
    end = b"-----END CERTIFICATE-----\n"
    authorities = [part + end for part in bundle.split(end) if part]
    return any(is_signed(Bundle(Pair(one), Pair(leaf))) for one in authorities)


@functools.cache
def seen(leaf: bytes) -> CertificateInfo:
    return inspect(leaf)


def names() -> Names:
    return Names.of(["scaleguard.guard.svc"])

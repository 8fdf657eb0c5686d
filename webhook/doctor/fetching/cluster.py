"""The API server as the doctor asks it: what is withheld is told, and hinders nothing else."""

import json
from http import HTTPStatus
from typing import Any

from webhook.cluster.api import Api
from webhook.cluster.discovery import versions
from webhook.cluster.errors import ApiError
from webhook.cluster.resources import Resource
from webhook.cluster.rights import Right
from webhook.core.fields import Raw, mapping
from webhook.errors import ScaleguardError

SECONDS = 5.0

MUTATING = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    namespaced=False,
)
VALIDATING = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
CONFIGURATIONS = (MUTATING, VALIDATING)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
PODS = Resource("", "v1", "pods", "Pod")
SECRETS = Resource("", "v1", "secrets", "Secret")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
API_SERVICES = Resource(
    "apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False
)
_REVIEWS = "/apis/authorization.k8s.io/v1"
_PROXY = "/api/v1/namespaces/{}/services/https:{}:{}/proxy{}"


class UnseenError(Exception):
    """Something could not be looked at; the message says what is missing."""


class Cluster:
    """Reads, reviews and dry runs; nothing of it is kept."""

    def __init__(self, api: Api) -> None:
        self.api = api

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return self.api.server

    def reach(self) -> None:
        """Raise `ScaleguardError` where nothing at all can be had of the API server."""
        try:
            reply = self.api.ask("GET", "/version", SECONDS)
        except ApiError as error:
            raise ScaleguardError(f"{self.server} does not answer: {error}") from error
        if reply.status == HTTPStatus.UNAUTHORIZED:
            raise ScaleguardError(f"{self.server} does not know who asks: log in again")

    def get(self, resource: Resource, namespace: str | None, name: str) -> Raw | None:
        """Return an object, None where there is none; raises `UnseenError`."""
        place = f" in namespace {namespace}" if namespace else ""
        try:
            return {"kind": resource.kind, **self.api.get(resource.path(namespace, name), SECONDS)}
        except ApiError as error:
            if error.is_absent:
                return None
            raise _unseen(error, f"get {resource} {name}{place}") from error

    def all(self, resource: Resource, namespace: str | None = None, labels: str = "") -> list[Raw]:
        """Return objects, none where the resource is not served; raises `UnseenError`."""
        place = f" in namespace {namespace}" if namespace else ""
        try:
            path = resource.path(namespace)
            found = self.api.list(path, dict, SECONDS, seconds=4 * SECONDS, labels=labels).items
        except ApiError as error:
            if error.is_absent:
                return []
            raise _unseen(error, f"list {resource}{place}") from error
        return [{"kind": resource.kind, **one} for one in found]

    def versions(self, group: str) -> list[str]:
        """Return the versions of an API group, none where it is not served."""
        try:
            return versions(self.api.get(f"/apis/{group}", SECONDS))
        except ApiError as error:
            if error.is_absent:
                return []
            raise _unseen(error, f"get the API group {group}") from error

    def may(self, right: Right) -> bool:
        """Whether the caller has a right; raises `UnseenError`."""
        return self._reviewed("SelfSubjectAccessReview", {"resourceAttributes": _asked(right)})

    def allowed(self, namespace: str, account: str, right: Right) -> bool:
        """Whether a ServiceAccount has a right; raises `UnseenError`."""
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
        spec = {
            "user": f"system:serviceaccount:{namespace}:{account}",
            "groups": [*groups, "system:authenticated"],
            "resourceAttributes": _asked(right),
        }
        return self._reviewed("SubjectAccessReview", spec)

    def try_out(
        self, resource: Resource, namespace: str, raw: dict[str, Any]
    ) -> tuple[int, dict[str, Any], tuple[str, ...]]:
        """Create an object by dry run: the answer's status, body and warnings.

        Raises `UnseenError` where that is not allowed.
        """
        path, query = resource.path(namespace), {"dryRun": "All"}
        right = Right("create", resource.group, resource.plural, namespace)
        if not self.may(right):
            raise UnseenError(f"you may not {right} in namespace {namespace}, not even by dry run")
        try:
            reply = self.api.ask("POST", path, 4 * SECONDS, query, raw)
        except ApiError as error:
            raise UnseenError(f"{self.server}: {error}") from error
        return reply.status, _object(reply.body), reply.warnings

    def through_proxy(
        self, namespace: str, service: str, port: int, path: str
    ) -> tuple[int, bytes]:
        """Ask a Service by HTTPS through the API server; raises `UnseenError`."""
        right = Right("get", "", "services/proxy", namespace)
        if not self.may(right):
            raise UnseenError(f"you may not {right} in namespace {namespace}")
        asked = _PROXY.format(namespace, service, port, path)
        try:
            reply = self.api.ask("GET", asked, 4 * SECONDS)
        except ApiError as error:
            raise UnseenError(f"{self.server}: {error}") from error
        return reply.status, reply.body

    def _reviewed(self, kind: str, spec: dict[str, Any]) -> bool:
        raw = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
        path = f"{_REVIEWS}/{kind.lower()}s"
        try:
            answered = self.api.create(path, raw, SECONDS)
        except ApiError as error:
            raise _unseen(error, f"create {kind.lower()}s.authorization.k8s.io") from error
        return mapping(answered, "status").get("allowed") is True


def _asked(right: Right) -> dict[str, str]:
    resource, _, part = right.resource.partition("/")
    asked = {"verb": right.verb, "group": right.group, "resource": resource}
    more = {"subresource": part, "namespace": right.namespace, "name": right.name}
    return asked | {key: value for key, value in more.items() if value}


def _unseen(error: ApiError, right: str) -> UnseenError:
    if error.is_forbidden:
        return UnseenError(f"you may not {right}")
    return UnseenError(f"{right}: {error}")


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

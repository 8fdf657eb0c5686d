"""AdmissionReview v1 in: what the API server asks, or why it is no such question."""

from functools import cached_property
from reprlib import repr as brief  # what is quoted may be megabytes, and a fault is logged
from typing import Any

from webhook.core.autoscalers.kinds import AUTOSCALERS
from webhook.core.fields import Raw, mapping, sequence, text
from webhook.core.frozen import frozen
from webhook.core.objects import GroupKind, kind_of
from webhook.core.world import Autoscaler, read_autoscalers

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"

# Directories put people into hundreds; which ones the rest are is of no use to anybody here.
MOST_GROUPS = 64

OPERATIONS = frozenset({"CREATE", "UPDATE", "DELETE", "CONNECT"})


class BadReview(Exception):  # noqa: N818 - an outcome with a name of its own
    """The body is no AdmissionReview that can be answered; the message says what is wrong."""


@frozen(slots=False)
class Request:
    """The request of an AdmissionReview."""

    uid: str
    operation: str
    group_kind: GroupKind
    sub_resource: str
    namespace: str
    name: str
    user: str
    object: Raw
    old_object: Raw
    dry_run: bool
    groups: tuple[str, ...] = ()
    """Those that the user is in."""

    @cached_property
    def autoscalers(self) -> tuple[Autoscaler, ...]:
        """Every autoscaler that the object is or brings along."""
        return read_autoscalers(self.object)

    @property
    def autoscaler(self) -> Autoscaler | None:
        """The one that the object is itself."""
        is_one = self.group_kind in AUTOSCALERS
        return next(iter(self.autoscalers), None) if is_one else None


def read_review(body: Any) -> Request:
    """Read a decoded AdmissionReview; raises `BadReview` with what is missing or wrong."""
    if not isinstance(body, dict):
        raise BadReview(f"the body is not a JSON object but {_type_name(body)}")
    _expect(body, "kind", KIND)
    _expect(body, "apiVersion", API_VERSION)
    request = body.get("request")
    if not isinstance(request, dict):
        raise BadReview("the AdmissionReview has no request")
    uid, operation = request.get("uid"), text(request, "operation")
    if not isinstance(uid, str) or not uid:
        raise BadReview("request.uid is missing or not a string")
    if operation not in OPERATIONS:
        said, known = brief(request.get("operation")), ", ".join(sorted(OPERATIONS))
        raise BadReview(f"request.operation is {said}, not one of {known}")
    kind = mapping(request, "kind")
    if not text(kind, "kind"):
        raise BadReview("request.kind.kind is missing or not a string")
    namespace, groups = text(request, "namespace"), sequence(mapping(request, "userInfo"), "groups")
    asked = Request(
        uid,
        operation,
        GroupKind(text(kind, "group"), text(kind, "kind")),
        text(request, "subResource"),
        namespace,
        text(request, "name"),
        text(mapping(request, "userInfo"), "username"),
        _object(request, "object", namespace, operation),
        _object(request, "oldObject", namespace, "" if operation != "UPDATE" else operation),
        request.get("dryRun") is True,
        tuple(one for one in groups[:MOST_GROUPS] if isinstance(one, str)),
    )
    _expect_kind(asked)
    return asked


def _expect_kind(asked: Request) -> None:
    """Refuse an object that is another than the request says: nobody would have judged it."""
    found = kind_of(asked.object)
    if asked.operation in {"CREATE", "UPDATE"} and found != asked.group_kind:
        is_found = found.kind[:64] or "thing without a kind"
        raise BadReview(
            f"request.object is a {is_found} of group {brief(found.group)}, not the "
            f"{asked.group_kind.kind[:64]} of group {brief(asked.group_kind.group)} of request.kind"
        )


def _object(request: Raw, name: str, namespace: str, operation: str) -> Raw:
    """Read an object of the request, in the request's namespace; creates and updates carry it."""
    raw = request.get(name)
    if operation in {"CREATE", "UPDATE"} and not isinstance(raw, dict):
        raise BadReview(f"request.{name} is missing or not an object")
    if not isinstance(raw, dict):
        return {}
    metadata = raw.get("metadata")
    if not namespace or not isinstance(metadata, dict) or metadata.get("namespace") == namespace:
        return raw  # patches are made for what was sent: metadata that it lacks is not made up
    return raw | {"metadata": {**metadata, "namespace": namespace}}


def _expect(body: Raw, field: str, value: str) -> None:
    if body.get(field) != value:
        raise BadReview(
            f"{field} is {brief(body.get(field))}; this webhook answers {KIND} of {API_VERSION}"
        )


def _type_name(value: object) -> str:
    names = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")

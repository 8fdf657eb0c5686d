"""What each program may have to do in a cluster: the roles give this, and nothing else."""

from collections.abc import Iterator

from webhook.cluster.fresh import RESOURCES
from webhook.cluster.resources import (
    AUTOSCALERS,
    BUDGETS,
    CLAIMS,
    EVENTS,
    FOLLOWED,
    INFERENCE_SERVICES,
    LEASES,
    LIMIT_RANGES,
    NAMESPACES,
    NODES,
    RESOURCE_QUOTAS,
    SERVICES,
    VPAS,
    WATCHED,
    between,
    targets,
)
from webhook.core.frozen import frozen
from webhook.core.kinds import Kinds, plural
from webhook.core.objects import GroupKind

_FOLLOW = ("list", "watch")


@frozen
class Right:
    """A verb on a resource: over all namespaces where none is named."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    """Of one object, where the right is held to it."""

    def __str__(self) -> str:
        """Name it as RBAC and kubectl do."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource}/{self.name}" if self.name else f"{self.verb} {resource}"


def webhook_rights(known: Kinds, namespace: str = "") -> Iterator[Right]:
    """What `scaleguard webhook` does; Leases in a namespace."""
    for one in (*WATCHED, *FOLLOWED):
        yield from _rights(_FOLLOW, one.group, one.plural)
    for one in RESOURCES.values():
        yield Right("get", one.group, one.plural)
    yield from _read(*targets(known), *between(known), *CLAIMS)
    yield from _rights(("get", "create", "patch"), EVENTS.group, EVENTS.plural)
    yield Right("create", LEASES.group, LEASES.plural, namespace)


def controller_rights(known: Kinds, namespace: str = "", *, scans: bool) -> Iterator[Right]:
    """What `scaleguard controller` does; `scans`: it judges what exists, for the audit."""
    followed = [*AUTOSCALERS, INFERENCE_SERVICES, NAMESPACES, LIMIT_RANGES, NODES]
    followed += [BUDGETS, RESOURCE_QUOTAS, SERVICES] if scans else []
    for one in followed:
        yield from _rights(_FOLLOW, one.group, one.plural)
    for kind in targets(known):
        yield from _rights(_FOLLOW, kind.group, plural(kind.kind))
    yield from _read(*between(known), *CLAIMS)
    yield from _rights(("create", "patch", "delete"), VPAS.group, VPAS.plural)
    yield Right("manage", "scaleguard.io", VPAS.plural)
    yield from _rights(("get", "create", "patch"), EVENTS.group, EVENTS.plural)
    yield Right("create", LEASES.group, LEASES.plural, namespace)


def configuration_rights(name: str, *verbs: str) -> Iterator[Right]:
    """What is done with the webhook configurations of a release."""
    for kind in ("mutating", "validating"):
        for verb in verbs:
            resource = f"{kind}webhookconfigurations"
            yield Right(verb, "admissionregistration.k8s.io", resource, name=name)


def secret_rights(namespace: str, *names: str) -> Iterator[Right]:
    """What the controller does with the Secrets in which it keeps certificates and paths."""
    for name in names:
        for verb in ("get", "patch"):
            yield Right(verb, "", "secrets", namespace, name)


def audit_rights() -> Iterator[Right]:
    """What `scaleguard audit` does: it asks who somebody is, and what they may see."""
    yield Right("create", "authentication.k8s.io", "tokenreviews")
    yield Right("create", "authorization.k8s.io", "subjectaccessreviews")


def _read(*kinds: GroupKind) -> Iterator[Right]:
    for kind in kinds:
        yield Right("get", kind.group, plural(kind.kind))


def _rights(verbs: tuple[str, ...], group: str, resource: str) -> Iterator[Right]:
    for verb in verbs:
        yield Right(verb, group, resource)

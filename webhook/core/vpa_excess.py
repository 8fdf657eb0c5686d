"""A bound of a VPA beyond something that says how much a container or a pod may have."""

from typing import Any

from webhook.core import quantity
from webhook.core.autoscalers.vpa import ANY_CONTAINER, ContainerPolicy, Vpa
from webhook.core.frozen import frozen
from webhook.core.objects import ObjectRef
from webhook.core.patch import Operation
from webhook.core.pod import COMPUTE_RESOURCES, CPU
from webhook.core.vpa_writes import MAX_ALLOWED, MIN_ALLOWED, allowed

# A document has room for a few; a person mends one after the other.
MOST_FOUND = 16


@frozen
class Limit:
    """Something that says how much a container or a pod may have."""

    kind: str
    name: str
    per: str
    resource: str
    of: str
    """What it counts: `requests`, `limits`, or `both` of them each."""
    nanos: int
    ref: ObjectRef | None = None
    """The object that says so; None for nodes, of which one stands for many."""


@frozen
class Excess:
    """A bound of a VPA beyond a limit."""

    limit: Limit
    field: str
    policies: tuple[tuple[str, ContainerPolicy], ...]
    """The containers whose policies say so, with these."""
    asked: int
    of: str
    """What is asked for: `requests` or `limits`."""
    capped: bool
    """Whether VPA itself stays within the limit."""
    set_to: int | None
    """What the field could be set to; None where several share what is too much."""
    patch: tuple[Operation, ...] = ()

    @property
    def path(self) -> str:
        """The first of the fields."""
        return f"{self.policies[0][1].path}.{self.field}"

    @property
    def containers(self) -> tuple[str, ...]:
        """The containers, as far as they are known."""
        return tuple(name for name, _ in self.policies if name != ANY_CONTAINER)

    def document(self) -> dict[str, Any]:
        """What rules read of it."""
        resource = self.limit.resource
        return {
            "type": "vpa-limit",
            "resource": resource,
            "field": self.field,
            "values": [
                {"container": name, "value": written(resource, allowed(one, self.field, resource))}
                for name, one in self.policies
            ],
            "asked": written(resource, self.asked),
            "of": self.of,
            "limit": {
                "kind": self.limit.kind,
                "name": self.limit.name,
                "per": self.limit.per,
                "most": written(resource, self.limit.nanos),
            },
            "capped": self.capped,
            "over": written(resource, self.asked - self.limit.nanos),
            "setTo": written(resource, self.set_to) if self.set_to is not None else None,
        }


def written(resource: str, nanos: int) -> str:
    """Write an amount as people do."""
    return quantity.cpu(nanos) if resource == CPU else quantity.memory(nanos)


def inverted(vpa: Vpa) -> list[dict[str, Any]]:
    """List the policies whose minAllowed is more than their maxAllowed.

    VPA's own webhook refuses them (`validateVPASpecResourcePolicy`); where it is not there,
    maxAllowed is what counts (`applyVPAPolicy`).
    """
    found = []
    for policy in vpa.policies:
        for resource in COMPUTE_RESOURCES:
            least, most = (allowed(policy, one, resource) for one in (MIN_ALLOWED, MAX_ALLOWED))
            if most and least > most:
                found.append(
                    {
                        "path": f"{policy.path}.{MAX_ALLOWED}",
                        "container": policy.name,
                        "resource": resource,
                        "least": written(resource, least),
                        "most": written(resource, most),
                    }
                )
    return found[:MOST_FOUND]

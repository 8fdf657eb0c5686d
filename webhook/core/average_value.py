"""Whether an HPA on an average value may share a resource with a VPA: what of that holds.

Such a target compares plain usage, so the request is not in the loop. What is left is that the VPA
starves pods so far that their usage never reaches the target: by a limit, which it moves together
with the request, or by requests below the target, which a full node then holds them to.
"""

from typing import Any

from webhook.core import quantity
from webhook.core.autoscalers.scaler import MetricClaim, TargetType
from webhook.core.autoscalers.vpa import Vpa
from webhook.core.fields import Raw, mapping, text
from webhook.core.frozen import frozen
from webhook.core.pod import CPU, Container, Role, containers, has_pod_level_resources

REQUESTS_ONLY = "RequestsOnly"


@frozen
class Conditions:
    """What of the conditions does not hold on the templates of a workload."""

    unset: tuple[str, ...]
    """The containers for which the VPA does not say RequestsOnly: it would move their limits."""
    limited: tuple[str, ...]
    """The containers that have a limit of the resource."""
    least: int
    """What the containers request together at least, in nanos."""
    is_enough: bool

    def as_json(self, resource: str) -> dict[str, Any]:
        """Write down what rules read."""
        shown = quantity.cpu(self.least) if resource == CPU else quantity.memory(self.least)
        return {
            "unset": list(self.unset),
            "limited": list(self.limited),
            "least": shown,
            "enough": self.is_enough,
        }


def conditions(claim: MetricClaim, vpa: Vpa, pods: tuple[Raw, ...]) -> Conditions | None:
    """Look the conditions up; None where they are not asked for, or nobody can tell.

    Of several versions of a workload (overlays) each has to fulfil them.
    """
    target = quantity.parse(claim.target)
    asked = claim.target_type is TargetType.AVERAGE_VALUE and target is not None
    if not asked or target is None or not pods or any(map(has_pod_level_resources, pods)):
        return None
    running = [_covered(pod, claim) for pod in pods]
    everywhere = list({one.name: one for own in running for one in own}.values())
    controlled = [one for one in everywhere if _is_controlled(one, vpa, claim.resource)]
    limited = {one.name for own in running for one in own if one.limit(claim.resource) is not None}
    least = min(sum(_least(one, vpa, claim.resource) for one in own) for own in running)
    return Conditions(
        tuple(one.name for one in controlled if _values(vpa, one.name) != REQUESTS_ONLY),
        tuple(one.name for one in everywhere if one.name in limited),
        least,
        least >= target,
    )


def _covered(pod: Raw, claim: MetricClaim) -> list[Container]:
    """The containers whose usage the metric reads: not those that end before the others start."""
    return [
        one
        for one in containers(pod)
        if one.role is not Role.INIT and claim.container in {None, one.name}
    ]


def _is_controlled(container: Container, vpa: Vpa, resource: str) -> bool:
    return container.role is Role.REGULAR and vpa.controls(container.name, resource)


def _values(vpa: Vpa, container: str) -> str:
    policy = vpa.policy(container)
    return text(policy.raw, "controlledValues") if policy is not None else ""


def _least(container: Container, vpa: Vpa, resource: str) -> int:
    """What a container requests at least: minAllowed where the VPA decides, else its request."""
    if not _is_controlled(container, vpa, resource):
        return quantity.parse(container.request(resource)) or 0
    policy = vpa.policy(container.name)
    least = mapping(policy.raw, "minAllowed").get(resource) if policy is not None else None
    return quantity.parse(least) or 0

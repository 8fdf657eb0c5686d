"""The fix of a same-metric conflict: the VPA gives up what the scaler reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from webhook.core.autoscalers.scaler import MetricClaim
from webhook.core.autoscalers.vpa import ANY_CONTAINER, MODE_OFF, ContainerPolicy, Vpa, resources
from webhook.core.patch import END, Addition, Operation, operations
from webhook.core.pod import COMPUTE_RESOURCES
from webhook.core.workload import ContainerSet

_POLICIES = ("spec", "resourcePolicy", "containerPolicies")


@dataclass(frozen=True, slots=True)
class Fix:
    """Operations on the VPA, and in words what they set."""

    patch: list[Operation]
    summary: str


@dataclass(frozen=True, slots=True)
class _Change:
    """What one container policy controls afterwards; a policy that is not there yet is added."""

    container: str
    policy: ContainerPolicy | None
    left: tuple[str, ...]
    copied_from: ContainerPolicy | None = None


def complement(
    vpa: Vpa,
    contested: Mapping[str, Sequence[MetricClaim]],
    containers: ContainerSet | None,
) -> Fix | None:
    """Make the VPA leave the contested resources to the scaler, container by container.

    `contested` holds, for each resource, the metrics that meet the VPA. A named policy inherits
    nothing from `*`, so a new one carries over what `*` says. Where nothing is left to control,
    the fix is mode Off, which keeps the recommendations readable.
    """
    if not any(contested.values()):
        return None
    changes = [change for change in _changes(vpa, contested, containers) if _differs(vpa, change)]
    if _nothing_left(vpa, changes, containers):
        additions = [Addition(("spec", "updatePolicy", "updateMode"), MODE_OFF)]
        return Fix(operations({"spec": vpa.raw}, additions), f'updateMode: "{MODE_OFF}"')
    summary = ", ".join(
        f'controlledResources: [{", ".join(change.left)}] for container "{change.container}"'
        for change in changes
    )
    patch = operations({"spec": vpa.raw}, (_addition(change) for change in changes))
    return Fix(patch, summary)


def _changes(
    vpa: Vpa, contested: Mapping[str, Sequence[MetricClaim]], containers: ContainerSet | None
) -> Iterator[_Change]:
    """List what each policy has to give up: named ones, then `*`, then containers without any."""
    names = None if containers is None else set(containers.regular)
    for policy in vpa.named:
        if names is None or policy.name in names:
            yield _Change(policy.name, policy, _left(policy, _claimed(contested, policy.name)))
    for_all = _claimed(contested, None)
    if for_all and (names is None or names - {policy.name for policy in vpa.named}):
        yield _Change(ANY_CONTAINER, vpa.wildcard, _left(vpa.wildcard, for_all))
    single = sorted(
        {claim.container for claims in contested.values() for claim in claims if claim.container}
    )
    for name in single:
        more = _claimed(contested, name)
        if more != for_all and all(policy.name != name for policy in vpa.named):
            yield _Change(name, None, _left(vpa.wildcard, more), copied_from=vpa.wildcard)


def _claimed(contested: Mapping[str, Sequence[MetricClaim]], container: str | None) -> set[str]:
    """The resources that metrics read of a container; of every container where it is None."""
    return {
        resource
        for resource, claims in contested.items()
        if any(claim.container in {None, container} for claim in claims)
    }


def _left(policy: ContainerPolicy | None, given_up: set[str]) -> tuple[str, ...]:
    kept = resources(policy) - given_up
    return tuple(resource for resource in COMPUTE_RESOURCES if resource in kept)


def _differs(vpa: Vpa, change: _Change) -> bool:
    return set(change.left) != resources(change.policy or vpa.wildcard)


def _nothing_left(vpa: Vpa, changes: Sequence[_Change], containers: ContainerSet | None) -> bool:
    """Whether the VPA would control nothing any more, so that it has no work left."""
    after = {policy.name: set(policy.resources) for policy in vpa.policies}
    after |= {change.container: set(change.left) for change in changes}
    rest = after.pop(ANY_CONTAINER, set(COMPUTE_RESOURCES))
    if containers is None:
        return not rest and not any(after.values())
    return not any(after.get(name, rest) for name in containers.regular)


def _addition(change: _Change) -> Addition:
    if change.policy is not None:
        path = (*_POLICIES, change.policy.index, "controlledResources")
        return Addition(path, list(change.left))
    inherited = change.copied_from.raw if change.copied_from is not None else {}
    member = {
        **inherited,
        "containerName": change.container,
        "controlledResources": list(change.left),
    }
    return Addition((*_POLICIES, END), member)

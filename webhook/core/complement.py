"""The fix of a same-metric conflict: the VPA gives up what the scaler reads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from webhook.core.autoscalers.scaler import MetricClaim
from webhook.core.autoscalers.vpa import ANY_CONTAINER, MODE_OFF, ContainerPolicy, Vpa, resources
from webhook.core.patch import END, Addition, Operation, operations, removal
from webhook.core.pod import COMPUTE_RESOURCES, CPU
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
    the fix is mode Off, which keeps the recommendations readable. A startupBoost would go on
    writing cpu: it ends with that.
    """
    given_up = _by_container(contested)
    if not given_up:
        return None
    boosts = _boosts(vpa, given_up, containers)
    changes = [change for change in _changes(vpa, given_up, containers) if _differs(vpa, change)]
    if _nothing_left(vpa, changes, containers):
        additions = [Addition(("spec", "updatePolicy", "updateMode"), MODE_OFF)]
        summary = f'updateMode: "{MODE_OFF}"'
    else:
        additions = [_addition(change, boosts=not boosts) for change in changes]
        summary = ", ".join(
            f'controlledResources: [{", ".join(change.left)}] for container "{change.container}"'
            for change in changes
        )
    patch = operations({"spec": vpa.raw}, additions)
    if not patch:
        return None
    if boosts:
        summary += f" and remove {_boosts_text(boosts)}"
    return Fix([*patch, *map(_without_boost, boosts)], summary)


_Boost = ContainerPolicy | None
"""Where a startupBoost stands: in a policy, or for the whole VPA."""


def what_boosts(vpa: Vpa, containers: Sequence[str]) -> str:
    """Say what of a VPA raises cpu at the start of containers; none: of every one to come."""
    possible = (name for name in (ANY_CONTAINER, *vpa.by_name) if vpa.boosts_cpu(name))
    return _boosts_text(_sources(vpa, containers or possible))


def _boosts_text(boosts: Iterable[_Boost]) -> str:
    return " and ".join(
        "startupBoost" if one is None else f'startupBoost of container "{one.name}"'
        for one in boosts
    )


def _without_boost(boost: _Boost) -> Operation:
    above = ("spec",) if boost is None else (*_POLICIES, boost.index)
    return removal((*above, "startupBoost"))


_GivenUp = Mapping[str | None, set[str]]
"""The resources that metrics read, by the container that they cover; None: every container."""


def _by_container(contested: Mapping[str, Sequence[MetricClaim]]) -> _GivenUp:
    given_up: dict[str | None, set[str]] = {}
    for resource, claims in contested.items():
        for claim in claims:
            given_up.setdefault(claim.container, set()).add(resource)
    return given_up


def _changes(vpa: Vpa, given_up: _GivenUp, containers: ContainerSet | None) -> Iterator[_Change]:
    """List what each policy has to give up: named ones, then `*`, then containers without any."""
    names = None if containers is None else set(containers.regular)
    for policy in vpa.named:
        if names is None or policy.name in names:
            yield _Change(policy.name, policy, _left(policy, _of(given_up, policy.name)))
    for_all = _of(given_up, None)
    if for_all and (names is None or names - vpa.by_name.keys()):
        yield _Change(ANY_CONTAINER, vpa.wildcard, _left(vpa.wildcard, for_all))
    for name in sorted(name for name in given_up if name is not None):
        more = _of(given_up, name)
        if more != for_all and name not in vpa.by_name:
            yield _Change(name, None, _left(vpa.wildcard, more), copied_from=vpa.wildcard)


def _of(given_up: _GivenUp, container: str | None) -> set[str]:
    """What a container gives up: what is read of it, and what is read of every container."""
    return given_up.get(None, set()) | given_up.get(container, set())


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


def _boosts(vpa: Vpa, given_up: _GivenUp, containers: ContainerSet | None) -> list[_Boost]:
    """The boosts of cpu that end with its control: only where all that they raise gives it up."""
    names = (ANY_CONTAINER, *vpa.by_name) if containers is None else containers.regular
    boosted = [name for name in names if vpa.boosts_cpu(name)]
    if not all(CPU in _of(given_up, name) for name in boosted):
        return []
    return _sources(vpa, boosted)


def _sources(vpa: Vpa, boosted: Iterable[str]) -> list[_Boost]:
    """Whence containers are boosted: all that has to go before they are not."""
    sources: dict[str, _Boost] = {}
    for policy in map(vpa.policy, boosted):
        own = policy if policy is not None and policy.boosts is not None else None
        sources.setdefault(own.name if own is not None else "", own)
    # What a policy no longer says, the VPA says for all.
    if sources and vpa.boosts:
        sources.setdefault("", None)
    return sorted(sources.values(), key=lambda one: -1 if one is None else one.index)


def _addition(change: _Change, *, boosts: bool) -> Addition:
    if change.policy is not None:
        path = (*_POLICIES, change.policy.index, "controlledResources")
        return Addition(path, list(change.left))
    inherited = change.copied_from.raw if change.copied_from is not None else {}
    member = {
        **{name: value for name, value in inherited.items() if boosts or name != "startupBoost"},
        "containerName": change.container,
        "controlledResources": list(change.left),
    }
    return Addition((*_POLICIES, END), member)

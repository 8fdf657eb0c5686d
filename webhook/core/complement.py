"""The fix of a same-metric conflict: the VPA gives up what the scaler reads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from webhook.core.autoscalers.scaler import MetricClaim
from webhook.core.autoscalers.vpa import ANY_CONTAINER, MODE_OFF, ContainerPolicy, Vpa, resources
from webhook.core.frozen import frozen
from webhook.core.patch import END, Addition, Operation, operations, removal
from webhook.core.pod import COMPUTE_RESOURCES, CPU
from webhook.core.workload import ContainerSet

_POLICIES = ("spec", "resourcePolicy", "containerPolicies")


@frozen
class Fix:
    """Operations on the VPA, and in words what they set."""

    patch: list[Operation]
    summary: str


@frozen
class _Change:
    """What one container policy says afterwards; a policy that is not there yet is added."""

    container: str
    policy: ContainerPolicy | None
    left: tuple[str, ...]
    ends_boost: bool
    """Whether it gives up cpu that is raised at start: a startupBoost would go on writing it."""
    copied_from: ContainerPolicy | None = None


# What a policy says against the startupBoost of its VPA. One without cpu means the same by the API,
# but VPA 1.8's admission dereferences it (`calculateBoostedCPUValue`).
_NO_BOOST = {"cpu": {"type": "Factor", "factor": 1}}
_NO_BOOST_TEXT = "startupBoost: {cpu: {type: Factor, factor: 1}}"


def complement(
    vpa: Vpa,
    contested: Mapping[str, Sequence[MetricClaim]],
    containers: ContainerSet | None,
) -> Fix | None:
    """Make the VPA leave the contested resources to the scaler, container by container.

    `contested` holds, for each resource, the metrics that meet the VPA. A named policy inherits
    nothing from `*`, so a new one carries over what `*` says. Where nothing is left to control,
    the fix is mode Off, which keeps the recommendations readable. A startupBoost ends where cpu is
    given up, and nowhere else: one that raises others as well goes on for these.
    """
    given_up = _by_container(contested)
    if not given_up:
        return None
    changes = list(_changes(vpa, given_up, containers))
    staying = _staying(vpa, given_up, containers)
    overruled = None in staying and any(change.ends_boost for change in changes)
    said = [(one, _said(vpa, one, overruled=overruled)) for one in changes]
    if _nothing_left(vpa, changes, containers) and not overruled:
        additions = [Addition(("spec", "updatePolicy", "updateMode"), MODE_OFF)]
        summary = f'updateMode: "{MODE_OFF}"'
    else:
        additions = [one for change, values in said for one in _additions(change, values)]
        summary = ", ".join(_in_words(change, values) for change, values in said if values)
    patch = operations({"spec": vpa.raw}, additions)
    if not patch:
        return None
    ended = (change.container for change in changes if change.ends_boost)
    boosts = [] if overruled else [one for one in _sources(vpa, ended) if one not in staying]
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
            yield _change(vpa, policy.name, policy, _of(given_up, policy.name))
    for_all = _of(given_up, None)
    if for_all and (names is None or names - vpa.by_name.keys()):
        yield _change(vpa, ANY_CONTAINER, vpa.wildcard, for_all)
    for name in sorted(name for name in given_up if name is not None):
        more = _of(given_up, name)
        if more != for_all and name not in vpa.by_name:
            yield _change(vpa, name, None, more)


def _of(given_up: _GivenUp, container: str | None) -> set[str]:
    """What a container gives up: what is read of it, and what is read of every container."""
    return given_up.get(None, set()) | given_up.get(container, set())


def _change(
    vpa: Vpa, container: str, policy: ContainerPolicy | None, given_up: set[str]
) -> _Change:
    before = policy or vpa.wildcard
    kept = resources(before) - given_up
    left = tuple(resource for resource in COMPUTE_RESOURCES if resource in kept)
    ends_boost = CPU in given_up and vpa.boosts_cpu(container)
    return _Change(container, policy, left, ends_boost, None if policy else before)


def _nothing_left(vpa: Vpa, changes: Sequence[_Change], containers: ContainerSet | None) -> bool:
    """Whether the VPA would control nothing any more, so that it has no work left."""
    after = {policy.name: set(policy.resources) for policy in vpa.policies}
    after |= {change.container: set(change.left) for change in changes}
    rest = after.pop(ANY_CONTAINER, set(COMPUTE_RESOURCES))
    if containers is None:
        return not rest and not any(after.values())
    return not any(after.get(name, rest) for name in containers.regular)


def _staying(vpa: Vpa, given_up: _GivenUp, containers: ContainerSet | None) -> list[_Boost]:
    """The boosts that raise a container which keeps its cpu."""
    names = (ANY_CONTAINER, *vpa.by_name) if containers is None else containers.regular
    keeping = (name for name in names if CPU not in _of(given_up, name))
    return [_source(vpa, name) for name in keeping if vpa.boosts_cpu(name)]


def _sources(vpa: Vpa, boosted: Iterable[str]) -> list[_Boost]:
    """Whence containers are boosted: all that has to go before they are not."""
    sources = {one.name if one else "": one for one in (_source(vpa, name) for name in boosted)}
    # What a policy no longer says, the VPA says for all.
    if sources and vpa.boosts:
        sources[""] = None
    return sorted(sources.values(), key=lambda one: -1 if one is None else one.index)


def _source(vpa: Vpa, boosted: str) -> _Boost:
    policy = vpa.policy(boosted)
    return policy if policy is not None and policy.boosts is not None else None


def _said(vpa: Vpa, change: _Change, *, overruled: bool) -> dict[str, Any]:
    """What the policy has to say anew; nothing where it says all of it."""
    said: dict[str, Any] = {}
    if set(change.left) != resources(change.policy or vpa.wildcard):
        said["controlledResources"] = list(change.left)
    if change.ends_boost and overruled:
        said["startupBoost"] = _NO_BOOST
    return said


def _additions(change: _Change, said: Mapping[str, Any]) -> Iterator[Addition]:
    if change.policy is not None:
        path = (*_POLICIES, change.policy.index)
        yield from (Addition((*path, name), value) for name, value in said.items())
    else:  # there is one for what is given up, so it says something
        inherited = dict(change.copied_from.raw) if change.copied_from is not None else {}
        if change.ends_boost:
            inherited.pop("startupBoost", None)
        member = {**inherited, "containerName": change.container, **said}
        yield Addition((*_POLICIES, END), member)


def _in_words(change: _Change, said: Mapping[str, Any]) -> str:
    words = {
        "controlledResources": f"controlledResources: [{', '.join(change.left)}]",
        "startupBoost": _NO_BOOST_TEXT,
    }
    return f'{" and ".join(words[name] for name in said)} for container "{change.container}"'

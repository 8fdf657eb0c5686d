"""ResourceQuotas: what they would refuse a pod for. Nothing is ever shrunk to fit one.

Source: k8s.io/kubernetes pkg/quota/v1/evaluator/core/pods.go and k8s.io/apiserver
pkg/admission/plugin/resourcequota/controller.go.
"""

from collections.abc import Iterable, Iterator, Mapping

from webhook.core import quantity
from webhook.core.amounts import is_best_effort, pod_limits, pod_requests, read_amounts
from webhook.core.bounds import Bounds
from webhook.core.fields import Raw, integer, mapping, sequence, text
from webhook.core.frozen import frozen
from webhook.core.objects import reference
from webhook.core.pod import (
    COMPUTE_RESOURCES,
    EPHEMERAL_STORAGE,
    containers,
    has_pod_level_resources,
)
from webhook.core.selector import Requirement, read_requirements

REQUESTS = "requests."
LIMITS = "limits."
PRIORITY_CLASS = "PriorityClass"
LIMITED = frozenset({*COMPUTE_RESOURCES, EPHEMERAL_STORAGE})


@frozen
class Quota:
    """A ResourceQuota; amounts in nanos by the name as it is written there."""

    name: str
    hard: Mapping[str, int]
    used: Mapping[str, int]
    scopes: tuple[Requirement, ...] = ()
    """Conditions on the pods that it counts."""

    def counts(self, pod: Raw) -> bool:
        """Whether a pod is among those that it counts."""
        return all(_is_in(pod, scope) for scope in self.scopes)


def read_quota(raw: Raw) -> Quota:
    """Read a ResourceQuota: what is in force is its status, and its spec before there is one."""
    spec, status = mapping(raw, "spec"), mapping(raw, "status")
    hard = mapping(status, "hard") or mapping(spec, "hard")
    named = [
        Requirement(name, "Exists") for name in sequence(spec, "scopes") if isinstance(name, str)
    ]
    selected = read_requirements(mapping(spec, "scopeSelector"), key="scopeName")
    return Quota(
        reference(raw).name or "",
        read_amounts(hard),
        read_amounts(mapping(status, "used")),
        (*named, *selected),
    )


@frozen
class Refusal:
    """What a quota would refuse a pod for."""

    quota: str
    resource: str
    text: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        """The refusal as rules read it."""
        return {
            "quota": self.quota,
            "resource": self.resource,
            "text": self.text,
            "remedy": self.remedy,
        }


def refusals(
    pod: Raw, quotas: Iterable[Quota], bounds: Bounds, *, is_new: bool
) -> Iterator[Refusal]:
    """Yield what the quotas of a namespace would refuse a pod for, in the order of their names.

    What LimitRanges of the namespace fill in is not missing. What is used already counts for new
    objects only: a changed workload's own pods are in it.
    """
    filled = {REQUESTS: bounds.filled, LIMITS: bounds.limited}
    usage = _usage(pod)
    for quota in sorted(quotas, key=lambda one: one.name):
        if quota.counts(pod):
            yield from _unspecified(pod, quota, filled)
            yield from _exceeded(usage, quota, is_new=is_new)


def _usage(pod: Raw) -> dict[str, int]:
    """What a pod counts for, by the names in which quotas are written."""
    usage = {"pods": quantity.NANOS_PER_UNIT, "count/pods": quantity.NANOS_PER_UNIT}
    for name, nanos in pod_requests(pod).items():
        usage[f"{REQUESTS}{name}"] = nanos
        if "/" not in name:
            usage[name] = nanos
    for name, nanos in pod_limits(pod).items():
        if name in LIMITED:
            usage[f"{LIMITS}{name}"] = nanos
    return usage


def _unspecified(pod: Raw, quota: Quota, filled: Mapping[str, frozenset[str]]) -> Iterator[Refusal]:
    """Yield the requests and limits that a quota wants on every container and some lack."""
    if has_pod_level_resources(pod):
        return
    for name in sorted(quota.hard):
        kind = LIMITS if name.startswith(LIMITS) else REQUESTS
        resource = name.removeprefix(kind)
        if resource not in COMPUTE_RESOURCES or resource in filled[kind]:
            continue
        lacking = [
            container.name
            for container in containers(pod)
            if (container.limit if kind == LIMITS else container.request)(resource) is None
        ]
        if lacking:
            kind = kind.rstrip(".")
            yield Refusal(
                quota.name,
                name,
                f"it wants {kind} of {resource} on every container; "
                f"{', '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} none",
                f"set resources.{kind}.{resource} there, or have a LimitRange fill it in",
            )


def _exceeded(usage: Mapping[str, int], quota: Quota, *, is_new: bool) -> Iterator[Refusal]:
    for name, most in sorted(quota.hard.items()):
        asked = usage.get(name, 0)
        used = quota.used.get(name, 0) if is_new else 0
        if asked and used + asked > most:
            left = f", {_written(name, used)} of them in use" if used else ""
            yield Refusal(
                quota.name,
                name,
                f"it allows {_written(name, most)} of {name}{left}; "
                f"one pod asks for {_written(name, asked)}",
                "ask for less, free some, or have the quota raised",
            )


def _written(name: str, nanos: int) -> str:
    return quantity.memory(nanos) if "memory" in name or "storage" in name else quantity.cpu(nanos)


def _is_in(pod: Raw, scope: Requirement) -> bool:
    """Whether a pod is counted under a scope; of those that are not known here none is."""
    spec = mapping(pod, "spec")
    ends = integer(spec, "activeDeadlineSeconds") is not None
    best_effort = is_best_effort(pod)
    if scope.key == PRIORITY_CLASS:
        value = text(spec, "priorityClassName")
        return scope.matches({PRIORITY_CLASS: value} if value else {})
    return {
        "Terminating": ends,
        "NotTerminating": not ends,
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
    }.get(scope.key, False)

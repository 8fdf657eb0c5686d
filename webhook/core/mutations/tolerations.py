"""Tolerations for the taints that accelerator nodes carry."""

import re
from collections.abc import Iterable

from webhook.core.ai_pod import AiPod
from webhook.core.bounds import WHITELIST_ANNOTATION, Bounds
from webhook.core.fields import Raw, text
from webhook.core.mutations import Mutation
from webhook.core.patch import END, Addition, can_take
from webhook.core.pod import tolerations
from webhook.core.profile import Profile

NO_SCHEDULE = "NoSchedule"

# Taints of nodes that go, are not ready yet, or are no place for workloads.
_NEVER = re.compile(
    r"node(\.cloudprovider)?\.kubernetes\.io/.*|node-role\.kubernetes\.io/(control-plane|master)"
    r"|karpenter\.sh/.*|.*-taint\.cluster-autoscaler\.kubernetes\.io/.*"
    r"|(ToBeDeletedBy|DeletionCandidateOf)ClusterAutoscaler|readiness\.k8s\.io/.*|.*/agent-not-ready"
)
_PATH = ("spec", "tolerations", END)


def tolerate(pod: Raw, ai_pod: AiPod, profile: Profile, bounds: Bounds) -> Mutation:
    """Tolerate the family key and the exact name of each accelerator, and what the profile adds.

    `Exists` and never `Equal`: in the wild the same key carries the values `present`, `true`,
    `True`, `Exists` or none. What the pod tolerates already is left alone, and what its namespace
    would refuse is left out.
    """
    if not ai_pod.accelerators:
        return Mutation()
    keys = sorted({key for found in ai_pod.accelerators for key in found.toleration_keys})
    ours = [{"key": key, "operator": "Exists", "effect": NO_SCHEDULE} for key in keys]
    missing = _not_covered([*ours, *profile.extra_tolerations], tolerations(pod))
    if not missing or not can_take(pod, _PATH):
        return Mutation()
    allowed = bounds.tolerations or missing
    refused = [toleration for toleration in missing if not _is_covered(toleration, allowed)]
    wanted = [toleration for toleration in missing if _is_covered(toleration, allowed)]
    additions = tuple(Addition(_PATH, dict(toleration)) for toleration in wanted)
    brief = f"tolerations: {_keys(wanted)}" if wanted else ""
    note = f"{_keys(refused)} not tolerated: the namespace's {WHITELIST_ANNOTATION} leaves it out"
    return Mutation(additions, brief, (note,) if refused else ())


def _not_covered(wanted: Iterable[Raw], present: Iterable[Raw]) -> list[Raw]:
    """List what neither `present` nor anything wanted before it covers."""
    known, missing = list(present), []
    for toleration in wanted:
        if not _is_covered(toleration, known):
            known.append(toleration)
            missing.append(toleration)
    return missing


def _is_covered(toleration: Raw, by: Iterable[Raw]) -> bool:
    return any(covers(one, toleration) for one in by)


def is_tolerable(key: str) -> bool:
    """Whether configuration may have a taint key tolerated; `tolerate` does not ask again."""
    return _NEVER.fullmatch(key) is None


def covers(one: Raw, other: Raw) -> bool:
    """Whether one toleration matches every taint that another matches.

    Source: k8s.io/api core/v1/toleration.go (`ToleratesTaint`): an empty effect matches every
    effect, an empty key with `Exists` every key; how long a taint is tolerated plays no part.
    """
    if text(one, "effect") not in {"", text(other, "effect")}:
        return False
    if text(one, "operator") == "Exists":
        return text(one, "key") in {"", text(other, "key")}
    return _taint(one) == _taint(other)


def _taint(toleration: Raw) -> tuple[str, str, str]:
    operator = text(toleration, "operator") or "Equal"
    return operator, text(toleration, "key"), text(toleration, "value")


def _keys(listed: Iterable[Raw]) -> str:
    return ", ".join(text(toleration, "key") for toleration in listed)

"""Tolerations for the taints that accelerator nodes carry."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from webhook.core import quantity
from webhook.core.ai_pod import AiPod
from webhook.core.bounds import WHITELIST_ANNOTATION, Bounds
from webhook.core.fields import Raw, mapping, text
from webhook.core.mutations import TOLERATIONS, Mutation
from webhook.core.nodes import COMING_OR_GOING
from webhook.core.patch import END, Addition, can_take
from webhook.core.pod import tolerations
from webhook.core.profile import Profile
from webhook.core.toleration import covers, is_accepted

NO_SCHEDULE = "NoSchedule"

# Taints of nodes that go, are not ready yet, or are no place for workloads.
_NEVER = re.compile(
    COMING_OR_GOING + r"|node\.kubernetes\.io/.*|node-role\.kubernetes\.io/(control-plane|master)"
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
    missing = _not_covered(_wanted(ai_pod, profile), tolerations(pod))
    if not missing or not can_take(pod, _PATH):
        return Mutation()
    wanted = [each for each in missing if _is_accepted(each, bounds)]
    refused = [each for each in missing if each not in wanted]
    additions = tuple(Addition(_PATH, dict(each.raw), each.why) for each in wanted)
    brief = f"{TOLERATIONS}{_keys(wanted)}" if wanted else ""
    if not refused:
        return Mutation(additions, brief)
    note = f"{_keys(refused)} not tolerated: the namespace's {WHITELIST_ANNOTATION} leaves it out"
    return Mutation(additions, brief, (note,))


class _Wanted(NamedTuple):
    """A toleration and where it comes from."""

    raw: Raw
    why: str


def _wanted(ai_pod: AiPod, profile: Profile) -> Iterator[_Wanted]:
    """Yield what should be tolerated: accelerators by key, then network devices, then extras."""
    reasons: dict[str, str] = {}
    for accelerator in ai_pod.accelerators:
        for key in accelerator.toleration_keys:
            reasons.setdefault(key, f"taint of {accelerator.family} nodes")
    for key in sorted(reasons):
        yield _Wanted(_exists(key), reasons[key])
    for key in sorted(_network_devices(ai_pod, profile)):
        yield _Wanted(_exists(key), f"networkTolerations of {profile.said}")
    for extra in profile.extra_tolerations:
        yield _Wanted(extra.raw, extra.source)


def _is_accepted(wanted: _Wanted, bounds: Bounds) -> bool:
    return not bounds.tolerations or is_accepted(wanted.raw, bounds.tolerations)


def _exists(key: str) -> Raw:
    return {"key": key, "operator": "Exists", "effect": NO_SCHEDULE}


def _network_devices(ai_pod: AiPod, profile: Profile) -> set[str]:
    """The network devices that containers ask for; a quantity that is surely zero asks for none."""
    if not profile.network:
        return set()
    return {
        name
        for container, _ in ai_pod.containers
        for kind in ("requests", "limits")
        for name, value in mapping(container.raw, "resources", kind).items()
        if any(pattern.fullmatch(name) for pattern in profile.network)
        and quantity.parse(value) != 0
    }


def _not_covered(wanted: Iterable[_Wanted], present: Iterable[Raw]) -> list[_Wanted]:
    """List what neither `present` nor anything wanted before it covers."""
    known, missing = list(present), []
    for toleration in wanted:
        if not _is_covered(toleration.raw, known):
            known.append(toleration.raw)
            missing.append(toleration)
    return missing


def _is_covered(toleration: Raw, by: Iterable[Raw]) -> bool:
    return any(covers(one, toleration) for one in by)


def is_tolerable(key: str) -> bool:
    """Whether configuration may have a taint key tolerated; `tolerate` does not ask again."""
    return _NEVER.fullmatch(key) is None


def _keys(listed: Iterable[_Wanted]) -> str:
    return ", ".join(text(toleration.raw, "key") for toleration in listed)

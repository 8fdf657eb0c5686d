"""Tolerations for the taints that accelerator nodes carry."""

from collections.abc import Iterable
from typing import Any

from webhook.core.ai_pod import AiPod
from webhook.core.fields import Raw, text
from webhook.core.mutations import Mutation
from webhook.core.patch import END, Addition
from webhook.core.pod import tolerations
from webhook.core.profile import Profile

NO_SCHEDULE = "NoSchedule"


def tolerate(pod: Raw, ai_pod: AiPod, profile: Profile) -> Mutation:
    """Tolerate the family key and the exact name of each accelerator, and what the profile adds.

    `Exists` and never `Equal`: in the wild the same key carries the values `present`, `true`,
    `True`, `Exists` or none. What the pod tolerates already is left alone.
    """
    if not ai_pod.accelerators:
        return Mutation()
    present = tolerations(pod)
    keys = sorted({key for found in ai_pod.accelerators for key in found.toleration_keys})
    wanted: list[Raw] = [
        {"key": key, "operator": "Exists", "effect": NO_SCHEDULE}
        for key in keys
        if not covers(present, key, NO_SCHEDULE)
    ]
    wanted += [extra for extra in profile.extra_tolerations if not is_listed(present, extra)]
    if not wanted:
        return Mutation()
    path = ("spec", "tolerations", END)
    names = ", ".join(text(toleration, "key") for toleration in wanted)
    additions = tuple(Addition(path, dict(toleration)) for toleration in wanted)
    return Mutation(additions, f"tolerations: {names}")


def covers(present: Iterable[Raw], key: str, effect: str) -> bool:
    """Whether a taint of that key and effect, whatever its value, is tolerated.

    Source: k8s.io/component-helpers scheduling/corev1 (`ToleratesTaint`): an empty key with
    `Exists` matches every taint, an empty effect every effect.
    """
    return any(
        text(toleration, "operator") == "Exists"
        and text(toleration, "key") in {"", key}
        and text(toleration, "effect") in {"", effect}
        for toleration in present
    )


def is_listed(present: Iterable[Raw], extra: Raw) -> bool:
    """Whether a toleration of the profile stands in the pod already, or a wider one of its key."""
    effect = text(extra, "effect")
    if effect and covers(present, text(extra, "key"), effect):
        return True
    return any(_meaning(toleration) == _meaning(extra) for toleration in present)


def _meaning(toleration: Raw) -> tuple[Any, ...]:
    operator = text(toleration, "operator") or "Equal"
    fields = [text(toleration, name) for name in ("key", "value", "effect")]
    return operator, *fields, toleration.get("tolerationSeconds")

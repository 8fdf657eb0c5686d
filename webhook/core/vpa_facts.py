"""What a VPA says that VPA does not do: on which workload, and of which resources."""

from collections.abc import Iterator
from typing import Any

from webhook.core.autoscalers.target import WELL_KNOWN, WorkloadKey
from webhook.core.autoscalers.vpa import MODE_OFF, Vpa
from webhook.core.fields import mapping, sequence
from webhook.core.finding import ObjectFix
from webhook.core.patch import Addition, operations
from webhook.core.pod import COMPUTE_RESOURCES
from webhook.core.world import MOST_OWNERS, World

# A place in a policy takes some hundred bytes of a document; a person needs to be told of a few.
MOST_UNSUPPORTED = 16

_AMOUNTS = ("minAllowed", "maxAllowed")


def unsupported(vpa: Vpa) -> Iterator[dict[str, Any]]:
    """Yield the resources but cpu and memory that a VPA names, by the field that names them.

    Of several policies for one container the first is read, as VPA does.
    """
    for policy in vpa.policies:
        named = {name: list(mapping(policy.raw, name)) for name in _AMOUNTS}
        named["controlledResources"] = sequence(policy.raw, "controlledResources")
        for field in sorted(named):
            for resource in dict.fromkeys(one for one in named[field] if isinstance(one, str)):
                if resource not in COMPUTE_RESOURCES:
                    yield {
                        "path": f"{policy.path}.{field}",
                        "field": field,
                        "container": policy.name,
                        "resource": resource,
                    }


def own_fixes(vpa: Vpa) -> dict[str, ObjectFix]:
    """The fixes of what a VPA says alone, by the names that rules have for them."""
    if not vpa.unquoted:
        return {}
    additions = (Addition(path, MODE_OFF) for path in vpa.unquoted)
    return {"quote": ObjectFix(vpa.ref, operations({"spec": vpa.raw}, additions))}


_BUILT_IN_GROUPS = frozenset(WELL_KNOWN.values())


def target_document(key: WorkloadKey, world: World) -> dict[str, Any]:
    """Write what rules read of a VPA's target."""
    top = _topmost(key, world)
    return {
        "text": f"{key.kind} {key.name}",
        "group": key.group or "core",
        "scalable": _may_scale(key, world),
        "missing": world.lacks(key),
        "owner": f"{top.kind} {top.name}" if top != key else None,
    }


def _may_scale(key: WorkloadKey, world: World) -> bool:
    """Whether VPA can find the pods of a kind; of kinds that are not known here it may.

    The built-in groups are known in full: beside the well-known kinds none there has /scale.
    """
    kinds = world.kinds
    if kinds.scalable(key.group, key.kind):
        return True
    return kinds.get(key.group_kind) is None and key.group not in _BUILT_IN_GROUPS


def _topmost(key: WorkloadKey, world: World) -> WorkloadKey:
    """The owner at which VPA's walk up from a workload ends; itself where it has none."""
    for _ in range(MOST_OWNERS):
        above = world.owners(key)
        if not above:
            break
        key = above[0]
    return key

"""Whether a VPA changes pods that run: policies that meet a container, replicas, budgets.

Source: VPA pkg/updater/restriction/pods_restriction_factory.go (`GetCreatorMaps`) and
pods_eviction_restriction.go, VPA 1.8. Admission still writes when a pod is created, whatever is
said here.
"""

from typing import Any

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa
from webhook.core.disruption import obstacle
from webhook.core.eviction import evicts
from webhook.core.fields import integer, mapping
from webhook.core.objects import GroupKind
from webhook.core.overlaps import MOST_NAMES, controlled
from webhook.core.pod import COMPUTE_RESOURCES
from webhook.core.world import World

IN_PLACE = "InPlace"
"""Changes pods where they are, and never evicts one."""

DEFAULT_MIN_REPLICAS = 2
"""Of the updater (`--min-replicas`); a VPA has a word of its own in spec.updatePolicy."""

# Kinds whose `replicas` are pods. Jobs are as many as run, DaemonSets as many as there are nodes.
_REPLICATED = frozenset(
    {
        GroupKind("", "ReplicationController"),
        GroupKind("apps", "Deployment"),
        GroupKind("apps", "ReplicaSet"),
        GroupKind("apps", "StatefulSet"),
        GroupKind("argoproj.io", "Rollout"),
    }
)


def updates_document(vpa: Vpa, key: WorkloadKey, world: World) -> dict[str, Any]:
    """Write what rules read of a VPA's way to running pods; nothing where it has none."""
    known = world.containers(key)
    acts = (
        (vpa.mode == IN_PLACE or evicts(vpa))
        and not world.owners(key)
        and any(controlled(vpa, resource, known) is not None for resource in COMPUTE_RESOURCES)
    )
    too_few = _too_few(vpa, key, world) if acts else None
    return {
        "workload": f"{key.kind} {key.name}",
        "tooFewReplicas": too_few,
        # Pods of which there are too few nobody tries to evict.
        "blockedByBudgets": _blocked(vpa, key, world) if acts and too_few is None else None,
    }


def unknown_policies(vpa: Vpa, key: WorkloadKey, world: World) -> list[dict[str, Any]]:
    """List the policies for containers that the workload does not have.

    Those of mode Off are left out: they free what others put into pods (service meshes), and
    nothing else is lost by them. So are those for init containers, which a workload does have.
    """
    known = world.containers(key)
    if known is None:
        return []
    names = {one.name for made in world.pods(key) for one in made.containers}
    listed = [one for one in vpa.named if not one.off and one.name not in names]
    return [
        {
            "path": f"{one.path}.containerName",
            "container": one.name,
            "workload": f"{key.kind} {key.name}",
            "names": list(known.regular[:MOST_NAMES]),
        }
        for one in listed[:MOST_NAMES]
    ]


def most_replicas(key: WorkloadKey, world: World) -> tuple[int | None, str | None]:
    """How many pods a workload may have at most, None where nobody knows; and the scaler of it.

    What a scaler may bring counts: in between the VPA has its effect. A manifest without replicas
    leaves them to others; in a cluster they are always written.
    """
    workload = world.workload(key)
    if workload is None or key.group_kind not in _REPLICATED:
        return None, None
    bounds = [(one.most, str(one.ref)) for one in world.scalers(key)]
    if not bounds:
        return workload.replicas, None
    known = [(most, scaler) for most, scaler in bounds if most is not None]
    return max(known) if len(known) == len(bounds) else (None, None)


def _too_few(vpa: Vpa, key: WorkloadKey, world: World) -> dict[str, Any] | None:
    """Compare the replicas with what the updater asks for; without any there is no pod."""
    replicas, scaler = most_replicas(key, world)
    own = integer(mapping(vpa.raw, "updatePolicy"), "minReplicas")
    required = DEFAULT_MIN_REPLICAS if own is None else own
    if not replicas or replicas >= required:
        return None
    return {
        "replicas": replicas,
        "required": required,
        "defaulted": own is None,
        "scaler": scaler,
    }


def _blocked(vpa: Vpa, key: WorkloadKey, world: World) -> dict[str, Any] | None:
    """What forbids every eviction that the VPA would ask for."""
    if not evicts(vpa):
        return None
    pods = [made.pod for made in world.pods(key)]
    replicas, _ = most_replicas(key, world)
    found = obstacle(pods, world.budgets(key.namespace), replicas)
    return {"budgets": list(found.budgets), "why": found.why} if found is not None else None

"""How the pods that a scaler adds get their traffic: who selects them, and from when on."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from webhook.core.ai_pod import AiPod
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.fields import Raw, mapping, members, sequence, strings, text
from webhook.core.metric_facts import Fit
from webhook.core.objects import GroupKind
from webhook.core.server import fetches_work, why_a_server
from webhook.core.services import SERVICE, Service, shown
from webhook.core.workload import MadePod
from webhook.core.world import World

# A person mends one after the other; each takes part of a document that engines read as a whole.
MOST_PORTS = 8

# Kinds whose controllers add neither Services nor probes to what is written. What operators make of
# kinds of their own is their matter.
_AS_WRITTEN = frozenset(
    {
        GroupKind("", "ReplicationController"),
        GroupKind("apps", "Deployment"),
        GroupKind("apps", "ReplicaSet"),
        GroupKind("apps", "StatefulSet"),
        GroupKind("argoproj.io", "Rollout"),
        GroupKind("apps.kruise.io", "CloneSet"),
        GroupKind("apps.kruise.io", "StatefulSet"),
    }
)


def traffic_document(
    scaler: Scaler, key: WorkloadKey, world: World, fit: Fit
) -> dict[str, Any] | None:
    """Write what rules read of a workload's traffic; None where nobody knows of any.

    Of several versions of a workload (overlays) each may have what another one lacks.
    """
    made = world.pods(key) if key.group_kind in _AS_WRITTEN else ()
    if not made or fetches_work(scaler):
        return None
    pods = [one.pod for one in made]
    selecting = [one for one in world.services(key.namespace) if _selects(one, pods)]
    carrying = [one for one in selecting if one.carries]
    reasons = (_why(scaler, one, key, world, fit) for one in made)
    server = next((why for why in reasons if why is not None), None)
    if server is None and not carrying:
        return None
    lacks = server is not None and not selecting and _lacks_services(key, pods, world)
    awaited = any(one.waits for one in carrying) if carrying else True
    main = made[0].main
    return {
        "server": server or f"{carrying[0].ref} selects its pods",
        "labels": shown(_labels(pods[0])),
        "container": main.name if main is not None else None,
        "unselected": lacks,
        "near": _near(key, world) if lacks else None,
        "unready": awaited and not any(map(_tells_readiness, made)),
        "started": any(_has(one, "startupProbe") for one in made),
        "unmatched": list(islice(_unmatched(carrying, made), MOST_PORTS)) if server else [],
    }


def _why(scaler: Scaler, made: MadePod, key: WorkloadKey, world: World, fit: Fit) -> str | None:
    def recognised() -> AiPod | None:
        fitted = fit(made.pod, made.maker, key.namespace, world)
        return fitted[0] if fitted is not None else None

    return why_a_server(scaler, made, recognised, world.kinds)


def _labels(pod: Raw) -> dict[str, str]:
    return strings(pod, "metadata", "labels")


def _selects(service: Service, pods: Sequence[Raw]) -> bool:
    return any(service.selects(_labels(pod)) for pod in pods)


def _lacks_services(key: WorkloadKey, pods: Sequence[Raw], world: World) -> bool:
    """Whether it is certain that nothing selects the pods, and nothing else leads to them.

    A template without labels is a part of one: the API server refuses it. Whoever made the workload
    may make its Service as well, or write the endpoints of one that has no selector.
    """
    workload = world.workload(key)
    is_made = workload is not None and workload.owner is not None
    is_foreign = any(one.foreign for one in world.services(key.namespace))
    return (
        all(map(_labels, pods)) and not is_made and not is_foreign and world.has_all_services(key)
    )


def _near(key: WorkloadKey, world: World) -> dict[str, str] | None:
    """The Service that was most likely meant: it has the workload's name."""
    for one in world.services(key.namespace):
        if one.ref.group_kind == SERVICE and one.ref.name == key.name and one.asks:
            return {"text": str(one.ref), "asks": one.asks}
    return None


def _has(made: MadePod, probe: str) -> bool:
    return any(mapping(one.raw, probe) for one in made.running)


def _tells_readiness(made: MadePod) -> bool:
    """Whether a pod is not simply ready: one container says when, or somebody outside (gates)."""
    gates = sequence(mapping(made.pod, "spec"), "readinessGates")
    return _has(made, "readinessProbe") or bool(gates)


def _unmatched(services: Sequence[Service], pods: Sequence[MadePod]) -> Iterator[dict[str, str]]:
    """Yield the ports that Services send to by a name which no container has.

    Source: k8s.io/endpointslice utils.go (`FindPort`). A number needs no port of a container.
    """
    there = {
        (text(port, "name"), text(port, "protocol") or "TCP")
        for pod in pods
        for one in pod.running
        for _, port in members(one.raw, "ports")
    }
    for service in services:
        for port in service.ports:
            if port not in there:
                yield {"service": str(service.ref), "port": port.name, "protocol": port.protocol}

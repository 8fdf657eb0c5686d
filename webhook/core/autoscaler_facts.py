"""What rules read of one autoscaler alone: its text, and what it finds beside autoscalers."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from webhook.core.ai_pod import UNREADABLE
from webhook.core.autoscalers.kinds import HPA
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa
from webhook.core.fields import Raw
from webhook.core.frozen import frozen
from webhook.core.generated import judged_maker
from webhook.core.metric_facts import Fit, metric_documents
from webhook.core.nodes import NodeShape
from webhook.core.overlaps import controlled
from webhook.core.patch import applied, dotted
from webhook.core.pod import COMPUTE_RESOURCES
from webhook.core.traffic import traffic_document
from webhook.core.vpa_excess import inverted
from webhook.core.vpa_facts import MOST_UNSUPPORTED, target_document, unsupported
from webhook.core.vpa_updates import unknown_policies, updates_document
from webhook.core.workload import MadePod
from webhook.core.world import Autoscaler, World


@frozen
class Around:
    """What is known beside the world of a request."""

    fit: Fit
    devices: Callable[[MadePod, str, World], Mapping[str, int | str]]
    """Count the accelerators that a pod in a namespace asks for."""
    shapes: tuple[NodeShape, ...] = ()
    """Nodes of the configuration."""
    shares_cpu: bool = False
    """Whether a VPA may share cpu with an HPA where it says so itself, as GKE sanctions."""

    def fitted(self, made: MadePod, namespace: str, world: World) -> Raw:
        """The pod as it will be, after our patch."""
        found = self.fit(made.pod, made.maker, namespace, world)
        return applied(made.pod, found[1].patch) if found is not None else made.pod


NOTHING_AROUND = Around(lambda _pod, _maker, _namespace, _world: None, lambda *_: {})


def autoscaler_document(subject: Autoscaler, world: World, around: Around) -> dict[str, Any]:
    """Write what rules read of an autoscaler alone."""
    if isinstance(subject, Vpa):
        return _vpa(subject, world)
    return _scaler(subject, world, around)


def _scaler(subject: Scaler, world: World, around: Around) -> dict[str, Any]:
    is_written = not subject.implied
    inert = subject.inert if is_written and not subject.activates else None
    key = subject.target
    is_judged = (
        key is not None
        and subject.active
        and is_written
        and judged_maker(subject, key, world) is None
    )
    return {
        "type": "scaler",
        "active": subject.active,
        "inert": inert.reason if inert is not None else None,
        "inertPath": inert.path if inert is not None else None,
        "restsAt": _rests_at(subject, world) if inert is None else None,
        "workload": _text(key) if key is not None else None,
        "minReplicas": subject.least,
        "maxReplicas": subject.most,
        "accelerators": _accelerators(key, world, around) if key is not None else None,
        "metrics": metric_documents(subject, key, world, around.fit)
        if key is not None and is_judged
        else [],
        "traffic": traffic_document(subject, key, world, around.fit)
        if key is not None and is_judged
        else None,
    }


def _accelerators(key: WorkloadKey, world: World, around: Around) -> dict[str, int | str] | None:
    """What one pod of a workload asks for; None while the workload is unknown.

    Of several versions of it (overlays) the one that asks for most counts.
    """
    found: dict[str, int | str] = {}
    made = world.pods(key)
    for one in made:
        for name, count in around.devices(one, key.namespace, world).items():
            before = found.get(name, 0)
            both = isinstance(count, int) and isinstance(before, int)
            found[name] = max(count, before) if both else UNREADABLE
    return found if made else None


def _vpa(subject: Vpa, world: World) -> dict[str, Any]:
    key = subject.target
    known = world.containers(key) if key is not None else None
    writes = any(controlled(subject, resource, None) is not None for resource in COMPUTE_RESOURCES)
    return {
        "type": "vpa",
        "mode": subject.mode,
        "unquoted": [dotted(path) for path in subject.unquoted],
        "ineffective": subject.ineffective(known.regular if known is not None else ()),
        "writes": writes,
        "target": target_document(key, world) if key is not None else None,
        "unknownPolicies": unknown_policies(subject, key, world) if key is not None else [],
        "updates": updates_document(subject, key, world) if key is not None else None,
        "minAboveMax": inverted(subject),
        "unsupported": list(islice(unsupported(subject), MOST_UNSUPPORTED)),
    }


def _rests_at(hpa: Scaler, world: World) -> str | None:
    """The workload at 0 replicas that an HPA leaves alone; KEDA wakes workloads by itself.

    It does act at 0 where it went there itself (`shouldComputeMetricsForZeroReplicas` in
    k8s.io/kubernetes pkg/controller/podautoscaler/horizontal.go).
    """
    key = hpa.target
    workload = world.workload(key) if key is not None and hpa.ref.group_kind == HPA else None
    if key is None or workload is None or workload.replicas != 0 or hpa.scaled_to_zero:
        return None
    return _text(key) if judged_maker(hpa, key, world) is None else None


def _text(key: WorkloadKey) -> str:
    return f"{key.kind} {key.name}"

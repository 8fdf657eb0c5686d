"""Read KEDA ScaledObjects into a Scaler: the claims of the HPA that KEDA makes of one.

Source: KEDA 2.21 apis/keda/v1alpha1/{scaledobject_types,gvkr,scaledobject_webhook}.go,
pkg/scalers/cpu_memory_scaler.go, controllers/keda/hpa.go.
"""

from collections.abc import Iterator

from webhook.core.autoscalers.alias import Expression, sorted_out
from webhook.core.autoscalers.kinds import HPA
from webhook.core.autoscalers.scaler import (
    NO_SOURCES,
    Inert,
    MetricClaim,
    Product,
    Scaler,
    Source,
    TargetType,
    inert,
)
from webhook.core.autoscalers.target import WorkloadKey, spelt
from webhook.core.fields import Raw, integer, mapping, members, strings, text
from webhook.core.objects import (
    DEFAULT_NAMESPACE,
    controller,
    exemptions,
    group_of,
    is_going,
    reference,
    uid_of,
)
from webhook.core.pod import COMPUTE_RESOURCES

PAUSED = "autoscaling.keda.sh/paused"
PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"
PAUSED_SCALE_IN = "autoscaling.keda.sh/paused-scale-in"
PAUSED_SCALE_OUT = "autoscaling.keda.sh/paused-scale-out"
TRANSFER_OWNERSHIP = "scaledobject.keda.sh/transfer-hpa-ownership"
GENERATED_PREFIX = "keda-hpa-"
DEFAULT_MAX_REPLICAS = 100

# The direction of the HPA's behaviour that each annotation disables.
_PAUSED_DIRECTIONS = {"scaleDown": PAUSED_SCALE_IN, "scaleUp": PAUSED_SCALE_OUT}

# Triggers that count time or pods, whatever their fields say.
_WITHOUT_METRICS = frozenset({"cron", "kubernetes-workload"})

_HPA_CONFIG_PATH = "spec.advanced.horizontalPodAutoscalerConfig"

_GO_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


def read_scaled_object(raw: Raw) -> Scaler:
    """Read a ScaledObject; what cannot be read claims nothing."""
    ref = reference(raw)
    spec = mapping(raw, "spec")
    annotations = strings(raw, "metadata", "annotations")
    advanced = mapping(spec, "advanced")
    hpa_config = mapping(advanced, "horizontalPodAutoscalerConfig")
    override = text(hpa_config, "name")
    target = _target(ref.namespace or DEFAULT_NAMESPACE, mapping(spec, "scaleTargetRef"))
    modified = any(mapping(advanced, "scalingModifiers").values())
    metrics, aliases = sorted_out(_claims(spec, modified=modified), target)
    transfer = annotations.get(TRANSFER_OWNERSHIP) == "true"
    least = integer(spec, "minReplicaCount")
    return Scaler(
        ref,
        uid_of(raw),
        target,
        metrics,
        aliases,
        active=not is_going(raw) and not is_paused(annotations),
        inert=_inert(spec, hpa_config, annotations),
        exempt=exemptions(raw),
        makes=Product(HPA, override or (f"{GENERATED_PREFIX}{ref.name}" if ref.name else None)),
        owner=controller(raw),
        least=least or 0,
        takes_over=override if transfer and override else None,
        most=_most(spec),
        activates=not _is_fixed(annotations)
        and (not least or integer(spec, "idleReplicaCount") is not None),
        sources=frozenset(_sources(spec)) or NO_SOURCES,
    )


def _sources(spec: Raw) -> Iterator[Source]:
    """Yield its other triggers by their types alone: their fields hold secrets."""
    for _, trigger in members(spec, "triggers"):
        if (kind := text(trigger, "type")) not in COMPUTE_RESOURCES:
            yield Source(kind)


def _most(spec: Raw) -> int:
    most = integer(spec, "maxReplicaCount")
    return DEFAULT_MAX_REPLICAS if most is None else most


def is_paused(annotations: dict[str, str]) -> bool:
    """Whether KEDA deletes the HPA: paused-replicas with any value, or paused unless false.

    `paused` is Go's ParseBool; what that cannot parse counts as paused.
    """
    return PAUSED_REPLICAS in annotations or _holds(annotations, PAUSED)


def _holds(annotations: dict[str, str], key: str) -> bool:
    return key in annotations and annotations[key] not in _GO_FALSE


def _is_fixed(annotations: dict[str, str]) -> bool:
    return all(_holds(annotations, key) for key in _PAUSED_DIRECTIONS.values())


def _inert(spec: Raw, hpa_config: Raw, annotations: dict[str, str]) -> Inert | None:
    """Say why the HPA that KEDA makes has no effect: pausing a direction disables it there."""
    if _is_fixed(annotations):
        path = f"metadata.annotations[{PAUSED_SCALE_IN}]"
        return Inert("scale-in and scale-out are both paused", path)
    paused = {
        direction: {"selectPolicy": "Disabled"}
        for direction, key in _PAUSED_DIRECTIONS.items()
        if _holds(annotations, key)
    }
    found = inert(
        integer(spec, "minReplicaCount") or 1,
        _most(spec),
        {**mapping(hpa_config, "behavior"), **paused},
        ("spec.maxReplicaCount", f"{_HPA_CONFIG_PATH}.behavior"),
    )
    return found and Inert(f"{found.reason} in the HPA that KEDA makes", found.path)


def _target(namespace: str, ref: Raw) -> WorkloadKey | None:
    """Read scaleTargetRef: apps and Deployment where group or kind is left out."""
    name = text(ref, "name")
    if not name:
        return None
    api_version = text(ref, "apiVersion")
    group = group_of(api_version) if api_version else "apps"
    return WorkloadKey(namespace, group, spelt(text(ref, "kind")) or "Deployment", name)


def _claims(spec: Raw, *, modified: bool) -> Iterator[MetricClaim | Expression]:
    for index, trigger in members(spec, "triggers"):
        path = f"spec.triggers[{index}]"
        kind = text(trigger, "type")
        if kind in COMPUTE_RESOURCES:
            yield _resource_claim(trigger, path, modified=modified)
        elif kind not in _WITHOUT_METRICS:
            yield from _expressions(trigger, f"{path}.metadata")


def _resource_claim(trigger: Raw, path: str, *, modified: bool) -> MetricClaim:
    """Read a cpu or memory trigger: the Resource metric that it becomes."""
    metadata = mapping(trigger, "metadata")
    # Up to 2.17 the type could stand in the metadata. Later versions, and all of them where both
    # are missing, refuse such a trigger when the HPA is made: what it says is still judged, since
    # the first repair of the trigger would bring the conflict about.
    written = text(trigger, "metricType") or text(metadata, "type")
    absolute = written == TargetType.AVERAGE_VALUE
    value = str(metadata.get("value", "no value")).strip()
    container = text(metadata, "containerName").strip() or None
    return MetricClaim(
        text(trigger, "type"),
        container,
        TargetType.AVERAGE_VALUE if absolute else TargetType.UTILIZATION,
        value if absolute else f"{value}%",
        path,
        dropped=modified and container is not None,
    )


def _expressions(trigger: Raw, path: str) -> Iterator[Expression]:
    """Whatever a trigger asks for: a query, or a metric's name with CloudWatch's dimensions."""
    metadata = strings(trigger, "metadata")
    dimensions = zip(
        metadata.get("dimensionName", "").split(";"),
        metadata.get("dimensionValue", "").split(";"),
        strict=False,
    )
    matchers = ",".join(f'{name}="{value}"' for name, value in dimensions if name)
    for name, value in metadata.items():
        named = name == "metricName" and matchers
        yield Expression(f"{value}{{{matchers}}}" if named else value, path)

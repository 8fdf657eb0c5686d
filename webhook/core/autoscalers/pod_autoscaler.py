"""Read AIBrix's PodAutoscalers into a Scaler.

Source: AIBrix 0.7 api/autoscaling/v1alpha1/podautoscaler_types.go and in
pkg/controller/podautoscaler: hpa_resources.go (`makeHPA`), metrics/fetcher.go
(`fetchResourceMetric`), podautoscaler_controller.go (`buildScalingTargetKey`).
"""

from collections.abc import Iterator

from webhook.core.autoscalers.alias import Expression, sorted_out
from webhook.core.autoscalers.kinds import HPA
from webhook.core.autoscalers.scaler import MetricClaim, Product, Scaler, TargetType, inert
from webhook.core.autoscalers.target import scale_target
from webhook.core.fields import Raw, integer, mapping, members, text
from webhook.core.objects import (
    DEFAULT_NAMESPACE,
    controller,
    exemptions,
    is_going,
    reference,
    uid_of,
)
from webhook.core.pod import COMPUTE_RESOURCES, CPU, MEMORY

STRATEGY_HPA = "HPA"
"""AIBrix makes an HPA; with KPA and APA it sets the replicas itself."""

GENERATED_SUFFIX = "-hpa"


def read_pod_autoscaler(raw: Raw) -> Scaler:
    """Read a PodAutoscaler; what cannot be read claims nothing."""
    ref = reference(raw)
    spec = mapping(raw, "spec")
    makes_hpa = text(spec, "scalingStrategy") == STRATEGY_HPA
    target = scale_target(ref.namespace or DEFAULT_NAMESPACE, mapping(spec, "scaleTargetRef"))
    metrics, aliases = sorted_out(_claims(spec, makes_hpa=makes_hpa), target)
    name = f"{ref.name}{GENERATED_SUFFIX}" if ref.name else None
    return Scaler(
        ref,
        uid_of(raw),
        target,
        metrics,
        aliases,
        active=not is_going(raw),
        # Schedules set other bounds for hours of the day.
        inert=None
        if spec.get("schedules")
        else inert(
            integer(spec, "minReplicas"),
            integer(spec, "maxReplicas"),
            {},
            ("spec.maxReplicas", ""),
        ),
        exempt=exemptions(raw),
        makes=Product(HPA, name) if makes_hpa else None,
        owner=controller(raw),
        # Schedules may bring more.
        most=None if spec.get("schedules") else integer(spec, "maxReplicas"),
        part=text(mapping(spec, "subTargetSelector"), "roleName") or None,
    )


def _claims(spec: Raw, *, makes_hpa: bool) -> Iterator[MetricClaim | Expression]:
    for index, source in members(spec, "metricsSources"):
        path = f"spec.metricsSources[{index}]"
        claim = _in_hpa(source, path) if makes_hpa else _by_itself(source, path)
        yield claim or Expression(text(source, "targetMetric"), path)


def _in_hpa(source: Raw, path: str) -> MetricClaim | None:
    """The metric of the HPA: cpu in percent of the request, memory in MiB, whatever its source."""
    metric, target = text(source, "targetMetric").lower(), text(source, "targetValue")
    if metric == CPU:
        return MetricClaim(CPU, None, TargetType.UTILIZATION, f"{target}%", path)
    if metric == MEMORY:
        return MetricClaim(MEMORY, None, TargetType.AVERAGE_VALUE, f"{target}Mi", path)
    return None


def _by_itself(source: Raw, path: str) -> MetricClaim | None:
    """What AIBrix reads of pods itself: usage in millicores or bytes, of all containers."""
    if text(source, "metricSourceType") != "resource":
        return None
    metric, target = text(source, "targetMetric"), text(source, "targetValue")
    shown = f"{target}m" if metric == CPU else target
    known = metric in COMPUTE_RESOURCES
    return MetricClaim(metric, None, TargetType.AVERAGE_VALUE, shown, path) if known else None

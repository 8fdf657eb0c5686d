"""Read HorizontalPodAutoscalers of every version into a Scaler.

Defaults and precedence as in k8s.io/kubernetes pkg/apis/autoscaling (v1/defaults.go,
v2/defaults.go, v1/conversion.go) and pkg/controller/podautoscaler/horizontal.go.
"""

import json
from collections.abc import Iterator
from typing import Any

from webhook.core.autoscalers.alias import Expression, sorted_out
from webhook.core.autoscalers.scaler import (
    NO_SOURCES,
    MetricClaim,
    Scaler,
    Source,
    TargetType,
    inert,
)
from webhook.core.autoscalers.selectors import is_read
from webhook.core.autoscalers.target import scale_target
from webhook.core.fields import Raw, annotation, integer, mapping, members, shared, strings, text
from webhook.core.objects import (
    DEFAULT_NAMESPACE,
    controller,
    exemptions,
    is_going,
    reference,
    uid_of,
)
from webhook.core.pod import CPU

METRICS_ANNOTATION = "autoscaling.alpha.kubernetes.io/metrics"
HPA_OWNERSHIP_ANNOTATION = "validations.keda.sh/hpa-ownership"
DEFAULT_CPU_UTILIZATION = "80%"
BEHAVIOR_ANNOTATION = "autoscaling.alpha.kubernetes.io/behavior"
CONDITIONS_ANNOTATION = "autoscaling.alpha.kubernetes.io/conditions"

DESCRIBED = frozenset({"Pod", "Deployment", "StatefulSet"})
"""The kinds with pods of their own that an Object metric may be about."""

# The fields that are read from annotations of v1, by their names in lower case.
_ANNOTATED = {
    name.lower(): name
    for name in (
        *("type", "resource", "containerResource", "container", "name", "metric", "metricName"),
        *("pods", "object", "external", "targetAverageUtilization", "targetAverageValue"),
        *("scaleUp", "scaleDown", "selectPolicy", "status"),
    )
}


def read_hpa(raw: Raw) -> Scaler:
    """Read an HPA; what cannot be read claims nothing."""
    ref = reference(raw)
    namespace = ref.namespace or DEFAULT_NAMESPACE
    spec = mapping(raw, "spec")
    is_v1 = ref.api_version == "autoscaling/v1"
    reader = _v1_metrics if is_v1 else _metrics
    target = scale_target(namespace, mapping(spec, "scaleTargetRef"))
    metrics, aliases = sorted_out(reader(raw), target)
    return Scaler(
        ref,
        uid_of(raw),
        target,
        metrics,
        aliases,
        active=not is_going(raw),
        inert=inert(
            integer(spec, "minReplicas"),
            integer(spec, "maxReplicas"),
            mapping(_annotated(raw, BEHAVIOR_ANNOTATION) if is_v1 else spec.get("behavior")),
            (
                "spec.maxReplicas",
                f"metadata.annotations[{BEHAVIOR_ANNOTATION}]" if is_v1 else "spec.behavior",
            ),
        ),
        exempt=exemptions(raw),
        owner=controller(raw),
        most=integer(spec, "maxReplicas"),
        tolerates_scaled_objects=annotation(raw, HPA_OWNERSHIP_ANNOTATION) == "false",
        least=1 if (least := integer(spec, "minReplicas")) is None else least,
        scaled_to_zero=_scaled_to_zero(raw, is_v1=is_v1),
        sources=frozenset(_sources(raw, is_v1=is_v1)) or NO_SOURCES,
    )


def _sources(raw: Raw, *, is_v1: bool) -> Iterator[Source]:
    """Yield its metrics that are not about resources of its pods."""
    listed = {"metrics": _annotated(raw, METRICS_ANNOTATION)} if is_v1 else mapping(raw, "spec")
    for _, metric in members(listed, "metrics"):
        if (kind := text(metric, "type")) in {"Pods", "Object", "External"}:
            yield Source(kind, _metric_name(mapping(metric, kind.lower())))


def _scaled_to_zero(raw: Raw, *, is_v1: bool) -> bool:
    """Whether the HPA itself went to 0 replicas and still acts there."""
    status = mapping(raw, "status")
    conditions = _annotated(raw, CONDITIONS_ANNOTATION) if is_v1 else status.get("conditions")
    return any(
        text(condition, "type") == "ScaledToZero" and text(condition, "status") == "True"
        for _, condition in members({"conditions": conditions}, "conditions")
    )


def _v1_metrics(raw: Raw) -> Iterator[MetricClaim | Expression]:
    """Metrics of autoscaling/v1: a cpu target, and all others in an annotation.

    Without a target, and without metrics in the annotation (missing, empty or broken), it is cpu
    at 80 percent (`Convert_v1_HorizontalPodAutoscaler_To_autoscaling_HorizontalPodAutoscaler`).
    """
    utilization = integer(mapping(raw, "spec"), "targetCPUUtilizationPercentage")
    path = "spec.targetCPUUtilizationPercentage"
    annotated = _annotated(raw, METRICS_ANNOTATION)
    metrics = annotated if isinstance(annotated, list) and all(map(_decodes, annotated)) else []
    if utilization is not None:
        yield MetricClaim(CPU, None, TargetType.UTILIZATION, f"{utilization}%", path)
    elif not metrics:
        yield default_claim(path)
    for metric in metrics:
        yield from _metric(metric, f"metadata.annotations[{METRICS_ANNOTATION}]")


def _decodes(metric: object) -> bool:
    """Whether Go would decode a member of the annotation; one that fails fails the whole list."""
    if not isinstance(metric, dict):
        return False
    sources = (mapping(metric, name) for name in ("resource", "containerResource"))
    utilizations = (source.get("targetAverageUtilization") for source in sources)
    return all(value is None or type(value) is int for value in utilizations)


def _annotated(raw: Raw, key: str) -> Any:
    """Decode an annotation of a v1 HPA; broken JSON is ignored, as Kubernetes ignores it."""
    try:
        return _in_our_case(json.loads(annotation(raw, key) or "null"))
    except (ValueError, RecursionError):
        return None


def _in_our_case(value: Any) -> Any:
    """Write the keys as we look them up: Go finds a field whatever the case of its key."""
    if isinstance(value, list):
        return [_in_our_case(member) for member in value]
    if not isinstance(value, dict):
        return value
    return {_ANNOTATED.get(key.lower(), key): _in_our_case(each) for key, each in value.items()}


def _metrics(raw: Raw) -> Iterator[MetricClaim | Expression]:
    """Metrics of autoscaling/v2 and its betas; none at all means cpu at 80 percent."""
    spec = mapping(raw, "spec")
    if not spec.get("metrics"):
        yield default_claim("spec.metrics")
    for index, metric in members(spec, "metrics"):
        yield from _metric(metric, f"spec.metrics[{index}]")


def default_claim(path: str) -> MetricClaim:
    """What the API server fills in where an HPA has no metrics: cpu at 80 percent."""
    target = DEFAULT_CPU_UTILIZATION
    return MetricClaim(CPU, None, TargetType.UTILIZATION, target, path, defaulted=True)


def _metric(metric: Raw, path: str) -> Iterator[MetricClaim | Expression]:
    kind = text(metric, "type")
    if kind in {"Resource", "ContainerResource"}:
        source = mapping(metric, kind[0].lower() + kind[1:])
        container = text(source, "container") if kind == "ContainerResource" else None
        target_type, target = _target(source)
        resource = shared(text(source, "name"))
        yield MetricClaim(resource, container, target_type, shared(target), shared(path))
    elif kind in {"Pods", "Object", "External"}:
        yield Expression(_expression(mapping(metric, kind.lower())), path)


def _target(source: Raw) -> tuple[TargetType, str]:
    """Classify by the field that is there, as the controller does: averageValue wins.

    v1's annotation and v2beta1 carry the flat fields, v2 and v2beta2 nest them under `target`.
    """
    nested = mapping(source, "target")
    for value in (nested.get("averageValue"), source.get("targetAverageValue")):
        if value is not None:
            return TargetType.AVERAGE_VALUE, str(value)
    for value in (nested.get("averageUtilization"), source.get("targetAverageUtilization")):
        if value is not None:
            return TargetType.UTILIZATION, f"{value}%"
    return TargetType.UTILIZATION, "no target"


def _expression(source: Raw) -> str:
    """The name of a custom or external metric, with what tells whose it is as PromQL has it.

    v2 has `metric.name` and `metric.selector`, v1's annotation and v2beta1 flat fields.
    """
    metric = mapping(source, "metric")
    name = _metric_name(source)
    selected = {
        **strings(metric, "selector", "matchLabels"),
        **strings(source, "metricSelector", "matchLabels"),
    }
    labels = {label: value for label, value in selected.items() if is_read(label)}
    labels |= _described(mapping(source, "describedObject") or mapping(source, "target"))
    matchers = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{matchers}}}" if matchers else name


def _metric_name(source: Raw) -> str:
    return text(mapping(source, "metric"), "name") or text(source, "metricName")


def _described(described: Raw) -> dict[str, str]:
    """The object that an Object metric is about, where that is one with pods of its own."""
    kind, name = text(described, "kind"), text(described, "name")
    return {kind.lower(): name} if kind in DESCRIBED and name else {}

"""What judgements read of an autoscaler and nothing else of it: an allow-list, in the same shape.

A slim object is judged as the whole one is. It leaves this process (other replicas read it), so
credentials of triggers and other people's annotations must not be in it: what is not named here is
left out.
"""

from collections.abc import Mapping
from typing import Any

from webhook.core.autoscalers.alias import names_usage
from webhook.core.autoscalers.hpa import (
    BEHAVIOR_ANNOTATION,
    CONDITIONS_ANNOTATION,
    DESCRIBED,
    HPA_OWNERSHIP_ANNOTATION,
    METRICS_ANNOTATION,
)
from webhook.core.autoscalers.kinds import HPA, POD_AUTOSCALER, SCALED_OBJECT, VPA
from webhook.core.autoscalers.scaled_object import (
    PAUSED,
    PAUSED_REPLICAS,
    PAUSED_SCALE_IN,
    PAUSED_SCALE_OUT,
    TRANSFER_OWNERSHIP,
)
from webhook.core.autoscalers.selectors import is_read
from webhook.core.autoscalers.vpa import GKE_RIGHTSIZING_ANNOTATION
from webhook.core.fields import Raw, mapping, sequence, strings, text
from webhook.core.objects import (
    EXEMPT_ANNOTATION,
    MANAGED_LABEL,
    UNMANAGED_ANNOTATION,
    GroupKind,
    reference,
)
from webhook.core.pod import COMPUTE_RESOURCES

Mask = Mapping[str, Any]
"""The names that are kept, each with the mask of what is under it; an empty one keeps all of it."""

_ALL: Mask = {}


def _names(*names: str) -> dict[str, Mask]:
    return dict.fromkeys(names, _ALL)


_TARGET = _names("apiVersion", "kind", "name")
_BEHAVIOR = dict.fromkeys(("scaleUp", "scaleDown"), _names("selectPolicy"))
_SOURCE = {
    **_names("name", "container", "metricName", "targetAverageUtilization", "targetAverageValue"),
    "metric": {**_names("name"), "selector": _names("matchLabels")},
    "metricSelector": _names("matchLabels"),
    "describedObject": _names("kind", "name"),
    "target": _names("averageUtilization", "averageValue", "kind", "name"),
}
_SOURCES = frozenset({"pods", "object", "external"})
_METRIC = {
    **_names("type"),
    **dict.fromkeys(("resource", "containerResource", "pods", "object", "external"), _SOURCE),
}

_SPECS: Mapping[GroupKind, Mask] = {
    HPA: {
        **_names("minReplicas", "maxReplicas", "targetCPUUtilizationPercentage"),
        "scaleTargetRef": _TARGET,
        "metrics": _METRIC,
        "behavior": _BEHAVIOR,
    },
    SCALED_OBJECT: {
        **_names("minReplicaCount", "maxReplicaCount", "idleReplicaCount"),
        "scaleTargetRef": _TARGET,
        "advanced": {
            "horizontalPodAutoscalerConfig": {**_names("name"), "behavior": _BEHAVIOR},
            "scalingModifiers": _names("formula", "target", "activationTarget", "metricType"),
        },
        "triggers": _names("type", "metricType"),
    },
    POD_AUTOSCALER: {
        **_names("scalingStrategy", "minReplicas", "maxReplicas", "schedules"),
        "scaleTargetRef": _TARGET,
        "subTargetSelector": _names("roleName"),
        "metricsSources": _names("metricSourceType", "targetMetric", "targetValue"),
    },
    # Its policies are whole: a fix is written upon what stands there.
    VPA: {**_names("resourcePolicy", "updatePolicy", "startupBoost"), "targetRef": _TARGET},
}

_ANNOTATIONS: Mapping[GroupKind, tuple[str, ...]] = {
    HPA: (
        METRICS_ANNOTATION,
        BEHAVIOR_ANNOTATION,
        CONDITIONS_ANNOTATION,
        HPA_OWNERSHIP_ANNOTATION,
    ),
    SCALED_OBJECT: (
        PAUSED,
        PAUSED_REPLICAS,
        PAUSED_SCALE_IN,
        PAUSED_SCALE_OUT,
        TRANSFER_OWNERSHIP,
    ),
    VPA: (GKE_RIGHTSIZING_ANNOTATION, UNMANAGED_ANNOTATION),
}

# What selects among the series of a CloudWatch metric.
_DIMENSIONS = frozenset({"dimensionName", "dimensionValue"})

_METADATA: Mask = {
    **_names("namespace", "name", "generateName", "uid", "deletionTimestamp", "finalizers"),
    "ownerReferences": _names("apiVersion", "kind", "name", "uid", "controller"),
}


def slim(raw: Raw) -> Raw:
    """Leave out of an autoscaler what no judgement reads; of other kinds all but who they are."""
    kind = reference(raw).group_kind
    annotations = _names(EXEMPT_ANNOTATION, *_ANNOTATIONS.get(kind, ()))
    marks = {"annotations": annotations}
    if kind == VPA:
        marks["labels"] = _names(MANAGED_LABEL)
    mask = {**_names("apiVersion", "kind"), "metadata": {**_METADATA, **marks}}
    if kind in _SPECS:
        mask["spec"] = _SPECS[kind]
    if kind == HPA:
        mask["status"] = {"conditions": _names("type", "status")}
    kept: dict[str, Any] = _kept(raw, mask)
    if kind == HPA and (metrics := sequence(mapping(kept, "spec"), "metrics")):
        kept["spec"]["metrics"] = [_metric_less(metric) for metric in metrics]
    if kind == SCALED_OBJECT and (triggers := sequence(mapping(raw, "spec"), "triggers")):
        kept["spec"]["triggers"] = [
            {**small, "metadata": _trigger_metadata(whole)} if isinstance(small, dict) else None
            for small, whole in zip(kept["spec"]["triggers"], triggers, strict=True)
        ]
    return kept


def identity_and_target(raw: Raw) -> Raw:
    """Keep only which object it is and what it acts on: of one whose slim form is too large."""
    targets = {"scaleTargetRef": _TARGET, "targetRef": _TARGET}
    mask = {
        **_names("apiVersion", "kind"),
        "metadata": _names("namespace", "name", "generateName", "uid"),
        "spec": targets,
    }
    kept: Raw = _kept(raw, mask)
    return kept


def _kept(raw: Any, mask: Mask) -> Any:
    """Apply a mask; what has the wrong type counts as absent anyway, but keeps its place."""
    if not mask:
        return raw
    if isinstance(raw, list):
        return [_kept(member, mask) for member in raw]
    if not isinstance(raw, dict):
        return None
    return {name: _kept(raw[name], inner) for name, inner in mask.items() if name in raw}


def _metric_less(metric: Any) -> Any:
    """Leave of what selects a metric only what tells whose pods it is about."""
    if not isinstance(metric, dict):
        return metric
    return metric | {name: _source_less(mapping(metric, name)) for name in _SOURCES & metric.keys()}


def _source_less(source: Raw) -> Raw:
    less: dict[str, Any] = {**source}
    metric = mapping(source, "metric")
    if "selector" in metric:
        less["metric"] = {**metric, "selector": _labels_less(mapping(metric, "selector"))}
    if "metricSelector" in source:
        less["metricSelector"] = _labels_less(mapping(source, "metricSelector"))
    for name in ("describedObject", "target"):
        described = mapping(source, name)
        if name in source and described.get("kind") not in DESCRIBED:
            less[name] = {key: described[key] for key in described if key not in {"kind", "name"}}
    return less


def _labels_less(selector: Raw) -> Raw:
    labels = mapping(selector, "matchLabels")
    return {"matchLabels": {key: value for key, value in labels.items() if is_read(key)}}


def _trigger_metadata(trigger: Raw) -> Raw:
    """Keep what is read of a trigger: a target, or queries that name the usage of a resource."""
    if text(trigger, "type") in COMPUTE_RESOURCES:
        kept: Raw = _kept(mapping(trigger, "metadata"), _names("type", "value", "containerName"))
        return kept
    metadata = {"metricName": "", **strings(trigger, "metadata")}
    return {
        name: value
        for name, value in metadata.items()
        if names_usage(value) or (name in _DIMENSIONS and names_usage(metadata["metricName"]))
    }

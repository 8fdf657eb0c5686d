"""Read KServe's InferenceServices: what KServe will scale each of their Deployments by.

Nobody writes these scalers, and they come seconds after the Deployment: a VPA that is there by then
would meet them. Source: KServe 0.19 pkg/controller/v1beta1/inferenceservice/reconcilers:
hpa/hpa_reconciler.go (`getHPAMetrics`, `createHPA`, `shouldCreateHPA`), keda/keda_reconciler.go
(`getKedaMetrics`), autoscaler/autoscaler_reconciler.go; utils/utils.go beside them
(`GetDeploymentMode`) and pkg/constants/constants.go (`PredictorServiceName`).
"""

from collections.abc import Iterator

from webhook.core.autoscalers.alias import Expression, sorted_out
from webhook.core.autoscalers.hpa import DEFAULT_CPU_UTILIZATION, default_claim
from webhook.core.autoscalers.kinds import HPA, SCALED_OBJECT
from webhook.core.autoscalers.scaler import (
    Inert,
    MetricClaim,
    Product,
    Scaler,
    TargetType,
    inert,
)
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.fields import Raw, annotation, integer, mapping, members, sequence, strings, text
from webhook.core.objects import (
    DEFAULT_NAMESPACE,
    controller,
    exemptions,
    is_going,
    reference,
    uid_of,
)
from webhook.core.pod import CPU, MEMORY

DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
AUTOSCALER_CLASS = "serving.kserve.io/autoscalerClass"
TARGET_UTILIZATION = "serving.kserve.io/targetUtilizationPercentage"
STOP = "serving.kserve.io/stop"

COMPONENTS = ("predictor", "transformer", "explainer")

_STANDARD = frozenset({"Standard", "RawDeployment"})
_OTHERS = frozenset({"Knative", "Serverless", "ModelMesh"})

# What KServe makes, by its autoscaler class: of `none` and `external` nothing.
_MAKES = {"hpa": HPA, "keda": SCALED_OBJECT}

PRESUMED = "holds where KServe's default deployment mode is Standard, as no annotation names one"


def read_inference_service(raw: Raw) -> tuple[Scaler, ...]:
    """Read the scalers that an InferenceService brings, one for each of its Deployments.

    In Knative's mode there are neither Deployments of these names nor HPAs.
    """
    ref = reference(raw)
    mode = _mode(raw)
    if ref.name is None or mode in _OTHERS:
        return ()
    found = (_component(raw, ref.name, name, is_certain=mode != "") for name in COMPONENTS)
    return tuple(scaler for scaler in found if scaler is not None)


def _mode(raw: Raw) -> str:
    """The deployment mode; an empty text where KServe's own configuration decides."""
    annotated = annotation(raw, DEPLOYMENT_MODE)
    mode = text(mapping(raw, "status"), "deploymentMode") or annotated
    return mode if mode in _STANDARD | _OTHERS else ""


def _component(raw: Raw, service: str, name: str, *, is_certain: bool) -> Scaler | None:
    ref = reference(raw)
    component = mapping(raw, "spec", name)
    annotations = {
        **strings(raw, "metadata", "annotations"),
        **strings(component, "annotations"),
    }
    made = _MAKES.get(annotations.get(AUTOSCALER_CLASS, "hpa"))
    if not component or made is None:
        return None
    own = text(component, "name") if name == "predictor" else ""
    deployment = "-".join(part for part in (service, own, name) if part)
    target = WorkloadKey(ref.namespace or DEFAULT_NAMESPACE, "apps", "Deployment", deployment)
    path = f"spec.{name}"
    read = _hpa(component, annotations, path) if made == HPA else _triggers(component, path)
    metrics, aliases = sorted_out(read, target)
    least, most = _range(component)
    return Scaler(
        ref,
        uid_of(raw),
        target,
        metrics,
        aliases,
        active=not is_going(raw) and annotations.get(STOP, "").lower() != "true",
        inert=_inert(
            least, most, path, has_canaries=bool(sequence(mapping(raw, "spec"), "canary"))
        ),
        exempt=exemptions(raw),
        makes=Product(made, deployment),
        owner=controller(raw),
        most=most if is_certain else None,
        implied=True,
        presumed=None if is_certain else PRESUMED,
    )


def _range(component: Raw) -> tuple[int, int]:
    """The range of the HPA: by default 1 to 1."""
    least = max(integer(component, "minReplicas") or 0, 1)
    return least, max(integer(component, "maxReplicas") or 0, least)


def _inert(least: int, most: int, path: str, *, has_canaries: bool) -> Inert | None:
    """Say why the HPA will have no effect.

    KServe takes canaries that run off the lower bound of the stable predictor.
    """
    found = inert(least, most, {}, (path, path))
    if found is None or (has_canaries and least > 1):
        return None
    return Inert(f"{found.reason} in the HPA that KServe makes", found.path)


def _hpa(component: Raw, annotations: dict[str, str], path: str) -> Iterator[MetricClaim]:
    """The metrics of the HPA; where there are none the API server fills in cpu at 80 percent."""
    listed = list(_resource_metrics(component, path))
    scale = integer(component, "scaleTarget")
    metric = text(component, "scaleMetric") or CPU
    if component.get("autoScaling") is not None:
        yield from listed or [default_claim(path)]
    elif metric == MEMORY and scale is not None:
        yield MetricClaim(MEMORY, None, TargetType.UTILIZATION, f"{scale}%", path)
    elif metric == CPU and (scale is not None or TARGET_UTILIZATION in annotations):
        # The annotation is older versions' (up to 0.14); where both are there the field counts.
        target = annotations.get(TARGET_UTILIZATION) if scale is None else scale
        yield MetricClaim(CPU, None, TargetType.UTILIZATION, f"{target}%", path)
    else:
        yield default_claim(path)


def _resource_metrics(component: Raw, path: str) -> Iterator[MetricClaim]:
    """The Resource metrics of an HPA: of cpu it reads the percentage, whatever the type says."""
    for at, source in _sources(component, path, "resource"):
        resource, target = text(source, "name"), mapping(source, "target")
        share = integer(target, "averageUtilization")
        if resource == CPU:
            shown = f"{share}%" if share is not None else DEFAULT_CPU_UTILIZATION
            yield MetricClaim(CPU, None, TargetType.UTILIZATION, shown, at)
        elif resource == MEMORY:
            yield _by_type(resource, target, at)


def _by_type(resource: str, target: Raw, path: str) -> MetricClaim:
    if text(target, "type") == TargetType.UTILIZATION:
        share = target.get("averageUtilization", "no target")
        return MetricClaim(resource, None, TargetType.UTILIZATION, f"{share}%", path)
    value = str(target.get("averageValue") or target.get("value") or "no target")
    return MetricClaim(resource, None, TargetType.AVERAGE_VALUE, value, path)


def _triggers(component: Raw, path: str) -> Iterator[MetricClaim | Expression]:
    """What the triggers of the ScaledObject read."""
    for at, source in _sources(component, path, "resource"):
        yield _by_type(text(source, "name"), mapping(source, "target"), at)
    for field in ("external", "podmetric"):
        for at, source in _sources(component, path, field):
            yield Expression(text(mapping(source, "metric"), "query"), at)


def _sources(component: Raw, path: str, field: str) -> Iterator[tuple[str, Raw]]:
    for index, metric in members(mapping(component, "autoScaling"), "metrics"):
        if mapping(metric, field):
            yield f"{path}.autoScaling.metrics[{index}]", mapping(metric, field)

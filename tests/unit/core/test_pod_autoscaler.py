"""All that is read of a PodAutoscaler, and what becomes of what is not there."""

from typing import Any

from tests.unit.core.scalers import (
    AMOUNT,
    PERCENT,
    QUERY,
    TARGET,
    WEB,
    Raw,
    alias,
    bare,
    going,
    made,
    silent,
    whole,
)
from webhook.core.autoscalers.kinds import HPA
from webhook.core.autoscalers.pod_autoscaler import read_pod_autoscaler
from webhook.core.autoscalers.scaler import (
    Inert,
    MetricClaim,
    Product,
)
from webhook.core.pod import CPU, MEMORY


def pod_autoscaler(strategy: str, *sources: Raw, **spec: Any) -> Raw:
    spec = {
        "scaleTargetRef": TARGET,
        "scalingStrategy": strategy,
        "metricsSources": list(sources),
        **spec,
    }
    return made("autoscaling.aibrix.ai/v1alpha1", "PodAutoscaler", spec)


def source(metric: str, kind: str = "resource", value: str = "5") -> Raw:
    return {"metricSourceType": kind, "targetMetric": metric, "targetValue": value}


def test_a_pod_autoscaler() -> None:
    sources = (source("CPU", "pod"), source(MEMORY), source(QUERY, "external"))
    more = {"maxReplicas": 4, "subTargetSelector": {"roleName": "decode"}}
    raw = pod_autoscaler("HPA", *sources, **more)
    assert read_pod_autoscaler(raw) == whole(
        raw,
        MetricClaim(CPU, None, PERCENT, "5%", "spec.metricsSources[0]"),
        MetricClaim(MEMORY, None, AMOUNT, "5Mi", "spec.metricsSources[1]"),
        alias("spec.metricsSources[2]"),
        makes=Product(HPA, "web-hpa"),
        most=4,
        part="decode",
    )
    assert not read_pod_autoscaler(going(raw)).active


def test_a_pod_autoscaler_that_scales_by_itself() -> None:
    found = read_pod_autoscaler(
        pod_autoscaler("KPA", source(CPU), source(MEMORY), source("CPU"), source(CPU, "pod"))
    )
    assert found.metrics == (
        MetricClaim(CPU, None, AMOUNT, "5m", "spec.metricsSources[0]"),
        MetricClaim(MEMORY, None, AMOUNT, "5", "spec.metricsSources[1]"),
    )
    assert (found.makes, found.part) == (None, None)


def test_a_pod_autoscaler_that_says_nothing() -> None:
    api = "autoscaling.aibrix.ai/v1alpha1"
    nothing = bare(api, "PodAutoscaler")
    assert read_pod_autoscaler(nothing) == silent(nothing)
    unnamed = {"apiVersion": api, "metadata": {}, "spec": {"scalingStrategy": "HPA"}}
    assert read_pod_autoscaler(unnamed).makes == Product(HPA, None)
    raw = bare(api, "PodAutoscaler", {"scaleTargetRef": TARGET})
    assert read_pod_autoscaler(raw).target == WEB._replace(namespace="default")


def test_schedules_bring_other_bounds() -> None:
    bounds = {"minReplicas": 3, "maxReplicas": 3}
    found = read_pod_autoscaler(pod_autoscaler("HPA", **bounds))
    assert found.inert == Inert("minReplicas equals maxReplicas (3)", "spec.maxReplicas")
    found = read_pod_autoscaler(pod_autoscaler("HPA", **bounds, schedules=[{"name": "night"}]))
    assert (found.inert, found.most) == (None, None)


def test_a_metric_of_other_pods_is_none_of_the_workload() -> None:
    for strategy in ("HPA", "KPA"):
        query = f'{QUERY[:-1]}{{namespace="api"}})'
        raw = pod_autoscaler(strategy, source(query, "external"))
        assert read_pod_autoscaler(raw).aliases == ()

"""All that is read of a ScaledObject, and what becomes of what is not there."""

from typing import Any

from tests.unit.core.scalers import (
    AMOUNT,
    PERCENT,
    QUERY,
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
from webhook.core.autoscalers.scaled_object import read_scaled_object
from webhook.core.autoscalers.scaler import (
    Inert,
    MetricClaim,
    Product,
    Scaler,
    Source,
)
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.pod import CPU, MEMORY


def scaled_object(*triggers: Raw, **spec: Any) -> Raw:
    spec = {"scaleTargetRef": {"name": "web"}, "triggers": list(triggers), **spec}
    return made("keda.sh/v1alpha1", "ScaledObject", spec)


def annotated(raw: Raw, **annotations: str) -> Scaler:
    found = {
        f"autoscaling.keda.sh/{key.replace('_', '-')}": one for key, one in annotations.items()
    }
    return read_scaled_object(made(raw["apiVersion"], raw["kind"], raw["spec"], **found))


CPU_TRIGGER = {"type": CPU, "metricType": "Utilization", "metadata": {"value": " 60 "}}


def test_a_scaled_object() -> None:
    memory = {
        "type": MEMORY,
        "metadata": {"type": "AverageValue", "value": 64, "containerName": " app "},
    }
    query = {"type": "prometheus", "metadata": {"query": QUERY, "threshold": "5"}}
    raw = scaled_object(CPU_TRIGGER, memory, query, minReplicaCount=1, maxReplicaCount=7)
    assert read_scaled_object(raw) == whole(
        raw,
        MetricClaim(CPU, None, PERCENT, "60%", "spec.triggers[0]"),
        MetricClaim(MEMORY, "app", AMOUNT, "64", "spec.triggers[1]"),
        alias("spec.triggers[2].metadata"),
        makes=Product(HPA, "keda-hpa-web"),
        most=7,
        least=1,
        sources=frozenset({Source("prometheus")}),
    )
    assert not read_scaled_object(going(raw)).active


def test_a_scaled_object_that_says_nothing() -> None:
    nothing = bare("keda.sh/v1alpha1", "ScaledObject")
    assert read_scaled_object(nothing) == silent(
        nothing, makes=Product(HPA, "keda-hpa-web"), activates=True, most=100, least=0
    )
    unnamed = {"apiVersion": "keda.sh/v1alpha1", "metadata": {"generateName": "web-"}}
    assert read_scaled_object(unnamed).makes == Product(HPA, None)
    raw = bare("keda.sh/v1alpha1", "ScaledObject", {"scaleTargetRef": {"name": "web"}})
    assert read_scaled_object(raw).target == WEB._replace(namespace="default")


def test_what_a_scaled_object_scales() -> None:
    def target(**ref: str) -> WorkloadKey | None:
        raw = scaled_object(scaleTargetRef={"name": "web", **ref})
        return read_scaled_object(raw).target

    assert target(kind="StatefulSet") == WorkloadKey("shop", "apps", "StatefulSet", "web")
    assert target(apiVersion="argoproj.io/v1alpha1", kind="Rollout") == WorkloadKey(
        "shop", "argoproj.io", "Rollout", "web"
    )
    assert target(apiVersion="v1", kind="ReplicationController") == WorkloadKey(
        "shop", "", "ReplicationController", "web"
    )
    assert target(name="") is None


def test_the_name_of_the_hpa_may_be_another_and_taken_over() -> None:
    advanced = {"horizontalPodAutoscalerConfig": {"name": "old"}}
    key = "scaledobject.keda.sh/transfer-hpa-ownership"
    raw = scaled_object(advanced=advanced)
    assert read_scaled_object(raw).makes == Product(HPA, "old")
    assert read_scaled_object(raw).takes_over is None
    for value, taken in (("true", "old"), ("false", None)):
        again = made(raw["apiVersion"], raw["kind"], raw["spec"], **{key: value})
        assert read_scaled_object(again).takes_over == taken
    plain = made(raw["apiVersion"], raw["kind"], scaled_object()["spec"], **{key: "true"})
    assert read_scaled_object(plain).takes_over is None


def test_a_scaled_object_may_be_paused() -> None:
    raw = scaled_object(CPU_TRIGGER)
    assert not annotated(raw, paused="true").active
    assert not annotated(raw, paused="anything").active
    assert annotated(raw, paused="false").active
    assert annotated(raw, paused="F").active
    assert not annotated(raw, paused_replicas="0").active


def test_pausing_both_directions_fixes_the_replicas() -> None:
    raw = scaled_object(CPU_TRIGGER)
    both = annotated(raw, paused_scale_in="true", paused_scale_out="true")
    assert both.inert == Inert(
        "scale-in and scale-out are both paused",
        "metadata.annotations[autoscaling.keda.sh/paused-scale-in]",
    )
    assert not both.activates
    for one in ({"paused_scale_in": "true"}, {"paused_scale_out": "true"}):
        found = annotated(raw, **one)
        assert (found.inert, found.activates) == (None, True)
    assert annotated(raw, paused_scale_in="false", paused_scale_out="true").inert is None


def test_pausing_one_direction_adds_to_the_behavior() -> None:
    def found(direction: str, **annotations: str) -> Inert | None:
        behavior = {direction: {"selectPolicy": "Disabled"}}
        advanced = {"horizontalPodAutoscalerConfig": {"behavior": behavior}}
        return annotated(scaled_object(advanced=advanced), **annotations).inert

    assert found("scaleUp", paused_scale_in="true") == Inert(
        "behavior disables both directions in the HPA that KEDA makes",
        "spec.advanced.horizontalPodAutoscalerConfig.behavior",
    )
    assert found("scaleDown", paused_scale_out="true") is not None
    assert found("scaleDown", paused_scale_in="true") is None
    assert found("scaleUp") is None


def test_the_range_of_the_hpa_that_keda_makes() -> None:
    def found(**spec: int) -> Inert | None:
        return read_scaled_object(scaled_object(**spec)).inert

    assert found(maxReplicaCount=1) == Inert(
        "minReplicas equals maxReplicas (1) in the HPA that KEDA makes", "spec.maxReplicaCount"
    )
    assert found(minReplicaCount=0, maxReplicaCount=1) is not None
    assert found(minReplicaCount=100) is not None
    assert found(minReplicaCount=1) is None
    assert found(maxReplicaCount=0) is None


def test_keda_activates_from_none_or_from_idle() -> None:
    def activates(**spec: int) -> bool:
        return read_scaled_object(scaled_object(**spec)).activates

    assert activates()
    assert activates(minReplicaCount=0)
    assert not activates(minReplicaCount=1)
    assert activates(minReplicaCount=1, idleReplicaCount=0)


def test_triggers_that_become_resource_metrics() -> None:
    def claim(**trigger: Any) -> MetricClaim:
        (found,) = read_scaled_object(scaled_object({"type": CPU, **trigger})).metrics
        return found

    at = "spec.triggers[0]"
    value = {"value": "60"}
    assert claim(metadata=value) == MetricClaim(CPU, None, PERCENT, "60%", at)
    assert claim(metricType="AverageValue", metadata=value).target_type is AMOUNT
    both = {**value, "type": "AverageValue"}
    assert claim(metricType="Utilization", metadata=both).target == "60%"
    assert claim() == MetricClaim(CPU, None, PERCENT, "no value%", at)
    assert claim(metadata={**value, "containerName": "  "}).container is None


def test_scaling_modifiers_drop_the_metrics_of_one_container() -> None:
    of_one = {"type": CPU, "metadata": {"value": "60", "containerName": "app"}}
    for modifiers, dropped in (({"formula": "a"}, True), ({"formula": ""}, False), ({}, False)):
        raw = scaled_object(of_one, CPU_TRIGGER, advanced={"scalingModifiers": modifiers})
        first, second = read_scaled_object(raw).metrics
        assert (first.dropped, second.dropped) == (dropped, False)


def test_what_a_trigger_asks_for() -> None:
    def asked(kind: str, **metadata: str) -> list[str]:
        found = read_scaled_object(scaled_object({"type": kind, "metadata": metadata}))
        return [one.expression for one in found.aliases]

    name = "pod_memory_utilization"
    assert asked("cron", query=QUERY) == []
    assert asked("kubernetes-workload", query=QUERY) == []
    assert asked("aws-cloudwatch", metricName=name) == [name]
    ours = {"dimensionName": "Namespace;PodName", "dimensionValue": "shop;web"}
    assert asked("aws-cloudwatch", metricName=name, **ours) == [
        f'{name}{{Namespace="shop",PodName="web"}}'
    ]
    assert asked("aws-cloudwatch", metricName=name, **{**ours, "dimensionValue": "shop;api"}) == []
    assert asked("aws-cloudwatch", metricName=name, dimensionName=";", dimensionValue="a;b") == [
        name
    ]
    # KEDA refuses names without values, and the reverse: they say nothing, and stop nobody.
    assert asked("aws-cloudwatch", metricName=name, dimensionName="Namespace") != []
    assert asked("aws-cloudwatch", metricName=name, dimensionName="a;b", dimensionValue="x") != []
    assert asked("aws-cloudwatch", metricName=name, dimensionValue="api") == [name]
    other = {"dimensionName": "Namespace", "dimensionValue": "api"}
    assert asked("aws-cloudwatch", expression=name, **other) == [name]

"""All that is read of an HPA, and what becomes of what is not there."""

from typing import Any

import pytest

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
from webhook.core.autoscalers.hpa import read_hpa
from webhook.core.autoscalers.scaler import (
    Inert,
    MetricClaim,
    Scaler,
    Source,
    TargetType,
    inert,
)
from webhook.core.pod import CPU, MEMORY


def hpa(version: str = "v2", **spec: Any) -> Raw:
    spec = {"scaleTargetRef": TARGET, "maxReplicas": 9, **spec}
    return made(f"autoscaling/{version}", "HorizontalPodAutoscaler", spec)


def claims(**spec: Any) -> list[MetricClaim]:
    return list(read_hpa(hpa(**spec)).metrics)


def test_an_hpa() -> None:
    metrics = [
        {"type": "Resource", "resource": {"name": CPU, "target": {"averageUtilization": 60}}},
        {
            "type": "ContainerResource",
            "containerResource": {
                "name": MEMORY,
                "container": "app",
                "target": {"averageValue": "1Gi"},
            },
        },
        {"type": "Pods", "pods": {"metric": {"name": QUERY}}},
        {"type": "Other"},
    ]
    raw = hpa(metrics=metrics, minReplicas=2)
    assert read_hpa(raw) == whole(
        raw,
        MetricClaim(CPU, None, PERCENT, "60%", "spec.metrics[0]"),
        MetricClaim(MEMORY, "app", AMOUNT, "1Gi", "spec.metrics[1]"),
        alias("spec.metrics[2]"),
        most=9,
        least=2,
        sources=frozenset({Source("Pods", QUERY)}),
    )
    assert not read_hpa(going(raw)).active


def test_an_hpa_that_says_nothing() -> None:
    nothing = bare("autoscaling/v2", "HorizontalPodAutoscaler")
    assert read_hpa(nothing) == silent(
        nothing, MetricClaim(CPU, None, PERCENT, "80%", "spec.metrics", defaulted=True), least=1
    )
    raw = bare("autoscaling/v2", "HorizontalPodAutoscaler", {"scaleTargetRef": TARGET})
    assert read_hpa(raw).target == WEB._replace(namespace="default")


def test_a_target_without_a_kind_or_a_name_is_none() -> None:
    for ref in ({"kind": "Deployment"}, {"name": "web"}, {}):
        assert read_hpa(hpa(scaleTargetRef=ref)).target is None


@pytest.mark.parametrize("version", ["v2", "v1"])
def test_an_hpa_without_effect_says_which_field_takes_it(version: str) -> None:
    found = read_hpa(hpa(version, minReplicas=9)).inert
    assert found == Inert("minReplicas equals maxReplicas (9)", "spec.maxReplicas")
    both = {name: {"selectPolicy": "Disabled"} for name in ("scaleUp", "scaleDown")}
    raw = hpa("v2", behavior=both)
    assert read_hpa(raw).inert == Inert("behavior disables both directions", "spec.behavior")
    one = hpa("v2", behavior={"scaleUp": both["scaleUp"]})
    assert read_hpa(one).inert is None
    annotation = "autoscaling.alpha.kubernetes.io/behavior"
    for key in ("scaleUp", "ScaleUP"):
        up, down = '{"SelectPolicy": "Disabled"}', '{"selectPolicy": "Disabled"}'
        written = f'{{"{key}": {up}, "scaleDown": {down}}}'
        raw = made(
            "autoscaling/v1", "HorizontalPodAutoscaler", hpa()["spec"], **{annotation: written}
        )
        assert read_hpa(raw).inert == Inert(
            "behavior disables both directions", f"metadata.annotations[{annotation}]"
        )
        raw["apiVersion"] = "autoscaling/v2"
        assert read_hpa(raw).inert is None


def test_one_and_one_are_no_range() -> None:
    assert inert(None, 1, {}, ("max", "behavior")) == Inert(
        "minReplicas equals maxReplicas (1)", "max"
    )
    assert inert(0, 1, {}, ("max", "behavior")) is None
    assert inert(None, None, {}, ("max", "behavior")) is None
    assert inert(1, 2, {"scaleUp": {"selectPolicy": "Max"}}, ("max", "behavior")) is None


def test_an_hpa_says_whether_it_bears_a_scaled_object() -> None:
    key = "validations.keda.sh/hpa-ownership"
    spec = hpa()["spec"]
    for value, bears in (("false", True), ("true", False), ("", False)):
        raw = made("autoscaling/v2", "HorizontalPodAutoscaler", spec, **{key: value})
        assert read_hpa(raw).tolerates_scaled_objects is bears


@pytest.mark.parametrize(
    ("kind", "status", "is_zero"),
    [
        ("ScaledToZero", "True", True),
        ("ScaledToZero", "False", False),
        ("AbleToScale", "True", False),
    ],
)
def test_an_hpa_scaled_to_zero(kind: str, status: str, *, is_zero: bool) -> None:
    condition = {"type": kind, "status": status}
    raw = {**hpa(), "status": {"conditions": [{"type": "Other", "status": "True"}, condition]}}
    assert read_hpa(raw).scaled_to_zero is is_zero
    written = f'[{{"Type": "{kind}", "status": "{status}"}}]'
    annotation = {"autoscaling.alpha.kubernetes.io/conditions": written}
    old = made("autoscaling/v1", "HorizontalPodAutoscaler", hpa()["spec"], **annotation)
    assert read_hpa(old).scaled_to_zero is is_zero
    assert not read_hpa({**old, "apiVersion": "autoscaling/v2"}).scaled_to_zero
    assert not read_hpa({**raw, "apiVersion": "autoscaling/v1"}).scaled_to_zero


def old_hpa(annotation: str, **spec: Any) -> Scaler:
    key = "autoscaling.alpha.kubernetes.io/metrics"
    spec = {"scaleTargetRef": TARGET, **spec}
    return read_hpa(made("autoscaling/v1", "HorizontalPodAutoscaler", spec, **{key: annotation}))


def test_v1_has_a_target_in_its_spec_and_others_in_an_annotation() -> None:
    at = "metadata.annotations[autoscaling.alpha.kubernetes.io/metrics]"
    memory = '{"type":"Resource","Resource":{"name":"memory","targetAverageUtilization":50}}'
    pods = f'{{"type": "Pods", "pods": {{"metricName": "{QUERY}", "targetAverageValue": "1"}}}}'
    found = old_hpa(f"[{memory}, {pods}]", targetCPUUtilizationPercentage=70)
    assert found.metrics == (
        MetricClaim(CPU, None, PERCENT, "70%", "spec.targetCPUUtilizationPercentage"),
        MetricClaim(MEMORY, None, PERCENT, "50%", at),
    )
    assert found.aliases == (alias(at),)
    assert found.sources == frozenset({Source("Pods", QUERY)})
    assert [one.path for one in old_hpa(f"[{memory}]").metrics] == [at]


def test_whose_a_metric_is_stands_in_the_annotation_too() -> None:
    name = f'"metricName": "{QUERY[4:-1]}"'
    for whose, aliases in (("shop", 1), ("api", 0)):
        labels = f'{{"matchLabels": {{"namespace": "{whose}"}}}}'
        external = f'{{"type": "External", "external": {{{name}, "metricSelector": {labels}}}}}'
        assert len(old_hpa(f"[{external}]").aliases) == aliases


@pytest.mark.parametrize(
    "annotation",
    [
        "",
        "[]",
        "{}",
        "[",
        "[1]",
        '[{"type":"Resource","resource":{"name":"memory","targetAverageUtilization":"50"}}]',
        '[{"type":"Resource","resource":{"name":"memory","targetAverageUtilization":true}}]',
        '[{"type":"ContainerResource","containerResource":{"targetAverageUtilization":1.5}}]',
    ],
)
def test_what_go_cannot_decode_counts_as_nothing(annotation: str) -> None:
    default = MetricClaim(
        CPU, None, PERCENT, "80%", "spec.targetCPUUtilizationPercentage", defaulted=True
    )
    assert old_hpa(annotation).metrics == (default,)
    (stated,) = old_hpa(annotation, targetCPUUtilizationPercentage=70).metrics
    assert stated.target == "70%"


@pytest.mark.parametrize(
    ("source", "target_type", "target"),
    [
        ({"target": {"averageValue": "1", "averageUtilization": 5}}, AMOUNT, "1"),
        ({"targetAverageValue": "1", "targetAverageUtilization": 5}, AMOUNT, "1"),
        ({"target": {"averageUtilization": 5}, "targetAverageValue": "2"}, AMOUNT, "2"),
        ({"target": {"averageValue": "1"}, "targetAverageValue": "2"}, AMOUNT, "1"),
        ({"target": {"averageUtilization": 5}, "targetAverageUtilization": 6}, PERCENT, "5%"),
        ({"targetAverageUtilization": 6}, PERCENT, "6%"),
        ({"target": {"type": "AverageValue"}}, PERCENT, "no target"),
    ],
)
def test_a_target_is_what_its_fields_say(source: Raw, target_type: TargetType, target: str) -> None:
    metric = {"type": "Resource", "resource": {"name": CPU, **source}}
    assert claims(metrics=[metric]) == [
        MetricClaim(CPU, None, target_type, target, "spec.metrics[0]")
    ]


def expression(kind: str, source: Raw) -> str | None:
    found = read_hpa(hpa(metrics=[{"type": kind, kind.lower(): source}]))
    return found.aliases[0].expression if found.aliases else None


def test_whose_a_metric_is_stands_behind_its_name() -> None:
    name = "container_memory_rss"
    labels = {"matchLabels": {"namespace": "shop", "le": "1", "pod": "web-0"}}
    told = f'{name}{{namespace="shop",pod="web-0"}}'
    assert expression("External", {"metric": {"name": name, "selector": labels}}) == told
    assert expression("External", {"metricName": name, "metricSelector": labels}) == told
    assert expression("Pods", {"metric": {"name": name}, "metricName": "other"}) == name
    for field in ("describedObject", "target"):
        about = {"kind": "Deployment", "name": "web"}
        source: Raw = {"metric": {"name": name}, field: about}
        assert expression("Object", source) == f'{name}{{deployment="web"}}'
        assert expression("Object", {**source, field: {**about, "name": ""}}) == name
        assert expression("Object", {**source, field: {**about, "kind": "Service"}}) == name
    other = {"describedObject": {"kind": "Pod", "name": "api-0"}, "metric": {"name": name}}
    assert expression("Object", other) is None

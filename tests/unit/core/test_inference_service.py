"""All that is read of what KServe will scale an InferenceService by."""

from typing import Any

from tests.unit.core.scalers import AMOUNT, OWNER, PERCENT, QUERY, Raw, alias, bare, going, made
from webhook.core.autoscalers.inference_service import PRESUMED, read_inference_service
from webhook.core.autoscalers.kinds import HPA, SCALED_OBJECT
from webhook.core.autoscalers.scaler import (
    Inert,
    MetricClaim,
    Product,
    Scaler,
)
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.objects import ObjectRef
from webhook.core.pod import CPU, MEMORY


def inference_service(mode: str | None = "Standard", **components: Any) -> Raw:
    mark = {} if mode is None else {"serving.kserve.io/deploymentMode": mode}
    return made("serving.kserve.io/v1beta1", "InferenceService", components, **mark)


def only(raw: Raw) -> Scaler:
    (found,) = read_inference_service(raw)
    return found


def test_the_scaler_of_an_inference_service() -> None:
    raw = inference_service(predictor={"minReplicas": 2, "maxReplicas": 5, "scaleTarget": 60})
    name = "web-predictor"
    assert only(raw) == Scaler(
        ObjectRef("serving.kserve.io/v1beta1", "InferenceService", "shop", "web"),
        "u2",
        WorkloadKey("shop", "apps", "Deployment", name),
        (MetricClaim(CPU, None, PERCENT, "60%", "spec.predictor"),),
        (),
        active=True,
        inert=None,
        exempt=frozenset({"duplicate-hpa"}),
        makes=Product(HPA, name),
        owner=OWNER,
        most=5,
        implied=True,
    )
    assert not only(going(raw)).active


def test_each_component_has_its_own() -> None:
    raw = inference_service(
        predictor={"name": "gpu"}, transformer={"name": "x"}, explainer={"y": 1}, other={"y": 1}
    )
    found = read_inference_service(raw)
    assert [one.target.name for one in found if one.target is not None] == [
        "web-gpu-predictor",
        "web-transformer",
        "web-explainer",
    ]
    assert [one.metrics[0].path for one in found] == [
        "spec.predictor",
        "spec.transformer",
        "spec.explainer",
    ]


def test_the_mode_of_an_inference_service() -> None:
    component = {"minReplicas": 1, "maxReplicas": 3}
    for mode in ("Standard", "RawDeployment"):
        found = only(inference_service(mode, predictor=component))
        assert (found.most, found.presumed) == (3, None)
    for mode in ("Knative", "Serverless", "ModelMesh"):
        assert read_inference_service(inference_service(mode, predictor=component)) == ()
    for unknown in (None, "Other"):
        found = only(inference_service(unknown, predictor=component))
        assert (found.most, found.presumed) == (None, PRESUMED)
    told = {**inference_service("Knative", predictor=component)}
    told["status"] = {"deploymentMode": "Standard"}
    assert only(told).presumed is None


def test_an_inference_service_without_a_name_or_a_namespace() -> None:
    api = "serving.kserve.io/v1beta1"
    raw = bare(api, "InferenceService", {"predictor": {"x": 1}})
    assert only(raw).target == WorkloadKey("default", "apps", "Deployment", "web-predictor")
    assert read_inference_service({**raw, "metadata": {"generateName": "web-"}}) == ()


def test_who_scales_it_is_told_by_its_class() -> None:
    key = "serving.kserve.io/autoscalerClass"
    for name, product in (("hpa", HPA), ("keda", SCALED_OBJECT)):
        raw = inference_service(predictor={"x": 1, "annotations": {key: name}})
        made_by = only(raw).makes
        assert made_by == Product(product, "web-predictor")
    for name in ("none", "external"):
        raw = inference_service(predictor={"x": 1, "annotations": {key: name}})
        assert read_inference_service(raw) == ()


def test_a_service_may_be_stopped() -> None:
    for value, active in (("true", False), ("True", False), ("false", True)):
        raw = inference_service(
            predictor={"x": 1, "annotations": {"serving.kserve.io/stop": value}}
        )
        assert only(raw).active is active


def test_the_range_of_the_hpa_that_kserve_makes() -> None:
    def found(canary: Any = None, **component: int) -> tuple[int | None, Inert | None]:
        one = only(inference_service(predictor={"x": 1, **component}, canary=canary))
        return one.most, one.inert

    idle = "minReplicas equals maxReplicas ({}) in the HPA that KServe makes"
    assert found() == (1, Inert(idle.format(1), "spec.predictor"))
    assert found(minReplicas=0, maxReplicas=0) == (1, Inert(idle.format(1), "spec.predictor"))
    assert found(minReplicas=3) == (3, Inert(idle.format(3), "spec.predictor"))
    assert found(minReplicas=3, maxReplicas=2) == (3, Inert(idle.format(3), "spec.predictor"))
    assert found(maxReplicas=2) == (2, None)
    # What canaries have runs off the lower bound, as long as there is something to run off.
    assert found([{"x": 1}], minReplicas=2) == (2, None)
    assert found([{"x": 1}], minReplicas=1) == (1, Inert(idle.format(1), "spec.predictor"))


def kserve_claims(annotation: str | None = None, **component: Any) -> list[MetricClaim]:
    key = "serving.kserve.io/targetUtilizationPercentage"
    annotations = {} if annotation is None else {key: annotation}
    return list(
        only(inference_service(predictor={"x": 1, "annotations": annotations, **component})).metrics
    )


def test_the_metric_of_a_component() -> None:
    at = "spec.predictor"
    default = MetricClaim(CPU, None, PERCENT, "80%", at, defaulted=True)
    assert kserve_claims() == [default]
    assert kserve_claims(scaleTarget=60) == [MetricClaim(CPU, None, PERCENT, "60%", at)]
    assert kserve_claims("70") == [MetricClaim(CPU, None, PERCENT, "70%", at)]
    assert kserve_claims("70", scaleTarget=60) == [MetricClaim(CPU, None, PERCENT, "60%", at)]
    memory = {"scaleMetric": MEMORY}
    assert kserve_claims(scaleTarget=60, **memory) == [
        MetricClaim(MEMORY, None, PERCENT, "60%", at)
    ]
    assert kserve_claims("70", **memory) == [default]
    assert kserve_claims(scaleMetric="concurrency", scaleTarget=60) == [default]


def resource(name: str, **target: Any) -> Raw:
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def test_metrics_of_auto_scaling() -> None:
    at = "spec.predictor.autoScaling.metrics[{}]"

    def read(*metrics: Raw) -> list[MetricClaim]:
        return kserve_claims(autoScaling={"metrics": list(metrics)}, scaleTarget=60)

    assert read() == [MetricClaim(CPU, None, PERCENT, "80%", "spec.predictor", defaulted=True)]
    assert read(
        resource(CPU, type="AverageValue", averageUtilization=55),
        resource(CPU),
        resource("other", averageUtilization=5),
        resource(MEMORY, type="Utilization", averageUtilization=66),
        resource(MEMORY, type="Utilization"),
        resource(MEMORY, type="AverageValue", averageValue="1Gi", value="2Gi"),
        resource(MEMORY, type="Value", value="2Gi"),
        resource(MEMORY),
    ) == [
        MetricClaim(CPU, None, PERCENT, "55%", at.format(0)),
        MetricClaim(CPU, None, PERCENT, "80%", at.format(1)),
        MetricClaim(MEMORY, None, PERCENT, "66%", at.format(3)),
        MetricClaim(MEMORY, None, PERCENT, "no target%", at.format(4)),
        MetricClaim(MEMORY, None, AMOUNT, "1Gi", at.format(5)),
        MetricClaim(MEMORY, None, AMOUNT, "2Gi", at.format(6)),
        MetricClaim(MEMORY, None, AMOUNT, "no target", at.format(7)),
    ]


def test_triggers_of_auto_scaling() -> None:
    metrics = [
        resource(CPU, type="Utilization", averageUtilization=55),
        {"type": "External", "external": {"metric": {"query": QUERY}}},
        {"type": "PodMetric", "podmetric": {"metric": {"query": QUERY}}},
    ]
    at = "spec.predictor.autoScaling.metrics[{}]"
    component = {
        "autoScaling": {"metrics": metrics},
        "annotations": {"serving.kserve.io/autoscalerClass": "keda"},
    }
    found = only(inference_service(predictor=component))
    assert found.metrics == (MetricClaim(CPU, None, PERCENT, "55%", at.format(0)),)
    assert found.aliases == (alias(at.format(1)), alias(at.format(2)))
    metrics[1]["external"]["metric"]["query"] = f'{QUERY[:-1]}{{namespace="api"}})'
    assert only(inference_service(predictor=component)).aliases == (alias(at.format(2)),)

"""Whatever scales a workload: the VPA beside it is one that our own rules let pass."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.vpa_plan.workloads import GPU_NODE, Raw, container, hpa, metric, vpa, workload
from webhook.config import parse
from webhook.core import quantity
from webhook.core.finding import Action
from webhook.core.vpa_plan.plan import Planned
from webhook.core.vpa_plan.terms import ACCEPTED_MODES, Wish
from webhook.core.world import World, read_autoscaler
from webhook.wiring import build_judge

_CPU = {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "500m"}}
_METRICS = st.sampled_from(
    [
        metric("cpu"),
        metric("memory"),
        {"type": "Resource", "resource": _CPU},
        {"type": "ContainerResource", "containerResource": {**_CPU, "container": "vllm"}},
        {"type": "ContainerResource", "containerResource": {**_CPU, "container": "gone"}},
        {"type": "Pods", "pods": {"metric": {"name": "container_memory_working_set_bytes"}}},
        {"type": "External", "external": {"metric": {"name": "queue_length"}}},
    ]
)


def _v1(target: int | None, annotation: str | None) -> Raw:
    raw = hpa()
    raw["apiVersion"] = "autoscaling/v1"
    del raw["spec"]["metrics"]
    if target is not None:
        raw["spec"]["targetCPUUtilizationPercentage"] = target
    if annotation is not None:
        raw["metadata"]["annotations"] = {"autoscaling.alpha.kubernetes.io/metrics": annotation}
    return raw


_ANNOTATED = (
    '[{"type": "Resource", "resource": {"name": "memory", "targetAverageUtilization": 70}}]'
)
_HPAS = st.one_of(
    st.builds(
        lambda metrics, least: hpa(*metrics, least=least),
        st.lists(_METRICS, max_size=3),
        st.sampled_from([1, 2, 8]),
    ),
    st.builds(_v1, st.sampled_from([None, 70]), st.sampled_from([None, _ANNOTATED, "[broken"])),
)
_TRIGGERS = st.sampled_from(
    [
        {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "70"}},
        {"type": "memory", "metadata": {"type": "AverageValue", "value": "1Gi"}},
        {"type": "memory", "metricType": "Utilization", "metadata": {"containerName": "vllm"}},
        {"type": "rabbitmq", "metadata": {"queueName": "work"}},
    ]
)
_PAUSED = {"autoscaling.keda.sh/paused": "true"}
_SCALED_OBJECTS = st.builds(
    lambda triggers, annotations, modified: {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "so", "namespace": "ml", "annotations": annotations},
        "spec": {
            "scaleTargetRef": {"name": "llama"},
            "triggers": triggers,
            "advanced": {"scalingModifiers": {"formula": "a"}} if modified else {},
        },
    },
    st.lists(_TRIGGERS, max_size=3),
    st.sampled_from([{}, _PAUSED]),
    st.booleans(),
)
_SCALERS = st.lists(st.one_of(_HPAS, _SCALED_OBJECTS), max_size=3)

_AMOUNTS = {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": 1}
_CONTAINERS = st.lists(
    st.sampled_from(
        [
            container(),
            container(limits=_AMOUNTS),
            container("proxy", "envoy", requests={"cpu": "100m"}),
        ]
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: str(one["name"]),
)


@st.composite
def _workloads(draw: st.DrawFn) -> Raw:
    wish = draw(st.sampled_from([None, *(one.value for one in Wish)]))
    annotations = {} if wish is None else {"scaleguard.io/vpa": wish}
    raw = workload("Deployment", "apps/v1", *draw(_CONTAINERS), annotations=annotations)
    raw["spec"]["replicas"] = draw(st.sampled_from([None, 0, 1, 3]))
    name = draw(st.sampled_from(["inference", "training", "notebook", "batch", ""]))
    named = {"scaleguard.io/class": name} if name else {}
    raw["spec"]["template"]["metadata"]["annotations"] = named
    if draw(st.booleans()):
        mesh = {"name": "mesh", "restartPolicy": "Always", "resources": {}}
        raw["spec"]["template"]["spec"]["initContainers"] = [mesh]
    return raw


_JUDGES = [
    build_judge(parse(config, "a test"))
    for config in (
        {},
        {"autoscalers": {"strictness": "feedback", "startupBoost": "deny"}},
        {"vpa": {"mode": "recreate", "minAllowed": {"cpu": "8"}, "maxAllowed": {"cpu": "2"}}},
        {
            "nodeShapes": [GPU_NODE],
            "rules": {"hpa-vpa-alias-metric": "deny", "vpa-no-effect": "deny"},
        },
    )
]
_ACCEPTED = st.sampled_from(
    [ACCEPTED_MODES, ACCEPTED_MODES | {"InPlace"}, frozenset({"Off", "Initial", "Auto"})]
)


@settings(deadline=None)
@given(_workloads(), _SCALERS, st.sampled_from(range(len(_JUDGES))), _ACCEPTED)
def test_no_planned_vpa_would_be_refused(
    raw: Raw, scalers: list[Raw], which: int, accepted: frozenset[str]
) -> None:
    judge = _JUDGES[which]
    kinds = judge.knowledge.kinds
    plan = judge.plan(raw, World.of([raw, *scalers], kinds), accepted)
    if not isinstance(plan, Planned):
        return
    made = plan.vpa
    subject = read_autoscaler(made)
    assert subject is not None
    world = World.of([raw, *scalers, made], kinds)
    denied = [one for one in judge.findings(subject, world) if one.action is Action.DENY]
    assert denied == []
    # Nor does it keep anybody from having a scaler, or a VPA of their own.
    for other in (*scalers, vpa(mode="Recreate")):
        theirs = read_autoscaler(other)
        assert theirs is not None
        named = [finding.related for finding in judge.findings(theirs, world)]
        assert all(subject.ref not in related for related in named)
    # It changes nothing when it is there, and is one that VPA's own webhook takes.
    assert judge.plan(raw, world, accepted) == plan
    assert made["spec"]["updatePolicy"]["updateMode"] in accepted
    for policy in made["spec"]["resourcePolicy"]["containerPolicies"]:
        _is_valid(policy)


def _is_valid(policy: dict[str, Any]) -> None:
    least, most = policy["minAllowed"], policy.get("maxAllowed", {})
    for resource, step in (("cpu", quantity.NANOS_PER_MILLI), ("memory", quantity.NANOS_PER_UNIT)):
        amounts = [quantity.parse(one[resource]) for one in (least, most) if resource in one]
        assert all(nanos is not None and nanos > 0 and nanos % step == 0 for nanos in amounts)
        assert sorted(amounts, key=lambda nanos: nanos or 0) == amounts

"""Which VPA a workload gets, and why it gets none."""

import copy
import json
from functools import cache
from typing import Any

import pytest

from tests.unit.core.vpa_plan.workloads import (
    GPU_NODE,
    Raw,
    container,
    hpa,
    metric,
    owner,
    vpa,
    workload,
)
from webhook.config import parse
from webhook.core.decide import Judge
from webhook.core.objects import GroupKind
from webhook.core.vpa_plan.plan import Plan, Planned, Withheld
from webhook.core.vpa_plan.terms import ACCEPTED_MODES
from webhook.core.world import World
from webhook.wiring import build_judge


def plan(raw: Raw, *others: Raw, accepted: frozenset[str] = ACCEPTED_MODES, **config: Any) -> Plan:
    """Plan for a workload among other objects, by a configuration."""
    found = _plan(raw, *others, accepted=accepted, **config)
    assert found is not None
    return found


def _plan(
    raw: Raw, *others: Raw, accepted: frozenset[str] = ACCEPTED_MODES, **config: Any
) -> Plan | None:
    judge = judge_of(json.dumps(config))
    return judge.plan(raw, World.of((raw, *others), judge.knowledge.kinds), accepted)


@cache
def judge_of(config: str) -> Judge:
    """A judge by a configuration; equal ones are made once."""
    return build_judge(parse(json.loads(config), "a test"))


def planned(raw: Raw, *others: Raw, **config: Any) -> Raw:
    """The VPA that is planned."""
    found = plan(raw, *others, **config)
    assert isinstance(found, Planned), found
    return dict(found.vpa)


def withheld(raw: Raw, *others: Raw, **config: Any) -> str:
    """Why none is planned."""
    found = plan(raw, *others, **config)
    assert isinstance(found, Withheld), found
    return found.reason


def policy(made: Raw) -> Raw:
    """The one policy of a planned VPA, for every container."""
    (only,) = made["spec"]["resourcePolicy"]["containerPolicies"]
    assert only["containerName"] == "*"
    return dict(only)


def mode(made: Raw) -> str:
    return str(made["spec"]["updatePolicy"]["updateMode"])


def why(made: Raw, what: str) -> str:
    return str(made["metadata"]["annotations"].get(f"scaleguard.io/why-{what}", ""))


def test_complete() -> None:
    assert planned(workload(), hpa(metric("cpu")), nodeShapes=[GPU_NODE]) == {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {
            "name": "scaleguard-deployment-llama",
            "namespace": "ml",
            "labels": {"scaleguard.io/managed": "true"},
            "annotations": {
                "scaleguard.io/why-mode": "class inference (image vllm/vllm-openai)",
                "scaleguard.io/why-resources": (
                    "not cpu: HorizontalPodAutoscaler ml/llama scales on cpu"
                ),
                "scaleguard.io/why-bounds": (
                    "memory up to 85Gi (node a100, one of 8 such pods on it)"
                ),
            },
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "name": "llama",
                    "uid": "u-1",
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "llama"},
            "updatePolicy": {"updateMode": "Initial"},
            "resourcePolicy": {
                "containerPolicies": [
                    {
                        "containerName": "*",
                        "controlledResources": ["memory"],
                        "controlledValues": "RequestsOnly",
                        "minAllowed": {"memory": "64Mi"},
                        "maxAllowed": {"memory": "85Gi"},
                    }
                ]
            },
        },
    }


def test_a_manifest_without_uid_has_no_owner_yet() -> None:
    raw = workload()
    del raw["metadata"]["uid"]
    assert "ownerReferences" not in planned(raw)["metadata"]


# ---------------------------------------------------------------- what it controls


def scaled_object(*triggers: Raw, paused: bool = False) -> Raw:
    annotations = {"autoscaling.keda.sh/paused": "true"} if paused else {}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "so", "namespace": "ml", "annotations": annotations},
        "spec": {"scaleTargetRef": {"name": "llama"}, "triggers": list(triggers)},
    }


_QUEUE = {"type": "rabbitmq", "metadata": {"queueName": "work", "value": "5"}}
_MEMORY = {"type": "memory", "metricType": "Utilization", "metadata": {"value": "70"}}
_ALIAS = {
    "type": "prometheus",
    "metadata": {"query": "sum(rate(container_cpu_usage_seconds_total[2m]))"},
}


@pytest.mark.parametrize(
    ("scalers", "resources"),
    [
        ([], ["cpu", "memory"]),
        ([hpa()], ["memory"]),  # no metrics: cpu by default
        ([hpa(metric("cpu"))], ["memory"]),
        ([hpa(metric("memory"))], ["cpu"]),
        ([hpa(metric("cpu"), target="other")], ["cpu", "memory"]),
        ([scaled_object(_QUEUE)], ["cpu", "memory"]),
        ([scaled_object(_MEMORY)], ["cpu"]),
        ([scaled_object(_ALIAS)], ["memory"]),
        # What wakes a paused scaler does not ask the VPA.
        ([scaled_object(_MEMORY, paused=True)], ["cpu"]),
        ([hpa(metric("cpu"), least=8)], ["memory"]),
    ],
)
def test_controls_what_no_scaler_reads(scalers: list[Raw], resources: list[str]) -> None:
    assert policy(planned(workload(), *scalers))["controlledResources"] == resources


def test_where_nothing_is_left_it_only_recommends() -> None:
    made = planned(workload(), hpa(metric("cpu"), metric("memory")))
    assert mode(made) == "Off"
    assert policy(made)["controlledResources"] == ["cpu", "memory"]
    assert why(made, "mode") == (
        "nothing is left to control: HorizontalPodAutoscaler ml/llama scales on cpu; "
        "HorizontalPodAutoscaler ml/llama scales on memory"
    )
    assert not why(made, "resources")


@pytest.mark.parametrize(
    ("annotations", "resources"),
    [
        ({}, ["memory"]),
        ({"serving.kserve.io/autoscalerClass": "hpa"}, ["memory"]),
        ({"serving.kserve.io/metric": "memory"}, ["cpu"]),
        ({"serving.kserve.io/autoscalerClass": "none"}, ["cpu", "memory"]),
        ({"serving.kserve.io/autoscalerClass": "external"}, ["cpu", "memory"]),
        ({"serving.kserve.io/autoscalerClass": "keda"}, ["cpu", "memory"]),
    ],
)
def test_kserve_makes_its_hpa_after_the_deployment(
    annotations: dict[str, str], resources: list[str]
) -> None:
    made_by = owner("InferenceService", "serving.kserve.io/v1beta1", "bert")
    made = planned(workload(**made_by, annotations=annotations))
    assert policy(made)["controlledResources"] == resources
    if resources == ["memory"]:
        assert why(made, "resources") == (
            "not cpu: the HPA that KServe makes for InferenceService bert scales on it"
        )


def test_what_scales_an_owner_of_the_owner_scales_these_pods_too() -> None:
    kaito = "kaito.sh/v1beta1"
    work = workload("StatefulSet", **owner("Workspace", kaito, "phi-0"))
    between = {
        "apiVersion": kaito,
        "kind": "Workspace",
        "metadata": {
            "name": "phi-0",
            "namespace": "ml",
            "uid": "u-0",
            **owner("InferenceSet", kaito, "phi"),
        },
    }
    scaler = hpa(metric("cpu"), target="phi")
    scaler["spec"]["scaleTargetRef"] |= {"apiVersion": kaito, "kind": "InferenceSet"}
    made = planned(work, between, scaler)
    assert policy(made)["controlledResources"] == ["memory"]
    assert why(made, "resources") == "not cpu: HorizontalPodAutoscaler ml/llama scales on cpu"


# ---------------------------------------------------------------- how far it goes


@pytest.mark.parametrize(
    ("kind", "api_version", "pod_class", "expected"),
    [
        ("Deployment", "apps/v1", "inference", "Initial"),
        ("StatefulSet", "apps/v1", "notebook", "Initial"),
        ("Deployment", "apps/v1", "training", "Off"),
        ("Deployment", "apps/v1", "batch", "Off"),
        ("Job", "batch/v1", "inference", "Off"),
        ("CloneSet", "apps.kruise.io/v1alpha1", "inference", "Initial"),
    ],
)
def test_mode_by_class(kind: str, api_version: str, pod_class: str, expected: str) -> None:
    raw = workload(kind, api_version)
    raw["spec"]["template"]["metadata"]["annotations"] = {"scaleguard.io/class": pod_class}
    assert mode(planned(raw)) == expected


def test_a_job_never_gets_more_than_recommendations() -> None:
    made = planned(workload("Job", "batch/v1", annotations={"scaleguard.io/vpa": "recreate"}))
    assert mode(made) == "Off"
    assert why(made, "mode") == (
        "a VPA on a Job only recommends (the workload's annotation scaleguard.io/vpa says recreate)"
    )


_ALL = ACCEPTED_MODES | {"InPlace"}


@pytest.mark.parametrize(
    ("annotation", "accepted", "expected"),
    [
        ("recommend", ACCEPTED_MODES, "Off"),
        ("initial", ACCEPTED_MODES, "Initial"),
        ("in-place", _ALL, "InPlace"),
        ("in-place", ACCEPTED_MODES, "Initial"),
        ("in-place-or-recreate", ACCEPTED_MODES, "InPlaceOrRecreate"),
        ("in-place-or-recreate", frozenset({"Off", "Initial", "Recreate"}), "Recreate"),
        ("recreate", ACCEPTED_MODES, "Recreate"),
        ("initial", frozenset({"Off"}), "Off"),
        ("nonsense", ACCEPTED_MODES, "Initial"),
    ],
)
def test_mode_by_annotation(annotation: str, accepted: frozenset[str], expected: str) -> None:
    on_workload = workload(annotations={"scaleguard.io/vpa": annotation})
    on_template = workload()
    on_template["spec"]["template"]["metadata"]["annotations"] = {"scaleguard.io/vpa": annotation}
    for raw in (on_workload, on_template):
        assert mode(planned(raw, accepted=accepted)) == expected


def test_a_mode_that_is_not_accepted_is_said() -> None:
    made = planned(workload(annotations={"scaleguard.io/vpa": "in-place"}))
    assert why(made, "mode") == (
        "the workload's annotation scaleguard.io/vpa says in-place,"
        " and this cluster accepts no mode InPlace"
    )


def test_off_by_annotation() -> None:
    raw = workload(annotations={"scaleguard.io/vpa": "off"})
    assert withheld(raw) == "the workload's annotation scaleguard.io/vpa says off"


def test_by_profile() -> None:
    declared = workload()
    declared["spec"]["template"]["metadata"]["annotations"] = {"scaleguard.io/class": "inference"}
    for wish, expected in (("recommend", "Off"), ("recreate", "Recreate")):
        made = planned(declared, vpa={"mode": wish})
        assert mode(made) == expected
        assert why(made, "mode") == f"the configuration says {wish}"
    assert withheld(declared, vpa={"mode": "off"}) == "the configuration says off"


def test_a_guessed_class_is_never_evicted_by_a_profile() -> None:
    profiles = [{"name": "brave", "match": {"classes": ["inference"]}, "vpa": {"mode": "recreate"}}]
    made = planned(workload(), profiles=profiles)
    assert mode(made) == "Initial"
    assert why(made, "mode") == (
        "profile brave says recreate, but the class is a guess:"
        " class inference (image vllm/vllm-openai)"
    )
    # A mode that touches nothing that runs is no matter of the class.
    profiles[0]["vpa"] = {"mode": "recommend"}
    assert mode(planned(workload(), profiles=profiles)) == "Off"


@pytest.mark.parametrize(
    ("replicas", "scaler", "expected"),
    [
        (2, [], None),
        (1, [], 1),
        (None, [], 1),
        (1, [hpa(metric("cpu"), least=2)], None),
        (4, [hpa(metric("cpu"), least=1)], 1),
        (4, [scaled_object(_QUEUE)], 1),
    ],
)
def test_a_single_replica_is_updated_where_that_is_wanted(
    replicas: int | None, scaler: list[Raw], expected: int | None
) -> None:
    raw = workload(annotations={"scaleguard.io/vpa": "recreate"})
    raw["spec"]["replicas"] = replicas
    assert planned(raw, *scaler)["spec"]["updatePolicy"].get("minReplicas") == expected
    quiet = copy.deepcopy(raw)
    del quiet["metadata"]["annotations"]
    assert "minReplicas" not in planned(quiet, *scaler)["spec"]["updatePolicy"]


# ---------------------------------------------------------------- how small, how large


def guaranteed(**changes: Any) -> Raw:
    amounts = {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": 1}
    return container(limits=amounts, requests={**amounts, **changes})


@pytest.mark.parametrize(
    ("containers", "values"),
    [
        ([guaranteed()], "RequestsAndLimits"),
        (
            [container(limits={"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": 1})],
            "RequestsAndLimits",
        ),
        ([guaranteed(cpu="2")], "RequestsOnly"),
        ([guaranteed(), container("proxy", "envoy", requests={"cpu": "1"})], "RequestsOnly"),
        ([container()], "RequestsOnly"),
        ([container(limits={"memory": "16Gi", "nvidia.com/gpu": 1})], "RequestsOnly"),
    ],
)
def test_a_guaranteed_pod_stays_one(containers: list[Raw], values: str) -> None:
    assert (
        policy(planned(workload("Deployment", "apps/v1", *containers)))["controlledValues"]
        == values
    )


def limit_range(**most: str) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "limits", "namespace": "ml"},
        "spec": {"limits": [{"type": "Pod", "max": most}]},
    }


def test_bounds() -> None:
    sidecar = container("proxy", "envoy", requests={"cpu": "100m"})
    two = workload("Deployment", "apps/v1", container(), sidecar)
    assert policy(planned(workload()))["minAllowed"] == {"cpu": "50m", "memory": "64Mi"}
    assert "maxAllowed" not in policy(planned(workload()))
    # Beside the largest container there is room for the smallest sidecar.
    made = planned(two, nodeShapes=[GPU_NODE])
    assert policy(made)["maxAllowed"] == {
        "cpu": "11950m",
        "memory": "86976Mi",
    }
    assert why(made, "bounds").startswith("cpu up to 11950m (node a100, one of 8 such pods on it)")
    made = planned(two, limit_range(cpu="3", memory="10Gi"), nodeShapes=[GPU_NODE])
    assert policy(made)["maxAllowed"] == {"cpu": "2950m", "memory": "10176Mi"}
    assert "cpu up to 2950m (a LimitRange's maximum per pod)" in why(made, "bounds")
    made = planned(two, nodeShapes=[GPU_NODE], vpa={"maxAllowed": {"cpu": "2"}})
    assert policy(made)["maxAllowed"]["cpu"] == "2"
    assert "cpu up to 2 (the configuration, vpa.maxAllowed)" in why(made, "bounds")


def test_a_minimum_never_exceeds_the_maximum() -> None:
    made = policy(planned(workload(), vpa={"minAllowed": {"cpu": "4"}, "maxAllowed": {"cpu": "1"}}))
    assert (made["minAllowed"]["cpu"], made["maxAllowed"]["cpu"]) == ("1", "1")
    made = policy(planned(workload(), vpa={"maxAllowed": {"memory": "1k"}}))
    assert (made["minAllowed"]["memory"], made["maxAllowed"]["memory"]) == ("1Mi", "1Mi")


@pytest.mark.parametrize(
    ("gpus", "shapes", "cpu"),
    [
        (8, [GPU_NODE], "96"),
        (3, [GPU_NODE], "48"),  # two such pods on a node
        (16, [GPU_NODE], None),  # no such node
        (1, [{"name": "bare", "allocatable": {"cpu": "8"}}], None),
        (1, [{"name": "odd", "allocatable": {"nvidia.com/gpu": 1}}], None),
        (1, [GPU_NODE, {"name": "big", "allocatable": {"cpu": "64", "nvidia.com/gpu": 2}}], "32"),
    ],
)
def test_the_largest_share(gpus: int, shapes: list[Raw], cpu: str | None) -> None:
    raw = workload("Deployment", "apps/v1", container(limits={"nvidia.com/gpu": gpus}))
    assert policy(planned(raw, nodeShapes=shapes)).get("maxAllowed", {}).get("cpu") == cpu


def test_an_ai_pod_without_accelerators_has_no_node_of_its_own() -> None:
    raw = workload("Deployment", "apps/v1", container(requests={"cpu": "1"}))
    raw["spec"]["template"]["metadata"]["annotations"] = {"scaleguard.io/class": "inference"}
    assert "maxAllowed" not in policy(planned(raw, nodeShapes=[GPU_NODE]))


# ---------------------------------------------------------------- whether there is one at all


def test_somebodys_own_stands() -> None:
    assert withheld(workload(), vpa()) == "VerticalPodAutoscaler ml/own is somebody's own"


def test_ours_does_not_stand_in_its_own_way() -> None:
    made = planned(workload())
    assert planned(workload(), made) == made


def test_a_label_alone_makes_nothing_ours() -> None:
    labelled: Raw = {"labels": {"scaleguard.io/managed": "true"}}
    stranger = owner("Deployment", "apps/v1", "llama")  # another uid
    for theirs in (vpa(**labelled), vpa(**labelled, **stranger)):
        assert withheld(workload(), theirs) == "VerticalPodAutoscaler ml/own is somebody's own"


def rollout(name: str) -> Raw:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": "ml"},
        "spec": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "llama"}},
    }


def test_what_cannot_be_a_target() -> None:
    above = workload()
    above["metadata"] |= {"name": "above", "uid": "u-0"}
    owned = workload("ReplicaSet", **owner("Deployment", "apps/v1"))
    assert withheld(owned, above) == "its owner Deployment above is planned for"
    no_scale = workload("BroadcastJob", "apps.kruise.io/v1alpha1")
    assert withheld(no_scale) == ("BroadcastJob has no scale subresource: VPA cannot find its pods")
    assert withheld(workload("StatefulSet", "apps.kruise.io/v1beta1")) == (
        "VPA takes each StatefulSet for the built-in one, and would miss the pods of "
        "apps.kruise.io's"
    )
    in_gang = workload("Job", "batch/v1", **owner("JobSet", "jobset.x-k8s.io/v1alpha2"))
    assert withheld(in_gang) == "its owner JobSet above runs its pods as a gang"
    assert withheld(workload(), rollout("blue")) == "its pods also belong to Rollout blue"
    whole = workload()
    whole["spec"]["template"]["spec"]["resources"] = {"requests": {"cpu": "4"}}
    assert withheld(whole) == (
        "its pods have resources as a whole (spec.resources), which VPA does not support"
    )
    storm = {
        "apiVersion": "orchestration.aibrix.ai/v1alpha1",
        "kind": "StormService",
        "metadata": {"name": "storm", "namespace": "ml"},
        "spec": {"template": {"spec": {"roles": [workload()["spec"]]}}},
    }
    assert withheld(storm) == "each of its roles has pods of a size of its own"


def test_an_owner_without_scale_is_where_the_walk_ends() -> None:
    assert planned(workload("StatefulSet", **owner("Notebook", "kubeflow.org/v1")))


@pytest.mark.parametrize(
    "raw",
    [
        workload("Deployment", "apps/v1", container("web", "nginx", requests={"cpu": "1"})),
        workload("ConfigMap", "v1"),
        workload(deletionTimestamp="2026-01-01T00:00:00Z"),
        workload(name=None, generateName="llama-"),
        {**workload("Pod", "v1"), "spec": {"containers": [container()]}},
    ],
    ids=["not AI", "no workload", "going", "unnamed", "a pod"],
)
def test_nothing_is_planned_for(raw: Raw) -> None:
    assert _plan(raw) is None


def test_nobody_wants_any() -> None:
    assert _plan(workload(), vpa={"enabled": False}) is None
    ignored = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "ml", "labels": {"scaleguard.io/ignore": "true"}},
    }
    assert _plan(workload(), ignored) is None


def test_the_template_with_accelerators_speaks() -> None:
    leader = {"metadata": {}, "spec": {"containers": [container(requests={"cpu": "1"})]}}
    worker = {
        "metadata": {"annotations": {"scaleguard.io/profile": "big"}},
        "spec": {"containers": [container()]},
    }
    raw = {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {
            "name": "lws",
            "namespace": "ml",
            "annotations": {"scaleguard.io/vpa": "initial"},
        },
        "spec": {"leaderWorkerTemplate": {"leaderTemplate": leader, "workerTemplate": worker}},
    }
    made = planned(raw, profiles=[{"name": "big", "vpa": {"maxAllowed": {"cpu": "7"}}}])
    assert made["metadata"]["name"] == "scaleguard-leaderworkerset.leaderworkerset.x-k8s.io-lws"
    assert mode(made) == "Off"
    assert policy(made)["maxAllowed"]["cpu"] == "7"


def test_names_differ_and_stay_short() -> None:
    built_in = planned(workload("StatefulSet"))["metadata"]["name"]
    kruise = planned(workload("CloneSet", "apps.kruise.io/v1beta1"))["metadata"]["name"]
    assert (built_in, kruise) == (
        "scaleguard-statefulset-llama",
        "scaleguard-cloneset.apps.kruise.io-llama",
    )
    long, longer = workload(name="a" * 253), workload(name="a" * 252 + "b")
    names = [planned(raw)["metadata"]["name"] for raw in (long, longer)]
    assert len(set(names)) == 2
    assert [len(name) for name in names] == [253, 253]


def test_an_owner_that_nobody_knows_and_that_can_be_scaled_is_the_target_that_vpa_wants() -> None:
    class Asking(World):
        def has_scale(self, kind: GroupKind) -> bool:
            return super().has_scale(kind) or kind == GroupKind("acme.io", "Inferer")

    def reason(api_version: str) -> Plan | None:
        raw = workload(**owner("Inferer", api_version))
        judge = judge_of("{}")
        world = Asking(judge.knowledge.kinds)
        world.put(raw)
        return judge.plan(raw, world)

    withheld = reason("acme.io/v1")
    assert isinstance(withheld, Withheld)
    assert withheld.reason == (
        "its owner Inferer above can be scaled: VPA wants that one named, and what its pods are "
        "for is not known: list Inferer of acme.io under workloads in the configuration"
    )
    assert isinstance(reason("other.io/v1"), Planned)

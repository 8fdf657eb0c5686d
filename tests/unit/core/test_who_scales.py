"""Who acts on what, as it is told of one world."""

from typing import Any

import pytest

from tests.unit.core.vpa_plan.workloads import (
    Raw,
    container,
    hpa,
    metric,
    owner,
    vpa,
    workload,
)
from webhook.config import Config
from webhook.core.who_scales import MOST_READ, Acting, who_scales
from webhook.core.world import World
from webhook.wiring import build_judge

JUDGE = build_judge(Config())


def told(*objects: Raw) -> list[Acting]:
    return who_scales(objects, JUDGE, World.of(objects, JUDGE.knowledge.kinds))


def only(*objects: Raw) -> Acting:
    (one,) = told(*objects)
    return one


def controlling(*resources: str, name: str = "*", **metadata: Any) -> Raw:
    """A VPA that sets some resources of a container."""
    raw = vpa("own", "Recreate", **metadata)
    policy = {"containerName": name, "controlledResources": list(resources)}
    raw["spec"]["resourcePolicy"] = {"containerPolicies": [policy]}
    return raw


def test_nobody_acts_on_an_ai_workload() -> None:
    one = only(workload())
    assert (one.replicas, one.replicas_by, one.meet) == (2, (), ())
    assert one.requests_by == {"cpu": (), "memory": ()}
    assert (one.nodes.workload_class, one.nodes.accelerators) == (
        "inference",
        {"nvidia.com/gpu": 1},
    )
    assert one.nodes.tolerations == ("nvidia.com/gpu",)


def test_plain_workloads_are_told_where_something_scales_them() -> None:
    plain = workload("Deployment", "apps/v1", container(image="nginx", limits={}))
    assert told(plain) == []
    one = only(plain, hpa(metric("cpu")))
    assert (one.nodes.workload_class, one.nodes.tolerations) == (None, ())
    assert [(by.reads, by.least, by.most, by.rests) for by in one.replicas_by] == [
        (("cpu 70%",), 2, 8, None)
    ]


def test_a_workload_that_is_not_there_is_told_too() -> None:
    one = only(hpa(metric("cpu")))
    assert (one.key.name, one.replicas, one.nodes.workload_class) == ("llama", None, None)


def test_what_another_one_made_is_told_with_its_owner() -> None:
    above = workload()
    made = workload("ReplicaSet", **owner("Deployment", "apps/v1", "llama"))
    made["metadata"]["name"] = "llama-1"
    assert [str(one.key) for one in told(above, made)] == ["Deployment ml/llama"]


def test_other_metrics_are_told_by_their_type_and_name_and_usage_by_its_path() -> None:
    pods: Raw = {
        "type": "Pods",
        "pods": {
            "metric": {"name": "container_cpu_usage_seconds_total"},
            "target": {"type": "AverageValue", "averageValue": "2"},
        },
    }
    (by,) = only(workload(), hpa(metric("memory"), pods)).replicas_by
    assert by.reads[0] == "memory 70%"
    assert "cpu under another name (spec.metrics[1])" in by.reads
    assert "Pods container_cpu_usage_seconds_total" in by.reads


def external(name: str) -> Raw:
    return {"type": "External", "external": {"metric": {"name": name}, "target": {"value": "2"}}}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("queue_depth", "External queue_depth"),
        (
            "pubsub.googleapis.com|subscription|age",
            "External pubsub.googleapis.com|subscription|age",
        ),
        ("datadogmetric@ml:rps", "External datadogmetric@ml:rps"),
        ("", "External"),
        ("(x)", "External"),
        ('rps{token="hunter2"}', "External rps…"),
        ("rps?token=hunter2", "External rps…"),
        ("https://u:hunter2@host/rps", "External https://host/rps"),
        (f"https://u:{'x' * 200}@host/rps", "External https://host/rps"),
        ("x" * 101, f"External {'x' * 100}…"),
    ],
)
def test_of_the_name_of_a_metric_is_told_what_is_plainly_one(name: str, told: str) -> None:
    (by,) = only(workload(), hpa(external(name))).replicas_by
    assert by.reads == (told,)


def test_only_so_many_metrics_are_told() -> None:
    listed = [external(f"m{number:03}") for number in range(MOST_READ + 2)]
    (by,) = only(workload(), hpa(metric("cpu"), *listed, external("m000"))).replicas_by
    assert by.reads[:2] == ("cpu 70%", "External m000")
    assert by.reads[-2:] == (f"External m{MOST_READ - 2:03}", "3 more")
    assert len(by.reads) == MOST_READ + 1


def test_why_a_scaler_rests() -> None:
    still = hpa(metric("cpu"), least=8)
    (by,) = only(workload(), still).replicas_by
    assert by.rests == "minReplicas equals maxReplicas (8)"
    scaled: Raw = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {
            "name": "llama",
            "namespace": "ml",
            "annotations": {"autoscaling.keda.sh/paused": "true"},
        },
        "spec": {
            "scaleTargetRef": {"name": "llama"},
            "triggers": [{"type": "cron", "metadata": {}}],
        },
    }
    (by,) = only(workload(), scaled).replicas_by
    assert (by.rests, by.reads) == ("paused", ("cron",))


def test_an_hpa_is_told_by_what_it_was_made_of() -> None:
    scaled: Raw = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "llama", "namespace": "ml", "uid": "s-1"},
        "spec": {
            "scaleTargetRef": {"name": "llama"},
            "triggers": [{"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}],
        },
    }
    made = hpa(metric("cpu"))
    made["metadata"] |= {"name": "keda-hpa-llama"} | {
        "ownerReferences": [
            {
                "apiVersion": "keda.sh/v1alpha1",
                "kind": "ScaledObject",
                "name": "llama",
                "uid": "s-1",
                "controller": True,
            }
        ]
    }
    (by,) = only(workload(), scaled, made).replicas_by
    assert (by.ref.kind, by.reads) == ("ScaledObject", ("cpu 60%",))


def test_vpas_by_resource_and_container() -> None:
    two = workload("Deployment", "apps/v1", container(), container("side", "envoy", limits={}))
    one = only(two, controlling("memory", name="vllm"))
    # A named policy replaces `*` for that container alone: of the other one cpu is set as well.
    assert [(by.mode, by.containers) for by in one.requests_by["cpu"]] == [("Recreate", ("side",))]
    assert [(by.mode, by.containers) for by in one.requests_by["memory"]] == [("Recreate", ())]
    assert all(by.writes and not by.managed for by in one.requests_by["memory"])


def test_a_vpa_that_only_recommends_and_one_that_goes() -> None:
    one = only(workload(), vpa())
    assert [by.writes for by in one.requests_by["cpu"]] == [False]
    going = vpa(deletionTimestamp="2026-01-01T00:00:00Z")
    assert only(workload(), going).requests_by == {"cpu": (), "memory": ()}


def test_of_an_unknown_workload_all_containers_are_meant() -> None:
    one = only(controlling("cpu", "memory"))
    assert [by.containers for by in one.requests_by["cpu"]] == [()]


def test_a_managed_vpa_is_told_as_such() -> None:
    references = owner("Deployment", "apps/v1", "llama")
    references["ownerReferences"][0]["uid"] = "u-1"
    managed = controlling("memory", labels={"scaleguard.io/managed": "true"}, **references)
    one = only(workload(), hpa(metric("cpu")), managed)
    assert [by.managed for by in one.requests_by["memory"]] == [True]
    assert (one.requests_by["cpu"], one.meet) == ((), ())


def test_where_two_meet_is_told_once() -> None:
    one = only(workload(), hpa(metric("cpu")), controlling("cpu"))
    (meeting,) = one.meet
    assert (meeting.finding.rule, meeting.finding.resource_name) == ("hpa-vpa-same-metric", "cpu")
    assert meeting.ref.kind == "HorizontalPodAutoscaler"


def test_as_json() -> None:
    found = only(workload(), hpa(metric("cpu")), controlling("cpu")).as_json()
    assert found["workload"] == {
        "group": "apps",
        "kind": "Deployment",
        "namespace": "ml",
        "name": "llama",
    }
    assert found["replicas"]["now"] == 2
    (by,) = found["replicas"]["by"]
    assert (by["on"], by["minReplicas"], by["maxReplicas"], by["rests"]) == (
        ["cpu 70%"],
        2,
        8,
        None,
    )
    (by,) = found["cpu"]["by"]
    assert (by["mode"], by["containers"], by["managed"]) == ("Recreate", [], False)
    assert found["memory"] == {"by": []}
    assert found["nodes"] == {
        "class": "inference",
        "accelerators": {"nvidia.com/gpu": 1},
        "tolerations": ["nvidia.com/gpu"],
    }
    (meeting,) = found["meet"]
    assert (meeting["rule"], meeting["object"]["name"]) == ("hpa-vpa-same-metric", "llama")

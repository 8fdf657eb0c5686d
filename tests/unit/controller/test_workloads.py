"""What is kept of workloads, and how they hang together."""

import copy
from typing import Any

import pytest

from tests.unit.core.vpa_plan.workloads import Raw, container, owner, workload
from webhook.controller.workloads import AllWorkloads, Workloads, slim
from webhook.core.ai_workload import may_make_ai_pods
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.kinds import Kind
from webhook.core.objects import GroupKind
from webhook.knowledge import knowledge

KNOWLEDGE = knowledge()
DEPLOYMENT = GroupKind("apps", "Deployment")
STATEFUL_SET = GroupKind("apps", "StatefulSet")
ROLLOUT = GroupKind("argoproj.io", "Rollout")
LLAMA = WorkloadKey("ml", "apps", "Deployment", "llama")
PLAIN = container("app", "nginx", limits={"cpu": "1"})


def kind(of: GroupKind) -> Kind:
    found = KNOWLEDGE.kinds.get(of)
    assert found is not None
    return found


def store(of: GroupKind = DEPLOYMENT) -> Workloads:
    return Workloads(kind(of), KNOWLEDGE.kinds, lambda raw: may_make_ai_pods(raw, KNOWLEDGE))


def filled(*raws: Raw, of: GroupKind = DEPLOYMENT) -> Workloads:
    made = store(of)
    for raw in raws:
        made.put(made.read(raw))
    return made


def rollout(of: str) -> Raw:
    raw = workload("Rollout", "argoproj.io/v1alpha1", name="canary")
    raw["spec"] = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": of}}
    return raw


def test_an_ai_workload_is_kept() -> None:
    held = filled(workload())
    record = held.get(LLAMA)
    assert record is not None
    assert (record.key, record.uid) == (LLAMA, "u-1")
    assert record.raw == workload()
    assert held.kept() == [record]
    found = held.workload(LLAMA)
    assert found is not None
    assert (found.key, found.replicas) == (LLAMA, 2)


@pytest.mark.parametrize(
    ("of", "raw"),
    [
        (DEPLOYMENT, workload("Deployment", "apps/v1", PLAIN)),
        # The Deployment above it is planned for.
        (GroupKind("apps", "ReplicaSet"), workload("ReplicaSet", **owner("Deployment", "apps/v1"))),
    ],
)
def test_of_all_others_only_who_they_are(of: GroupKind, raw: Raw) -> None:
    held = filled(raw, of=of)
    key = WorkloadKey("ml", *of, "llama")
    assert held.get(key) == (key, "u-1", None, None, None, None)
    assert held.kept() == []
    assert held.workload(key) is None
    assert len(held) == 1


def test_an_owner_that_has_no_scale_is_planned_below() -> None:
    held = filled(workload(**owner("InferenceService", "serving.kserve.io/v1beta1", "bert")))
    record = held.get(LLAMA)
    assert record is not None
    assert record.raw is not None
    assert record.owner == WorkloadKey("ml", "serving.kserve.io", "InferenceService", "bert")


def test_a_workload_without_a_namespace_is_in_the_default_one() -> None:
    raw = workload()
    del raw["metadata"]["namespace"]
    assert store().read(raw).key.namespace == "default"


def test_a_list_replaces_what_is_held() -> None:
    held = filled(workload())
    other = held.read(workload(name="other", uid="u-2"))
    held.replace([other], 7)
    assert held.get(LLAMA) is None
    assert len(held) == 1
    held.remove(other)
    held.remove(other)
    assert len(held) == 0
    assert held.workload(LLAMA) is None


# ---------------------------------------------------------------- slim


def _bulky() -> Raw:
    raw = workload()
    raw["metadata"] |= {
        "resourceVersion": "9",
        "generation": 4,
        "managedFields": [{"manager": "kubectl"}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"},
    }
    raw["status"] = {"replicas": 2}
    (app,) = raw["spec"]["template"]["spec"]["containers"]
    less = copy.deepcopy(app)
    app |= {
        "env": [{"name": "TOKEN", "value": "secret"}],
        "envFrom": [{}],
        "livenessProbe": {},
        "lifecycle": {},
    }
    raw["spec"]["template"]["spec"]["initContainers"] = [{"name": "i", "env": []}]
    assert less.keys() < app.keys()
    return raw


def test_what_no_plan_reads_is_dropped() -> None:
    raw = _bulky()
    before = copy.deepcopy(raw)
    kept = slim(raw)
    assert raw == before, "what was sent stays as it is"
    expected = workload(annotations={"a": "b"})
    expected["spec"]["template"]["spec"]["initContainers"] = [{"name": "i"}]
    assert kept == expected
    assert slim(kept) == kept


def test_what_kubectl_applied_is_dropped_where_nothing_else_is_said_too() -> None:
    raw = workload(annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}"})
    assert slim(raw)["metadata"]["annotations"] == {}


def test_replicas_that_come_and_go_change_nothing() -> None:
    early, late = _bulky(), _bulky()
    late["status"] = {"replicas": 1, "unavailableReplicas": 1}
    late["metadata"] |= {"resourceVersion": "10", "generation": 5}
    assert store().read(early) == store().read(late)


@pytest.mark.parametrize("odd", [None, "a", ["a", 1], [["a"]], {"a": 1}])
def test_odd_containers_are_left_to_who_reads_them(odd: Any) -> None:
    raw = workload()
    raw["spec"]["template"]["spec"]["containers"] = odd
    assert slim(raw)["kind"] == "Deployment"


# ---------------------------------------------------------------- how they hang together


def all_of(**stores: Workloads) -> AllWorkloads:
    made = AllWorkloads()
    for name, held in stores.items():
        of = {"deployments": DEPLOYMENT, "sets": STATEFUL_SET, "rollouts": ROLLOUT}[name]
        made.add(of, held)
    return made


def test_keys_of_all_kinds_and_of_a_namespace() -> None:
    made = all_of(
        deployments=filled(workload(), workload("Deployment", "apps/v1", PLAIN, name="web")),
        sets=filled(workload("StatefulSet", namespace="other"), of=STATEFUL_SET),
    )
    other = WorkloadKey("other", "apps", "StatefulSet", "llama")
    assert made.keys() == [LLAMA, other]
    assert made.keys("other") == [other]
    assert made.keys("none") == []
    assert made.kinds.keys() == {DEPLOYMENT, STATEFUL_SET}


def test_one_of_any_kind() -> None:
    made = all_of(deployments=filled(workload()))
    assert made.get(LLAMA) is not None
    assert made.get(LLAMA._replace(name="other")) is None
    assert made.get(LLAMA._replace(kind="Gadget")) is None


def test_a_rollout_and_the_deployment_that_it_refers_to_are_one() -> None:
    made = all_of(
        deployments=filled(workload(), workload(namespace="other")),
        rollouts=filled(rollout("llama"), of=ROLLOUT),
    )
    canary = WorkloadKey("ml", "argoproj.io", "Rollout", "canary")
    assert made.same_as(LLAMA) == [canary]
    assert made.same_as(canary) == [LLAMA]
    assert made.same_as(LLAMA._replace(namespace="other")) == []

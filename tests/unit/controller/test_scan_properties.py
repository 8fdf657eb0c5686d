"""Whatever happens and fails, in the end the audit holds what is so."""

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.controller.scanning import Audit, Cluster, Raw, Replica, from_scratch
from tests.unit.core.vpa_plan.workloads import container, hpa, metric, vpa, workload

NAMES = ("web", "web-canary", "llama")
TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


def deployment(name: str, how: str) -> Raw:
    pods = container() if how == "ai" else container("app", "nginx", requests={"cpu": "1"})
    if how == "bare":
        pods = container("app", "nginx", limits={})
    raw = workload("Deployment", "apps/v1", pods, name=name)
    # All of them are called alike: HPAs on two of them cannot tell their pods apart.
    raw["spec"]["selector"] = {"matchLabels": {"app": "llama"}}
    if how == "squats":
        raw["spec"]["template"]["spec"]["tolerations"] = [TOLERATION]
    del raw["metadata"]["uid"]
    return raw


def replica_set(name: str) -> Raw:
    raw = workload("ReplicaSet", "apps/v1", container("app", "nginx"), name=f"{name}-1")
    own = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "controller": True}
    raw["metadata"]["ownerReferences"] = [own]
    del raw["metadata"]["uid"]
    return raw


def scaler(name: str, target: str, resource: str) -> Raw:
    raw = hpa(metric(resource), target=target)
    raw["metadata"] = {"name": name, "namespace": "ml"}
    return raw


def own_vpa(name: str, target: str | None, resource: str) -> Raw:
    raw = vpa(name, "Recreate")
    raw["spec"]["targetRef"]["name"] = target
    if target is None:
        del raw["spec"]["targetRef"]
    elif target.endswith("-1"):
        raw["spec"]["targetRef"]["kind"] = "ReplicaSet"
    policy = {"containerName": "*", "controlledResources": [resource]}
    raw["spec"]["resourcePolicy"] = {"containerPolicies": [policy]}
    return raw


def home(*, ignored: bool) -> Raw:
    labels = {"scaleguard.io/ignore": "true"} if ignored else {}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ml", "labels": labels}}


def quota(gpus: int) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "quota", "namespace": "ml"},
        "spec": {"hard": {"requests.nvidia.com/gpu": str(gpus)}},
    }


TARGETS = st.sampled_from((*NAMES, "web-1"))
RESOURCES = st.sampled_from(("cpu", "memory"))
SCALERS = st.sampled_from(("a", "b"))
OBJECTS: st.SearchStrategy[Raw] = st.one_of(
    st.builds(
        deployment, st.sampled_from(NAMES), st.sampled_from(("ai", "plain", "squats", "bare"))
    ),
    st.builds(scaler, SCALERS, st.sampled_from(NAMES), RESOURCES),
    st.builds(own_vpa, SCALERS, st.one_of(TARGETS, st.none()), RESOURCES),
    st.builds(replica_set, st.just("web")),
    st.builds(quota, st.integers(0, 1)),
    st.builds(home, ignored=st.booleans()),
)
STEPS = st.one_of(
    st.tuples(st.just("put"), OBJECTS),
    st.tuples(st.just("put"), OBJECTS),
    st.tuples(st.just("delete"), st.integers(0, 99)),
    st.tuples(st.sampled_from(("lead", "away", "back", "step", "blind", "pass")), st.none()),
)


def happen(what: str, which: Any, cluster: Cluster, audit: Audit, replicas: list[Replica]) -> None:
    """Let something happen to the cluster, or to those who watch it."""
    if what == "put":
        raw = cluster.put(which)
        for one in replicas:
            one.heard(raw)
    elif what == "delete":
        if cluster.objects:
            name = sorted(cluster.objects, key=str)[which % len(cluster.objects)]
            raw = cluster.objects.pop(name)
            for one in replicas:
                one.heard(raw, is_gone=True)
    else:
        turn(what, audit, replicas)


def turn(what: str, audit: Audit, replicas: list[Replica]) -> None:
    leader = next(one for one in replicas if one.leads)
    if what == "lead":
        leader.leads = False
        replicas[1 - replicas.index(leader)].lead()
    elif what == "blind":  # for a moment too little was known
        leader.leads = False
        leader.scan.step()
        leader.leads = True
    elif what == "pass":
        leader.scan.begin()
    elif what == "step":
        leader.scan.step()
    else:
        audit.is_away = what == "away"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    before=st.lists(OBJECTS, min_size=5, max_size=9),
    steps=st.lists(STEPS, min_size=3, max_size=9),
    eagerly=st.booleans(),
)
def test_in_the_end_it_is_known_how_things_stand(
    before: list[Raw], steps: list[tuple[str, Any]], *, eagerly: bool
) -> None:
    cluster, audit, now = Cluster(), Audit(), itertools.count(1.0)
    for raw in before:
        cluster.put(raw)
    replicas = [Replica(cluster, audit, now) for _ in range(2)]
    replicas[0].lead()
    replicas[0].settle()
    for what, which in steps:
        happen(what, which, cluster, audit, replicas)
        if eagerly:
            next(one for one in replicas if one.leads).scan.step()
    audit.is_away = False
    leader = next(one for one in replicas if one.leads)
    leader.settle()
    assert audit.holds() == from_scratch(cluster)

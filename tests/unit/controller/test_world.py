"""The world of a plan: watched workloads, shapes that last, and what is around a workload."""

from typing import Any

import pytest

from tests.unit.controller.leases import Time
from tests.unit.controller.test_workloads import (
    KNOWLEDGE,
    LLAMA,
    PLAIN,
    ROLLOUT,
    all_of,
    filled,
    rollout,
)
from tests.unit.core.vpa_plan.workloads import Raw, owner, workload
from webhook.cluster.counterparts import Watched
from webhook.cluster.surroundings import Surroundings
from webhook.controller.workloads import AllWorkloads
from webhook.controller.world import SHAPES_LAST_SECONDS, LastingShapes, WatchedWorld, around
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.nodes import NodeShape
from webhook.core.objects import GroupKind
from webhook.core.workload import Workload, read_workload
from webhook.core.world import World

INFERENCE_SET = WorkloadKey("ml", "kaito.sh", "InferenceSet", "phi")
WORKSPACE = INFERENCE_SET._replace(kind="Workspace", name="phi-0")
SET = WorkloadKey("ml", "apps", "StatefulSet", "llama")


def shape(name: str, gpus: int = 8, **labels: str) -> NodeShape:
    return NodeShape(name, {"nvidia.com/gpu": gpus}, labels)


# ---------------------------------------------------------------- shapes


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def lasting(time: Time) -> LastingShapes:
    return LastingShapes(time)


def names(lasting: LastingShapes) -> list[str]:
    return sorted(one.name for one in lasting.shapes())


def test_a_new_shape_is_news_once(lasting: LastingShapes) -> None:
    assert not lasting.saw([])
    assert lasting.saw([shape("a")])
    assert not lasting.saw([shape("a")])
    assert lasting.saw([shape("a"), shape("b", 4)])
    assert names(lasting) == ["a", "b"]


def test_of_alike_nodes_the_first_stands_for_all(lasting: LastingShapes) -> None:
    lasting.saw([shape("a")])
    assert not lasting.saw([shape("b")])
    assert names(lasting) == ["a"]


def test_a_shape_outlasts_its_last_node_for_a_while(lasting: LastingShapes, time: Time) -> None:
    lasting.saw([shape("a"), shape("b", 4)])
    time.seconds = SHAPES_LAST_SECONDS - 1
    assert not lasting.saw([shape("b", 4)])
    assert names(lasting) == ["a", "b"]
    time.seconds = SHAPES_LAST_SECONDS
    assert lasting.saw([shape("b", 4)])
    assert names(lasting) == ["b"]
    assert lasting.saw([shape("c")])
    assert names(lasting) == ["b", "c"]


def test_shapes_have_a_bound_and_the_oldest_go(lasting: LastingShapes, time: Time) -> None:
    for number in range(300):
        time.seconds += 1
        lasting.saw([shape(f"n{number}", number + 1)])
    assert len(lasting.shapes()) == 256
    assert "n299" in names(lasting)
    assert "n43" not in names(lasting)


# ---------------------------------------------------------------- workloads


class Lookups:
    """Objects that are read one by one, and how often."""

    def __init__(self, *raws: Raw) -> None:
        self.raws = {(raw["kind"], raw["metadata"]["name"]): raw for raw in raws}
        self.asked: list[WorkloadKey] = []

    def workload(self, key: WorkloadKey, _until: float) -> Workload | None:
        self.asked.append(key)
        raw, kind = self.raws.get((key.kind, key.name)), KNOWLEDGE.kinds.get(key.group_kind)
        return read_workload(raw, kind) if raw is not None and kind is not None else None


def world_of(workloads: AllWorkloads, lookups: Lookups, *shapes: NodeShape) -> WatchedWorld:
    lasting = LastingShapes(Time())
    lasting.saw(shapes)
    watched: Any = Watched.none()
    return WatchedWorld(
        KNOWLEDGE.kinds,
        watched,
        lookups,  # type: ignore[arg-type]  # all that is asked of them
        Surroundings(),
        workloads,
        lasting,
        lambda kind: kind.group == "acme.io",
        0.0,
    )


def test_unknown_kinds_are_asked_for_and_known_ones_are_not() -> None:
    world = world_of(all_of(), Lookups())
    assert world.has_scale(GroupKind("acme.io", "Inferer"))
    assert not world.has_scale(GroupKind("other.io", "Inferer"))
    assert world.has_scale(GroupKind("apps", "Deployment"))
    assert not world.has_scale(GroupKind("ray.io", "RayJob"))


def test_what_is_watched_is_never_read() -> None:
    lookups = Lookups()
    web = workload("Deployment", "apps/v1", PLAIN, name="web")
    world = world_of(all_of(deployments=filled(workload(), web)), lookups, shape("a"))
    found = world.workload(LLAMA)
    assert found is not None
    assert found.key == LLAMA
    assert world.workload(LLAMA._replace(name="web")) is None, "nobody plans for it"
    assert world.workload(LLAMA._replace(name="gone")) is None
    assert lookups.asked == []
    assert [one.name for one in world.node_shapes()] == ["a"]


def test_what_is_not_watched_is_read_once() -> None:
    lookups = Lookups(kaito("Workspace", "phi-0"))
    world = world_of(all_of(), lookups)
    assert world.workload(WORKSPACE) is not None
    assert world.workload(WORKSPACE) is not None
    assert lookups.asked == [WORKSPACE]


def test_other_names_come_from_the_watch() -> None:
    canary = WorkloadKey("ml", "argoproj.io", "Rollout", "canary")
    made = all_of(deployments=filled(workload()), rollouts=filled(rollout("llama"), of=ROLLOUT))
    world = world_of(made, Lookups())
    assert world.other_names(LLAMA) == [canary]
    assert list(around(LLAMA, made, world)) == [LLAMA, canary]
    assert list(around(canary, made, world)) == [canary, LLAMA]


# ---------------------------------------------------------------- around


def kaito(kind: str, name: str, **metadata: Any) -> Raw:
    described = {"namespace": "ml", "name": name, **metadata}
    return {"apiVersion": "kaito.sh/v1beta1", "kind": kind, "metadata": described}


def test_what_an_inference_set_stands_above_is_looked_at_with_it() -> None:
    below = workload("StatefulSet", **owner("Workspace", "kaito.sh/v1beta1", "phi-0"))
    other = workload("StatefulSet", name="other", uid="u-2")
    held = filled(below, other, of=SET.group_kind)
    between = kaito(
        "Workspace", "phi-0", uid="u-0", **owner("InferenceSet", "kaito.sh/v1alpha1", "phi")
    )
    lookups = Lookups(between)
    made = all_of(sets=held)
    world = world_of(made, lookups)
    assert list(around(INFERENCE_SET, made, world)) == [INFERENCE_SET, SET]
    assert list(around(WORKSPACE, made, world)) == [WORKSPACE, INFERENCE_SET, SET]
    assert list(around(INFERENCE_SET._replace(name="psi"), made, world))[1:] == []
    asked = len(lookups.asked)
    assert list(around(SET, made, world)) == [SET]
    assert len(lookups.asked) <= asked + 1


def test_the_owner_that_is_planned_for_is_looked_at_too() -> None:
    made_by = workload("ReplicaSet", **owner("Deployment", "apps/v1", "llama"))
    world = World.of([workload(uid="u-0"), made_by], KNOWLEDGE.kinds)
    key = WorkloadKey("ml", "apps", "ReplicaSet", "llama")
    assert list(around(key, AllWorkloads(), world)) == [key, LLAMA]

from typing import Any

import pytest

from tests.unit.core.pods import GPU, container, pod, recognised
from webhook.core.bounds import UNBOUNDED, Bounds
from webhook.core.kinds import WorkloadClass
from webhook.core.mutations import Mutation
from webhook.core.mutations.requests import request
from webhook.core.nodes import NodeShape, smallest_shares
from webhook.core.profile import Figures, Profile, cores_and_gib
from webhook.core.quantity import NANOS_PER_MILLI, NANOS_PER_UNIT
from webhook.core.quota import read_quota

GIB = 2**30 * NANOS_PER_UNIT
SIDECAR = {"cpu": "50m", "memory": "64Mi"}
WHOLE = {"cpu": "2", "memory": "8Gi"}


def requested(
    raw: dict[str, Any],
    profile: Profile | None = None,
    bounds: Bounds = UNBOUNDED,
    shapes: tuple[NodeShape, ...] = (),
) -> Mutation:
    return request(raw, recognised(raw), profile or Profile(), bounds, (smallest_shares(shapes),))


def added(made: Mutation) -> dict[str, dict[str, str]]:
    """What is added, by the path of the container and the resource."""
    found: dict[str, dict[str, str]] = {}
    for addition in made.additions:
        *above, _, kind, resource = addition.path
        assert kind == "requests"
        found.setdefault("/".join(map(str, above)), {})[str(resource)] = addition.value
    return found


def test_every_container_gets_what_it_lacks() -> None:
    raw = pod(
        container("main", GPU),
        container("half", {"requests": {"cpu": "1"}}),
        initContainers=[container("init", GPU)],
    )
    made = requested(raw)
    assert added(made) == {
        "spec/containers/0": WHOLE,
        "spec/containers/1": {"memory": "64Mi"},
        "spec/initContainers/0": SIDECAR,
    }
    assert made.brief == (
        "requests: main cpu=2 memory=8Gi, half memory=64Mi, init cpu=50m memory=64Mi"
    )


def test_nothing_to_add_is_no_mutation() -> None:
    full = {"requests": {"cpu": 1}, "limits": {"memory": "1Gi", "nvidia.com/gpu": 1}}
    assert requested(pod(container(resources=full))) == Mutation()


def test_pods_without_accelerators_and_pod_level_resources_get_nothing() -> None:
    head = pod(container(), metadata={"labels": {"ray.io/cluster": "c"}})
    assert requested(head) == Mutation()
    assert requested(pod(resources={"limits": {"cpu": 1}})) == Mutation()


def test_a_request_of_null_is_zero_and_set() -> None:
    resources = {"requests": {"cpu": None}, "limits": {"memory": None, "nvidia.com/gpu": 1}}
    assert requested(pod(container(resources=resources))) == Mutation()


@pytest.mark.parametrize("resources", [[], "x", {"requests": "none"}, {"requests": []}])
def test_parents_of_another_type_are_not_rebuilt_nor_claimed(resources: Any) -> None:
    made = requested(pod(container(resources=GPU), container("odd", resources)))
    assert added(made) == {"spec/containers/0": WHOLE}
    assert made.brief == "requests: main cpu=2 memory=8Gi"


def test_a_count_that_cannot_be_read_is_a_note() -> None:
    odd = {"limits": {"nvidia.com/gpu": "${N}", "amd.com/gpu": "x", "google.com/tpu": 1}}
    made = requested(pod(container(resources=odd), container("proxy")))
    assert added(made) == {"spec/containers/1": SIDECAR}
    assert made.notes == (
        "no requests for main: its amd.com/gpu, nvidia.com/gpu cannot be counted",
    )
    odd["requests"] = {"cpu": 1, "memory": "1Gi"}
    assert requested(pod(container(resources=odd))) == Mutation()


def test_what_a_limit_range_fills_in_is_left_to_it() -> None:
    assert added(requested(pod(), bounds=Bounds(frozenset({"cpu"})))) == {
        "spec/containers/0": {"memory": "8Gi"}
    }


def test_the_maximum_of_a_pod_counts_what_was_there_and_what_is_added() -> None:
    limited = container("limited", {"limits": {"cpu": "1", "memory": "x"}})
    init = container("init", {"limits": {"cpu": "2", "nvidia.com/gpu": 1}})
    raw = pod(container(resources=GPU), limited, initContainers=[init])
    room = Bounds(most_per_pod={"cpu": 3 * NANOS_PER_UNIT, "memory": 8 * GIB})
    assert requested(raw, bounds=room).notes == ()
    tight = Bounds(most_per_pod={"cpu": 3 * NANOS_PER_UNIT - 1, "memory": 8 * GIB})
    made = requested(raw, bounds=tight)
    assert made.notes == ("no cpu requests: they would exceed the LimitRange's maximum per pod",)
    assert added(made) == {
        "spec/containers/0": {"memory": "8Gi"},
        "spec/initContainers/0": {"memory": "64Mi"},
    }


def test_figures_of_zero_add_nothing() -> None:
    profile = Profile(
        per_device={each: Figures(0, 1) for each in WorkloadClass},
        sidecar=Figures(NANOS_PER_MILLI, 0),
    )
    made = requested(pod(container(resources=GPU), container("proxy")), profile)
    assert added(made) == {"spec/containers/1": {"cpu": "1m"}}


@pytest.mark.parametrize(
    ("resources", "figures"),
    [
        ({"nvidia.com/gpu": 2}, {"cpu": "4", "memory": "16Gi"}),
        ({"nvidia.com/mig-1g.5gb": 3}, {"cpu": "1500m", "memory": "6Gi"}),
        ({"nvidia.com/gpumem": 8000, "nvidia.com/gpucores": 30}, {"cpu": "500m", "memory": "2Gi"}),
        ({"nvidia.com/gpu": 2, "nvidia.com/gpumem": 8000}, {"cpu": "1", "memory": "4Gi"}),
        ({"nvidia.com/gpu": 1, "aws.amazon.com/neuroncore": 2}, {"cpu": "3", "memory": "12Gi"}),
    ],
)
def test_devices_and_slices_are_multiplied_and_shares_never(
    resources: dict[str, int], figures: dict[str, str]
) -> None:
    made = requested(pod(container(resources={"limits": resources})))
    assert added(made) == {"spec/containers/0": figures}


def shape(cpu: float, gib: float, **devices: int) -> NodeShape:
    names = {"gpu": "nvidia.com/gpu", "amd": "amd.com/gpu"}
    listed = {names[name]: count * NANOS_PER_UNIT for name, count in devices.items()}
    figures = cores_and_gib(cpu, gib)
    return NodeShape("node", {"cpu": figures.cpu, "memory": figures.memory, **listed})


@pytest.mark.parametrize(
    ("shapes", "figures"),
    [
        ((), WHOLE),
        ((shape(96, 1024, gpu=8),), WHOLE),
        ((shape(1.93, 64, gpu=1),), {"cpu": "1930m", "memory": "8Gi"}),
        ((shape(96, 1024, gpu=8), shape(4, 10, gpu=3)), {"cpu": "1333m", "memory": "3413Mi"}),
        ((shape(1, 1, amd=1),), WHOLE),
        ((shape(1, 1, gpu=0),), WHOLE),
        ((NodeShape("bare", {"nvidia.com/gpu": NANOS_PER_UNIT}),), WHOLE),
    ],
)
def test_a_default_keeps_within_the_share_of_the_smallest_node(
    shapes: tuple[NodeShape, ...], figures: dict[str, str]
) -> None:
    assert added(requested(pod(), shapes=shapes)) == {"spec/containers/0": figures}


def test_what_stands_beside_a_container_with_devices_has_to_fit_on_the_node_too() -> None:
    raw = pod(
        container("main", GPU),
        container("proxy"),
        container("agent", {"requests": {"cpu": "400m"}}),
        initContainers=[container("init", {"requests": {"cpu": "64"}})],
    )
    made = requested(raw, shapes=(shape(1.93, 64, gpu=1),))
    assert added(made)["spec/containers/0"] == {"cpu": "1480m", "memory": "8Gi"}
    assert next(one.why for one in made.additions) == (
        "default of scaleguard, for a device, cut to what node node gives"
    )


def test_containers_with_devices_divide_what_is_left() -> None:
    two = pod(container("a", GPU), container("b", GPU), container("c", {"requests": {"cpu": 2}}))
    made = requested(two, shapes=(shape(5, 64, gpu=2),))
    assert {path: found["cpu"] for path, found in added(made).items() if "cpu" in found} == {
        "spec/containers/0": "1500m",
        "spec/containers/1": "1500m",
    }


def test_where_a_node_has_no_room_nothing_is_added() -> None:
    full = pod(container("main", {"limits": {"nvidia.com/gpu": 1}, "requests": {"cpu": "1930m"}}))
    full["spec"]["containers"].append(container("proxy"))
    made = requested(full, shapes=(shape(1.93, 64, gpu=1),))
    assert added(made) == {
        "spec/containers/0": {"memory": "8Gi"},
        "spec/containers/1": {"memory": "64Mi"},
    }
    assert made.notes == ("no cpu requests: node node has no room for them",)


def test_small_figures_give_way_last() -> None:
    raw = pod(container("main", GPU), container("a"), container("b"))
    made = requested(raw, shapes=(shape(0.08, 64, gpu=1),))
    assert {path: one["cpu"] for path, one in added(made).items()} == {
        "spec/containers/0": "35m",
        "spec/containers/1": "22m",
        "spec/containers/2": "22m",
    }


def test_a_pod_that_is_for_larger_nodes_is_not_cut_for_a_small_one() -> None:
    raw = pod(container("main", GPU), container("big", {"requests": {"cpu": 8, "memory": 1}}))
    assert added(requested(raw, shapes=(shape(4, 64, gpu=1),)))["spec/containers/0"]["cpu"] == "2"


def test_devices_of_init_containers_run_before_the_others() -> None:
    raw = pod(
        container("main", GPU),
        initContainers=[container("init", GPU), container("side", restartPolicy="Always")],
    )
    made = added(requested(raw, shapes=(shape(1.93, 64, gpu=1),)))
    assert made["spec/containers/0"]["cpu"] == "1880m"


NEEDED = [
    {"key": "nvidia.com/gpu", "operator": "Exists"},
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
]
PRESSURE = {"key": "node.kubernetes.io/memory-pressure", "operator": "Exists"}


@pytest.mark.parametrize(
    ("allowed", "gets_some"),
    [(NEEDED, False), ([*NEEDED, PRESSURE], True), (NEEDED[:2], True), ([], True)],
)
def test_requests_are_left_out_where_a_namespace_refuses_pods_that_have_some(
    allowed: list[dict[str, Any]],
    gets_some: bool,  # noqa: FBT001
) -> None:
    made = requested(pod(), bounds=Bounds(tolerations=tuple(allowed)))
    assert bool(made.additions) is gets_some
    assert ("refuses pods that have some" in "".join(made.notes)) is not gets_some
    asking = pod(container(resources={"limits": {"nvidia.com/gpu": 1, "cpu": 1}}))
    assert requested(asking, bounds=Bounds(tolerations=tuple(allowed))).additions


def test_pods_without_accelerators_get_what_a_profile_says_for_them() -> None:
    head = pod(
        container("head"),
        metadata={"labels": {"ray.io/cluster": "c"}},
        initContainers=[container("proxy", restartPolicy="Always")],
    )
    made = requested(head, Profile(cpu_only=cores_and_gib(1, 2)))
    assert added(made) == {
        "spec/containers/0": {"cpu": "1", "memory": "2Gi"},
        "spec/initContainers/0": SIDECAR,
    }


def test_a_quota_that_counts_pods_with_requests_alone_is_left_with_none() -> None:
    quota = {
        "metadata": {"name": "team"},
        "spec": {"hard": {"limits.cpu": "10"}, "scopes": ["NotBestEffort"]},
    }
    bounds = Bounds(quotas=(read_quota(quota),))
    made = requested(pod(), bounds=bounds)
    assert made == Mutation(
        notes=("no requests: ResourceQuota team refuses the pod once it has some",)
    )
    limited = pod(container(resources={"limits": {"nvidia.com/gpu": 1, "cpu": 1}}))
    assert added(requested(limited, bounds=bounds)) == {"spec/containers/0": {"memory": "8Gi"}}
    plain = read_quota({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "10"}}})
    assert requested(pod(), bounds=Bounds(quotas=(plain,))).additions


def test_the_overhead_of_a_pod_and_what_runs_before_it_have_to_fit_too() -> None:
    over = pod(overhead={"cpu": "250m"})
    made = added(requested(over, shapes=(shape(2, 64, gpu=1),)))
    assert made["spec/containers/0"]["cpu"] == "1750m"
    before = pod(
        container("main", {"requests": {"cpu": "10m"}}),
        initContainers=[
            container("gpu", GPU, restartPolicy="Always"),
            container("init", {"requests": {"cpu": "1900m"}}),
        ],
    )
    found = requested(before, shapes=(shape(2, 64, gpu=1),))
    assert "cpu" not in added(found)["spec/initContainers/0"]
    assert found.notes == ("no cpu requests: node node has no room for them",)


def test_of_several_kinds_of_devices_the_one_with_most_decides() -> None:
    asked = container(resources={"limits": {"nvidia.com/gpu": 1, "amd.com/gpu": 1}})
    made = requested(pod(asked), shapes=(shape(2, 8, gpu=1, amd=7),))
    assert added(made)["spec/containers/0"] == {"cpu": "2", "memory": "8Gi"}

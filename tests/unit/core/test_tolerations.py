from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.pods import container, pod, recognised
from webhook.core.bounds import UNBOUNDED, Bounds
from webhook.core.mutations import Mutation
from webhook.core.mutations.tolerations import is_tolerable, tolerate
from webhook.core.patch import Addition
from webhook.core.profile import ExtraToleration, Profile
from webhook.core.toleration import covers

MIG = container(resources={"limits": {"nvidia.com/mig-1g.5gb": 1}})
SKU = {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}


def ours(key: str) -> dict[str, str]:
    return {"key": key, "operator": "Exists", "effect": "NoSchedule"}


def added(made: Mutation) -> list[Any]:
    assert {addition.path for addition in made.additions} <= {("spec", "tolerations", "-")}
    return [addition.value for addition in made.additions]


def tolerated(
    raw: dict[str, Any], profile: Profile | None = None, bounds: Bounds = UNBOUNDED
) -> Mutation:
    return tolerate(raw, recognised(raw), profile or Profile(), bounds)


def test_the_family_key_and_the_exact_name_sorted() -> None:
    made = tolerated(pod(MIG))
    assert added(made) == [ours("nvidia.com/gpu"), ours("nvidia.com/mig-1g.5gb")]
    assert made.brief == "tolerations: nvidia.com/gpu, nvidia.com/mig-1g.5gb"
    assert made.notes == ()


def test_what_is_covered_is_left_alone() -> None:
    made = tolerated(pod(MIG, tolerations=[{"operator": "Exists"}]))
    assert made == Mutation()


def test_a_pod_without_accelerators_gets_none() -> None:
    raw = pod(container(), metadata={"labels": {"ray.io/cluster": "c"}})
    assert tolerated(raw, Profile(extra_tolerations=(ExtraToleration(SKU),))) == Mutation()


def test_extra_tolerations_come_after_ours_as_they_are_written_and_once() -> None:
    extras = (SKU, {"key": "a"}, SKU, ours("nvidia.com/gpu"))
    made = tolerated(pod(), Profile(extra_tolerations=tuple(map(ExtraToleration, extras))))
    assert added(made) == [ours("nvidia.com/gpu"), SKU, {"key": "a"}]
    assert added(made)[1] is not SKU


def test_a_list_that_is_none_is_not_rebuilt_nor_claimed() -> None:
    assert tolerated(pod(tolerations={"nvidia.com/gpu": "Exists"})) == Mutation()


def test_what_the_namespace_would_refuse_is_left_out_and_said() -> None:
    made = tolerated(pod(MIG), bounds=Bounds(tolerations=(ours("nvidia.com/gpu"),)))
    assert made.additions == (Addition(("spec", "tolerations", "-"), ours("nvidia.com/gpu")),)
    assert made.brief == "tolerations: nvidia.com/gpu"
    whitelist = "the namespace's scheduler.alpha.kubernetes.io/tolerationsWhitelist"
    assert made.notes == (f"nvidia.com/mig-1g.5gb not tolerated: {whitelist} leaves it out",)
    nothing = tolerated(pod(MIG), bounds=Bounds(tolerations=(SKU,)))
    assert (nothing.additions, nothing.brief, len(nothing.notes)) == ((), "", 1)


@pytest.mark.parametrize(
    "key",
    [
        "node.kubernetes.io/unreachable",
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node-role.kubernetes.io/control-plane",
        "node-role.kubernetes.io/master",
        "karpenter.sh/disrupted",
        "startup-taint.cluster-autoscaler.kubernetes.io/gpu",
        "ignore-taint.cluster-autoscaler.kubernetes.io/x",
        "ToBeDeletedByClusterAutoscaler",
        "DeletionCandidateOfClusterAutoscaler",
        "readiness.k8s.io/network",
        "ebs.csi.aws.com/agent-not-ready",
    ],
)
def test_keys_that_are_never_tolerated(key: str) -> None:
    assert not is_tolerable(key)


@pytest.mark.parametrize(
    "key",
    ["nvidia.com/gpu", "sku", "dedicated", "kubernetes.azure.com/scalesetpriority", "karpenter.sh"],
)
def test_keys_of_pools(key: str) -> None:
    assert is_tolerable(key)


# ---------------------------------------------------------------- against Kubernetes' own matching

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
TAINTS = [
    {"key": key, "value": value, "effect": effect}
    for key, value, effect in product("abc", ["", "x", "y", "z"], EFFECTS)
]


def tolerates(toleration: dict[str, Any], taint: dict[str, str]) -> bool:
    """ToleratesTaint of k8s.io/api core/v1/toleration.go, without Lt and Gt."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("value", "") == taint["value"])


EFFECT = st.sampled_from([{}, {"effect": ""}, *({"effect": effect} for effect in EFFECTS)])
SECONDS = st.sampled_from([{}, {"tolerationSeconds": 5}])
EXISTS = st.sampled_from(
    [{"operator": "Exists"}, *({"operator": "Exists", "key": key} for key in ("", "a", "b"))]
)
EQUAL = st.builds(
    lambda operator, key, value: {**operator, "key": key, **value},
    st.sampled_from([{}, {"operator": ""}, {"operator": "Equal"}]),
    st.sampled_from("ab"),
    st.sampled_from([{}, {"value": ""}, {"value": "x"}, {"value": "y"}]),
)
TOLERATIONS = st.builds(
    lambda *parts: {name: value for part in parts for name, value in part.items()},
    EXISTS | EQUAL,
    EFFECT,
    SECONDS,
)


@given(TOLERATIONS, TOLERATIONS)
def test_one_covers_another_where_it_matches_all_its_taints(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    wider = all(tolerates(one, taint) for taint in TAINTS if tolerates(other, taint))
    assert covers(one, other) is wider


@given(st.lists(TOLERATIONS, max_size=4), st.lists(TOLERATIONS, max_size=3))
def test_every_taint_is_tolerated_afterwards_and_nothing_is_added_twice(
    present: list[dict[str, Any]], extras: list[dict[str, Any]]
) -> None:
    profile = Profile(extra_tolerations=tuple(map(ExtraToleration, extras)))
    raw = pod(MIG, tolerations=present)
    after = [*present, *added(tolerated(raw, profile))]
    wanted = [ours("nvidia.com/gpu"), ours("nvidia.com/mig-1g.5gb"), *extras]
    assert all(any(covers(one, each) for one in after) for each in wanted)
    assert tolerated(pod(MIG, tolerations=after), profile) == Mutation()

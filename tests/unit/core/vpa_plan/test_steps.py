"""What is written so that the managed VPAs of a workload are as the plan wants them."""

import copy
from typing import Any

import pytest

from tests.unit.core.vpa_plan.workloads import Raw
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.vpa_plan.plan import Planned, Withheld
from webhook.core.vpa_plan.steps import Apply, Remove, kept_of, steps

LLAMA = WorkloadKey("ml", "apps", "Deployment", "llama")
OWNER = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "name": "llama",
    "uid": "u-1",
    "controller": True,
    "blockOwnerDeletion": False,
}
WANTED: Raw = {
    "apiVersion": "autoscaling.k8s.io/v1",
    "kind": "VerticalPodAutoscaler",
    "metadata": {
        "name": "scaleguard-deployment-llama",
        "namespace": "ml",
        "labels": {"scaleguard.io/managed": "true"},
        "annotations": {
            "scaleguard.io/why-mode": "class inference",
            "scaleguard.io/why-bounds": "cpu up to 12 (node a)",
        },
        "ownerReferences": [OWNER],
    },
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "llama"},
        "updatePolicy": {"updateMode": "Initial"},
        "resourcePolicy": {
            "containerPolicies": [{"containerName": "*", "controlledResources": ["cpu"]}]
        },
    },
}
PLANNED = Planned(LLAMA, WANTED)


def there(**changes: Any) -> Raw:
    """The VPA as it is kept; others have added what they are free to add."""
    return dict(kept_of(stored(**changes)))


def stored(**changes: Any) -> Raw:
    """The VPA as the API server has it."""
    raw = copy.deepcopy(WANTED)
    raw["metadata"] |= {
        "uid": "v-1",
        "resourceVersion": "7",
        "managedFields": [{"manager": "scaleguard-controller"}],
    }
    raw["metadata"]["labels"] |= {"team": "ml"}
    raw["metadata"]["annotations"] |= {"note": "theirs"}
    raw["status"] = {"recommendation": {}}
    raw["metadata"] |= changes.pop("metadata", {})
    raw["spec"] |= changes.pop("spec", {})
    return raw | changes


def test_what_is_not_there_is_made() -> None:
    (step,) = steps(PLANNED, [])
    assert step == Apply(WANTED)
    assert str(step.ref) == "VerticalPodAutoscaler ml/scaleguard-deployment-llama"


def test_what_is_as_it_should_be_is_left() -> None:
    assert steps(PLANNED, [there()]) == []


_UPDATE = {"updateMode": "Recreate", "minReplicas": 1}
_POLICIES = {"containerPolicies": [{"containerName": "a", "mode": "Off"}]}
_ANNOTATIONS = WANTED["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("changes", "changed", "surplus"),
    [
        (
            {"metadata": {"annotations": {**_ANNOTATIONS, "scaleguard.io/why-mode": "mine"}}},
            "metadata.annotations[scaleguard.io/why-mode]",
            None,
        ),
        (
            {"metadata": {"annotations": {**_ANNOTATIONS, "scaleguard.io/why-resources": "x"}}},
            "metadata.annotations[scaleguard.io/why-resources]",
            # Of somebody else: what is applied would leave it there, to be found at each look.
            {"metadata": {"annotations": {"scaleguard.io/why-resources": None}}},
        ),
        (
            {"metadata": {"labels": {"scaleguard.io/managed": "no"}}},
            "metadata.labels",
            None,
        ),
        ({"metadata": {"ownerReferences": []}}, "metadata.ownerReferences", None),
        (
            {"metadata": {"ownerReferences": [OWNER | {"uid": "u-0"}]}},
            "metadata.ownerReferences",
            None,
        ),
        (
            {"spec": {"updatePolicy": _UPDATE}},
            "spec.updatePolicy",
            {"spec": {"updatePolicy": {"minReplicas": None}}},
        ),
        ({"spec": {"updatePolicy": {"updateMode": "Off"}}}, "spec.updatePolicy", None),
        # Lists are written as a whole: apply has them as they should be.
        ({"spec": {"resourcePolicy": _POLICIES}}, "spec.resourcePolicy", None),
        ({"spec": {"updatePolicy": "Off"}}, "spec.updatePolicy", None),
        (
            {"spec": {"recommenders": [{"name": "mine"}]}},
            "spec.recommenders",
            {"spec": {"recommenders": None}},
        ),
    ],
)
def test_what_differs_is_named_and_put_back(
    changes: Raw, changed: str, surplus: Raw | None
) -> None:
    assert steps(PLANNED, [there(**changes)]) == [Apply(WANTED, (changed,), surplus)]


def test_all_that_differs_is_named_in_a_fixed_order() -> None:
    hand = there(
        metadata={"ownerReferences": []},
        spec={"updatePolicy": {"updateMode": "Off"}, "recommenders": []},
    )
    (step,) = steps(PLANNED, [hand])
    assert isinstance(step, Apply)
    assert step.changed == (
        "metadata.ownerReferences",
        "spec.recommenders",
        "spec.updatePolicy",
    )
    assert step.surplus == {"spec": {"recommenders": None}}


def test_another_reason_for_the_same_bounds_is_not_worth_a_write() -> None:
    other = {**_ANNOTATIONS, "scaleguard.io/why-bounds": "cpu up to 12 (node b)"}
    assert steps(PLANNED, [there(metadata={"annotations": other})]) == []
    # It comes along with the next write.
    (step,) = steps(PLANNED, [there(metadata={"annotations": other, "ownerReferences": []})])
    assert isinstance(step, Apply)
    assert step.changed == ("metadata.ownerReferences",)


def test_owners_that_others_have_added_stay() -> None:
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "c-1"}
    assert steps(PLANNED, [there(metadata={"ownerReferences": [other, OWNER]})]) == []


def test_a_vpa_under_another_name_goes() -> None:
    old = there(metadata={"name": "scaleguard-llama", "uid": "v-0"})
    why = "the VPA of its workload has another name"
    (gone,) = steps(PLANNED, [there(), old])
    assert gone == Remove(gone.ref, "v-0", why)
    assert gone.ref.name == "scaleguard-llama"
    made, removed = steps(PLANNED, [old])
    assert (made, removed) == (Apply(WANTED), gone)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (Withheld(LLAMA, "an annotation says off"), "an annotation says off"),
        (None, "nothing is planned for its workload"),
    ],
)
def test_where_none_is_wanted_all_of_ours_go(wanted: Withheld | None, why: str) -> None:
    assert steps(wanted, []) == []
    second = there(metadata={"name": "b", "uid": "v-2"})
    gone = steps(wanted, [there(), second])
    assert [(one.uid, one.why) for one in gone if isinstance(one, Remove)] == [
        ("v-1", why),
        ("v-2", why),
    ]


def test_little_is_kept_of_a_vpa() -> None:
    assert kept_of(stored()) == {
        **WANTED,
        "metadata": {**WANTED["metadata"], "uid": "v-1"},
    }
    assert kept_of({}) == {"metadata": {"labels": {}, "annotations": {}}, "spec": {}}

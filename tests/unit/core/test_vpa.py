"""All that is read of a VPA, what of it is written to pods, and when nothing is."""

from typing import Any

import pytest

from tests.unit.core.scalers import METADATA, OWNER, TARGET, WEB, Raw, bare, going
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import ContainerPolicy, Vpa, read_vpa, resources
from webhook.core.objects import ObjectRef
from webhook.core.patch import dotted
from webhook.core.pod import CPU, MEMORY

BOTH = frozenset({CPU, MEMORY})
POLICIES = "spec.resourcePolicy.containerPolicies"
FACTOR = {"cpu": {"type": "Factor", "factor": 2}}
API = "autoscaling.k8s.io/v1"


def vpa(*policies: Any, **spec: Any) -> Raw:
    spec = {"targetRef": TARGET, "resourcePolicy": {"containerPolicies": list(policies)}, **spec}
    kind = "VerticalPodAutoscaler"
    return {"apiVersion": API, "kind": kind, "metadata": METADATA, "spec": spec}


def read(*policies: Any, **spec: Any) -> Vpa:
    return read_vpa(vpa(*policies, **spec))


def test_a_vpa() -> None:
    app = {"containerName": "app", "controlledResources": [MEMORY]}
    rest = {"containerName": "*", "mode": "Off", "startupBoost": FACTOR}
    raw = vpa(app, rest, updatePolicy={"updateMode": "Initial"}, recommenders=[])
    named = ContainerPolicy(0, "app", False, frozenset({MEMORY}), None, app)  # noqa: FBT003
    assert read_vpa(raw) == Vpa(
        ObjectRef(API, "VerticalPodAutoscaler", "shop", "web"),
        WEB,
        "Initial",
        (named,),
        ContainerPolicy(1, "*", True, frozenset(), True, rest),  # noqa: FBT003
        boosts=False,
        has_boost=True,
        active=True,
        exempt=frozenset({"duplicate-hpa"}),
        gke_rightsizing=False,
        unquoted=(),
        raw={
            "resourcePolicy": {"containerPolicies": [app, rest]},
            "updatePolicy": {"updateMode": "Initial"},
        },
        by_name={"app": named},
        owner=OWNER,
    )
    assert not read_vpa(going(raw)).active


def test_a_vpa_that_says_nothing() -> None:
    found = read_vpa(bare(API, "VerticalPodAutoscaler"))
    assert found == Vpa(
        ObjectRef(API, "VerticalPodAutoscaler", "default", "web"),
        None,
        "Recreate",
        (),
        None,
        boosts=False,
        has_boost=False,
        active=True,
        exempt=frozenset(),
        gke_rightsizing=False,
        unquoted=(),
        raw={},
        by_name={},
    )
    assert found.controls("app", CPU)
    assert found.controls("app", MEMORY)
    assert not found.controls("app", "nvidia.com/gpu")
    raw = bare(API, "VerticalPodAutoscaler", {"targetRef": TARGET})
    assert read_vpa(raw).target == WEB._replace(namespace="default")


def test_a_kind_that_vpa_knows_is_the_built_in_one() -> None:
    def target(api_version: str, kind: str) -> WorkloadKey | None:
        return read(targetRef={"apiVersion": api_version, "kind": kind, "name": "web"}).target

    assert target("extensions/v1beta1", "Deployment") == WEB
    assert target("argoproj.io/v1alpha1", "Rollout") == WorkloadKey(
        "shop", "argoproj.io", "Rollout", "web"
    )


def test_whose_a_vpa_is_and_what_it_may_share() -> None:
    def read_with(**metadata: Any) -> Vpa:
        return read_vpa({**vpa(), "metadata": {**METADATA, **metadata}})

    assert read_with(labels={"scaleguard.io/managed": "true"}).labelled
    assert not read_with(labels={"scaleguard.io/managed": "false"}).labelled
    key = "gke.io/autoscaling-hpa-rightsizing-mode"
    assert read_with(annotations={key: "gke-hpa-rightsizing-mode-policy"}).gke_rightsizing
    assert not read_with(annotations={key: "other"}).gke_rightsizing


def test_of_several_policies_of_a_container_the_first_counts_and_of_those_for_all_the_last() -> (
    None
):
    found = read(
        *({"containerName": "app", "controlledResources": [one]} for one in (CPU, MEMORY)),
        *({"containerName": "*", "controlledResources": [one]} for one in (CPU, MEMORY)),
        {"controlledResources": []},
        "odd",
    )
    assert [policy.index for policy in found.policies] == [0, 3]
    assert found.policy("app") == found.named[0]
    assert found.policy("other") == found.wildcard
    assert (found.controls("app", CPU), found.controls("other", CPU)) == (True, False)
    assert read({"containerName": "app"}).policy("other") is None
    assert [policy.path for policy in found.policies] == [f"{POLICIES}[0]", f"{POLICIES}[3]"]


@pytest.mark.parametrize(
    ("policy", "controlled"),
    [
        ({}, BOTH),
        ({"controlledResources": None}, BOTH),
        ({"controlledResources": []}, frozenset()),
        ({"controlledResources": [CPU, "nvidia.com/gpu"]}, frozenset({CPU})),
        ({"controlledResources": CPU}, frozenset()),
        ({"mode": "Off"}, frozenset()),
        ({"mode": "Off", "controlledResources": [CPU]}, frozenset()),
        ({"mode": "Auto"}, BOTH),
        ({"mode": False}, frozenset()),
    ],
)
def test_what_a_policy_controls(policy: Raw, controlled: frozenset[str]) -> None:
    found = read({"containerName": "app", **policy}).policy("app")
    assert resources(found) == controlled
    assert resources(None) == BOTH


def test_an_unquoted_off_is_off() -> None:
    policies = [{"containerName": "a", "mode": False}, {"containerName": "b", "mode": "Off"}]
    found = read(*policies, updatePolicy={"updateMode": False})
    assert found.mode == "Off"
    assert [dotted(path) for path in found.unquoted] == [
        "spec.updatePolicy.updateMode",
        f"{POLICIES}[0].mode",
    ]
    assert read(updatePolicy={"updateMode": True}).mode == "Recreate"


def test_off_writes_nothing() -> None:
    found = read(updatePolicy={"updateMode": "Off"})
    assert not found.controls("app", CPU)
    assert (found.writes, read().writes) == (False, True)
    assert read(updatePolicy={"updateMode": "Off"}, startupBoost={"cpu": {}}).writes


@pytest.mark.parametrize(
    ("boost", "raises"),
    [
        (None, False),
        ({}, False),
        ({"cpu": {}}, False),
        (FACTOR, True),
        ({"cpu": {"factor": 1}}, False),
        ({"cpu": {"type": "Factor", "factor": 1}}, False),
        ({"cpu": {"type": "Factor"}}, True),
        ({"cpu": {"type": "Quantity", "quantity": "500m"}}, True),
        ({"cpu": {"type": "Quantity", "quantity": "500m", "factor": 1}}, True),
        ({"cpu": {"type": "Quantity", "quantity": "0"}}, False),
        ({"cpu": {"type": "Quantity"}}, False),
    ],
)
def test_what_raises_cpu_at_start(boost: Raw | None, *, raises: bool) -> None:
    assert read(startupBoost=boost).boosts_cpu("app") is raises
    assert read({"containerName": "app", "startupBoost": boost}).boosts_cpu("app") is raises
    for found in (read(startupBoost=boost), read({"containerName": "a", "startupBoost": boost})):
        assert found.has_boost is (boost is not None)


def test_a_container_is_boosted_as_its_policy_says_or_else_the_vpa() -> None:
    def policy(name: str, **more: Any) -> Raw:
        return {"containerName": name, **more}

    idle = {"cpu": {"factor": 1}}
    found = read(
        policy("plain"),
        policy("own", startupBoost=idle),
        policy("off", mode="Off"),
        startupBoost=FACTOR,
        updatePolicy={"updateMode": "Off"},
    )
    boosted = {name: found.boosts_cpu(name) for name in ("plain", "own", "off", "other")}
    assert boosted == {"plain": True, "own": False, "off": False, "other": True}
    own = policy("app", startupBoost=FACTOR)
    assert read(own).boosts_cpu("app")
    assert not read({**own, "mode": "Off"}).boosts_cpu("app")
    assert not read(own).boosts_cpu("other")


def test_policies_may_leave_nothing_to_write() -> None:
    reason = "its container policies control no resource of any container"
    freed: Raw = {"containerName": "*", "controlledResources": []}
    app = {"containerName": "app", "controlledResources": [CPU]}
    assert read(freed).ineffective(()) == reason
    assert read(freed).ineffective(("app",)) == reason
    assert read(freed, app).ineffective(()) is None
    assert read(freed, app).ineffective(("app", "db")) is None
    assert read(freed, app).ineffective(("db",)) == reason
    assert read({**app, "controlledResources": []}).ineffective(()) is None
    assert read({**app, "controlledResources": []}).ineffective(("app",)) == reason
    assert read(freed, startupBoost=FACTOR).ineffective(()) is None
    assert read(freed, updatePolicy={"updateMode": "Off"}).ineffective(()) is None

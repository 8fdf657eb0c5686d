"""Which workloads are looked at for the VPA that they may get."""

from typing import Any

import pytest

from tests.unit.core.vpa_plan.workloads import Raw, container, owner, workload
from webhook.core.ai_workload import may_be_at_fault, may_make_ai_pods
from webhook.knowledge import knowledge

KNOWLEDGE = knowledge()
PLAIN = container("app", "nginx", limits={"cpu": "1"})


def claiming(**source: Any) -> Raw:
    raw = workload("Deployment", "apps/v1", PLAIN)
    raw["spec"]["template"]["spec"]["resourceClaims"] = [{"name": "gpu", **source}]
    return raw


def classified(name: str) -> Raw:
    raw = workload("Deployment", "apps/v1", PLAIN)
    raw["spec"]["template"]["metadata"]["annotations"] = {"scaleguard.io/class": name}
    return raw


@pytest.mark.parametrize(
    ("raw", "may"),
    [
        (workload(), True),
        (workload("Job", "batch/v1"), True),
        (workload("CloneSet", "apps.kruise.io/v1alpha1"), True),
        (workload("Deployment", "apps/v1", PLAIN), False),
        (classified("inference"), True),
        # What a claim asks for is known once it is read.
        (claiming(resourceClaimTemplateName="one-gpu"), True),
        (claiming(resourceClaimName="shared"), True),
        (claiming(), False),
        # Nothing of it is known: how pods stand in it neither.
        (workload("Gadget", "example.com/v1"), False),
        ({"apiVersion": "apps/v1", "kind": "Deployment"}, False),
    ],
)
def test_what_may_make_ai_pods(raw: Raw, *, may: bool) -> None:
    assert may_make_ai_pods(raw, KNOWLEDGE) is may


def squatting(kind: str = "Deployment", **metadata: Any) -> Raw:
    raw = workload(kind, "apps/v1", PLAIN, **metadata)
    raw["spec"]["template"]["spec"]["tolerations"] = [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]
    return raw


@pytest.mark.parametrize(
    ("raw", "may"),
    [
        (squatting(), True),
        (workload("Deployment", "apps/v1", container(limits={"nvidia.com/gpus": 1})), True),
        (workload("Deployment", "apps/v1", PLAIN), False),
        # They belong on every node.
        (squatting("DaemonSet"), False),
        # The Deployment is judged.
        (squatting("ReplicaSet", **owner("Deployment", "apps/v1")), False),
        (squatting("ReplicaSet", **owner("Gadget", "example.com/v1")), True),
        (workload("Gadget", "example.com/v1"), False),
    ],
)
def test_what_rules_may_say_of_other_pods(raw: Raw, *, may: bool) -> None:
    assert may_be_at_fault(raw, KNOWLEDGE) is may

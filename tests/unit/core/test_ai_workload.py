"""Which workloads are looked at for the VPA that they may get."""

from typing import Any

import pytest

from tests.unit.core.vpa_plan.workloads import Raw, container, workload
from webhook.core.ai_workload import may_make_ai_pods
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

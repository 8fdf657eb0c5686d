from typing import Any

import pytest

from tests.unit.core.pods import GPU, container, pod
from webhook.core.bounds import UNBOUNDED, Bounds
from webhook.core.quota import read_quota, refusals


def quota(hard: dict[str, Any], used: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team", "namespace": "ml"},
        "spec": {"hard": hard, **spec},
        "status": {"hard": hard, "used": used} if used is not None else {},
    }


def said(
    raw: dict[str, Any],
    *quotas: dict[str, Any],
    bounds: Bounds = UNBOUNDED,
    new: bool = True,
) -> list[tuple[str, str]]:
    found = refusals(raw, [read_quota(one) for one in quotas], bounds, is_new=new)
    return [(one.resource, one.text) for one in found]


FULL = {"limits": {"nvidia.com/gpu": 2, "cpu": "4", "memory": "16Gi"}}


def test_a_pod_that_asks_for_more_than_is_left_is_refused() -> None:
    gpus = quota({"requests.nvidia.com/gpu": 4}, {"requests.nvidia.com/gpu": "3"})
    assert said(pod(container(resources=FULL)), gpus) == [
        (
            "requests.nvidia.com/gpu",
            "it allows 4 of requests.nvidia.com/gpu, 3 of them in use; one pod asks for 2",
        )
    ]
    assert said(pod(container(resources=FULL)), gpus, new=False) == []
    assert said(pod(), gpus) == []


def test_a_pod_that_no_quota_would_ever_let_pass_is_refused_when_it_changes_too() -> None:
    memory = quota({"requests.memory": "8Gi", "cpu": 2, "pods": 0})
    assert said(pod(container(resources=FULL)), memory, new=False) == [
        ("cpu", "it allows 2 of cpu; one pod asks for 4"),
        ("pods", "it allows 0 of pods; one pod asks for 1"),
        ("requests.memory", "it allows 8Gi of requests.memory; one pod asks for 16Gi"),
    ]


def test_limits_are_counted_too() -> None:
    limits = quota({"limits.cpu": 3, "limits.nvidia.com/gpu": 1})
    assert said(pod(container(resources=FULL)), limits) == [
        ("limits.cpu", "it allows 3 of limits.cpu; one pod asks for 4")
    ]


def test_what_a_quota_wants_on_every_container() -> None:
    both = quota({"requests.cpu": 100, "limits.memory": "1Ti", "requests.nvidia.com/gpu": 8})
    raw = pod(container("a", GPU), container("b"), container("c", FULL))
    assert said(raw, both) == [
        ("limits.memory", "it wants limits of memory on every container; a, b have none"),
        ("requests.cpu", "it wants requests of cpu on every container; a, b have none"),
    ]
    assert said(raw, both, bounds=Bounds(limited=frozenset({"memory"}))) == [
        ("requests.cpu", "it wants requests of cpu on every container; a, b have none")
    ]
    assert said(raw, both, bounds=Bounds(frozenset({"cpu"}), frozenset({"memory"}))) == []
    one = pod(container("a", GPU), container("c", FULL))
    assert said(one, quota({"cpu": 100})) == [
        ("cpu", "it wants requests of cpu on every container; a has none")
    ]
    whole = pod(container("a", GPU), resources={"limits": {"cpu": 1, "memory": "1Gi"}})
    assert said(whole, both) == []


@pytest.mark.parametrize(
    ("spec", "scoped", "counted"),
    [
        ({}, {"scopes": ["NotTerminating"]}, True),
        ({}, {"scopes": ["Terminating"]}, False),
        ({"activeDeadlineSeconds": 60}, {"scopes": ["Terminating", "NotBestEffort"]}, True),
        ({}, {"scopes": ["BestEffort"]}, False),
        ({}, {"scopes": ["CrossNamespacePodAffinity"]}, False),
        ({}, {"scopes": [7]}, True),
        (
            {"priorityClassName": "high"},
            {
                "scopeSelector": {
                    "matchExpressions": [
                        {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}
                    ]
                }
            },
            True,
        ),
        (
            {},
            {
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]
                }
            },
            False,
        ),
    ],
)
def test_a_quota_counts_the_pods_of_its_scopes(
    spec: dict[str, Any],
    scoped: dict[str, Any],
    counted: bool,  # noqa: FBT001
) -> None:
    found = said(pod(container(resources=FULL), **spec), quota({"cpu": 1}, **scoped))
    assert bool(found) is counted


def test_a_quota_is_read_from_its_status_and_what_is_no_quantity_is_left_out() -> None:
    raw = quota({"cpu": 1, "pods": "many"}, {"cpu": "500m"})
    found = read_quota(raw)
    assert (dict(found.hard), dict(found.used)) == ({"cpu": 10**9}, {"cpu": 5 * 10**8})
    assert found.name == "team"

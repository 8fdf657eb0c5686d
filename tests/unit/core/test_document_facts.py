"""What rules read beside overlaps: how far a scaler goes, what a pod asks for, the namespace."""

from typing import Any

import pytest

from webhook.core.autoscalers.hpa import read_hpa
from webhook.core.autoscalers.scaled_object import read_scaled_object
from webhook.core.decide import Judge
from webhook.core.gather import gather
from webhook.core.namespace_facts import (
    MOST_AMOUNTS,
    MOST_LABELS,
    MOST_QUOTAS,
    namespace_document,
)
from webhook.core.profile import Profiles
from webhook.core.verdict import Settings
from webhook.core.world import World, read_autoscaler
from webhook.knowledge import knowledge

KNOWN = knowledge()
Raw = dict[str, Any]


def hpa(**spec: Any) -> Raw:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "llm"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "llm", "namespace": "ml"},
        "spec": {"scaleTargetRef": target, **spec},
    }


def deployment(*limits: Raw, annotations: Raw | None = None) -> Raw:
    containers = [
        {"name": f"c{number}", "resources": {"limits": one}} for number, one in enumerate(limits)
    ]
    template = {"metadata": {"annotations": annotations or {}}, "spec": {"containers": containers}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "llm", "namespace": "ml"},
        "spec": {"template": template},
    }


def quota(name: str, hard: Raw, **more: Any) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name, "namespace": "ml"},
        "spec": {"hard": hard, **more},
    }


def world(*objects: Raw) -> World:
    return World.of(objects, KNOWN.kinds)


def accelerators(*objects: Raw) -> Any:
    asked: list[Raw] = []

    def ask(document: Raw) -> list[Any]:
        asked.append(document)
        return []

    judge = Judge(KNOWN, Profiles(), Settings({}), ask)
    subject = read_autoscaler(hpa(maxReplicas=3))
    assert subject is not None
    judge.findings(subject, world(*objects))
    return asked[0]["autoscaler"]["accelerators"]


@pytest.mark.parametrize(
    ("spec", "bounds"),
    [
        ({"maxReplicas": 3}, (1, 3)),
        ({"minReplicas": 0, "maxReplicas": 3}, (0, 3)),
        ({"minReplicas": 2}, (2, None)),
    ],
)
def test_an_hpa_says_how_far_it_goes(spec: Raw, bounds: tuple[int, int | None]) -> None:
    read = read_hpa(hpa(**spec))
    assert (read.least, read.most) == bounds


@pytest.mark.parametrize(
    ("spec", "bounds"),
    [({}, (0, 100)), ({"minReplicaCount": 1, "maxReplicaCount": 4}, (1, 4))],
)
def test_a_scaled_object_says_how_far_it_goes(spec: Raw, bounds: tuple[int, int]) -> None:
    raw = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "spec": spec}
    read = read_scaled_object(raw)
    assert (read.least, read.most) == bounds


def test_accelerators_are_those_of_one_pod() -> None:
    assert accelerators(deployment({"nvidia.com/gpu": 2}, {"nvidia.com/gpu": "1"})) == {
        "nvidia.com/gpu": 3
    }
    assert accelerators(deployment({"cpu": 1})) == {}
    assert accelerators() is None


def test_accelerators_of_a_pod_that_is_no_ai_pod_by_its_own_word_count_too() -> None:
    off = deployment({"nvidia.com/gpu": 2}, annotations={"scaleguard.io/class": "none"})
    assert accelerators(off) == {"nvidia.com/gpu": 2}


def test_of_two_versions_the_one_that_asks_for_most_counts() -> None:
    base, overlay = deployment({"nvidia.com/gpu": 4}), deployment({"nvidia.com/gpu": 2})
    assert accelerators(base, overlay) == accelerators(overlay, base) == {"nvidia.com/gpu": 4}
    odd = deployment({"nvidia.com/gpu": "two"})
    assert accelerators(base, odd) == accelerators(odd, base) == {"nvidia.com/gpu": "unreadable"}


def test_a_scaler_without_a_workload_knows_no_pod() -> None:
    subject = read_autoscaler(hpa(scaleTargetRef=None))
    assert subject is not None
    assert gather(subject, world(deployment({}))).autoscaler["accelerators"] is None


def test_a_namespace_is_told_in_numbers() -> None:
    named = {"metadata": {"name": "ml", "labels": {"team": "research"}}}
    scoped = quota("b", {"limits.cpu": "1500m"}, scopes=["Terminating"])
    plain = quota("a", {"requests.nvidia.com/gpu": "8", "requests.memory": "1Gi", "pods": "x"})
    around = world({"apiVersion": "v1", "kind": "Namespace", **named}, scoped, plain)
    assert namespace_document("ml", around) == {
        "name": "ml",
        "known": True,
        "labels": {"kubernetes.io/metadata.name": "ml", "team": "research"},
        "quotas": [
            {
                "name": "a",
                "scoped": False,
                "hard": {"requests.memory": 2**30, "requests.nvidia.com/gpu": 8},
                "used": {},
            },
            {"name": "b", "scoped": True, "hard": {"limits.cpu": 1.5}, "used": {}},
        ],
    }


def test_a_namespace_that_nobody_has_seen_has_a_name() -> None:
    assert namespace_document("ml", world()) == {
        "name": "ml",
        "known": False,
        "labels": {"kubernetes.io/metadata.name": "ml"},
        "quotas": [],
    }
    assert namespace_document(None, world()) is None


def test_what_is_told_of_a_namespace_is_bounded() -> None:
    labels = {f"label-{number:03}": "x" for number in range(200)}
    named = {"metadata": {"name": "ml", "labels": labels}}
    hard = {f"count/{number:03}": 1 for number in range(200)}
    quotas = [quota(f"q{number:03}", hard) for number in range(40)]
    around = world({"apiVersion": "v1", "kind": "Namespace", **named}, *quotas)
    document = namespace_document("ml", around)
    assert document is not None
    assert len(document["labels"]) == MOST_LABELS
    assert len(document["quotas"]) == MOST_QUOTAS
    assert len(document["quotas"][0]["hard"]) == MOST_AMOUNTS

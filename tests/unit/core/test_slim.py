"""What is told of an object: enough to judge by it, and nothing else."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies.autoscalers import AUTOSCALERS, SECRET
from webhook.core.gather import gather
from webhook.core.slim import identity_and_target, slim
from webhook.core.world import World, read_autoscaler
from webhook.knowledge import knowledge

KINDS = knowledge().kinds

Raw = dict[str, Any]


@given(AUTOSCALERS)
def test_slim_object_is_read_as_the_whole_one_and_tells_nothing_else(raw: Raw) -> None:
    told, least = slim(raw), identity_and_target(raw)
    whole, known = read_autoscaler(raw), read_autoscaler(least)
    assert read_autoscaler(told) == whole
    assert slim(told) == told
    assert whole is not None
    assert known is not None
    assert (known.ref, known.target) == (whole.ref, whole.target)
    written = json.dumps([told, least])
    assert SECRET not in written
    assert "last-applied" not in written


@given(AUTOSCALERS, st.lists(AUTOSCALERS, max_size=4))
def test_judging_by_slim_objects_is_judging_by_whole_ones(subject: Raw, others: list[Raw]) -> None:
    record = read_autoscaler(subject)
    assert record is not None
    facts = [gather(record, World.of(objects, KINDS)) for objects in (others, map(slim, others))]
    assert facts[0] == facts[1]


def test_of_other_kinds_only_who_they_are_is_told() -> None:
    raw = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": SECRET}}
    told = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    assert slim({**raw, "spec": SECRET, "status": SECRET}) == told


def test_what_has_a_wrong_type_keeps_its_place() -> None:
    target = {"kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "triggers": ["x", {"type": "cpu", "metadata": []}]}
    raw = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {}, "spec": spec}
    assert slim(raw)["spec"]["triggers"] == [None, {"type": "cpu", "metadata": {}}]
    assert read_autoscaler(slim(raw)) == read_autoscaler(raw)


def test_of_what_selects_a_metric_only_whose_pods_it_is_about_is_told() -> None:
    labels = {"matchLabels": {"pod": "web-0", "token": SECRET}}
    web = {"kind": "Deployment", "name": "web"}
    metrics = [
        "x",
        {"type": "Pods", "pods": {"metricName": "rps", "metricSelector": labels}},
        {"type": "Object", "object": {"metric": {"name": "rps"}, "describedObject": web}},
        {"type": "External", "external": {"metric": {"name": "rps", "selector": labels}}},
    ]
    raw = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {}}
    told = {"matchLabels": {"pod": "web-0"}}
    assert slim({**raw, "spec": {"metrics": metrics}})["spec"]["metrics"] == [
        None,
        {"type": "Pods", "pods": {"metricName": "rps", "metricSelector": told}},
        {"type": "Object", "object": {"metric": {"name": "rps"}, "describedObject": web}},
        {"type": "External", "external": {"metric": {"name": "rps", "selector": told}}},
    ]


def test_what_an_object_metric_is_about_is_told_where_it_has_pods() -> None:
    def told(kind: str) -> Raw:
        about = {"apiVersion": "v1", "kind": kind, "name": "web"}
        source = {"metric": {"name": "rps"}, "describedObject": about}
        raw = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web"},
            "spec": {"metrics": [{"type": "Object", "object": source}]},
        }
        found: Raw = slim(raw)["spec"]["metrics"][0]["object"]["describedObject"]
        return found

    assert told("Deployment") == {"kind": "Deployment", "name": "web"}
    assert told("Ingress") == {}

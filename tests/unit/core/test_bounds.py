from typing import Any

import pytest

from webhook.core.bounds import (
    UNBOUNDED,
    WHITELIST_ANNOTATION,
    Bounds,
    of_limit_range,
    of_namespace,
)
from webhook.core.quantity import NANOS_PER_UNIT


def limit_range(*items: Any) -> dict[str, Any]:
    return {"kind": "LimitRange", "spec": {"limits": list(items)}}


@pytest.mark.parametrize("field", ["defaultRequest", "default", "max", "min"])
def test_every_field_that_fills_requests_in(field: str) -> None:
    found = of_limit_range(limit_range({"type": "Container", field: {"cpu": "1", "pods": "1"}}))
    assert found.filled == {"cpu"}
    assert found.limited == ({"cpu"} if field in {"default", "max"} else set())


def test_a_quantity_of_null_is_zero_and_fills_in() -> None:
    found = of_limit_range(limit_range({"type": "Container", "default": {"cpu": None}}))
    assert found == Bounds(frozenset({"cpu"}), frozenset({"cpu"}))


@pytest.mark.parametrize(
    "item",
    [
        {"type": "Container", "maxLimitRequestRatio": {"cpu": "4"}},
        {"type": "Container", "default": "x"},
        {"type": "Pod", "min": {"cpu": "1"}},
        {"type": "Pod", "max": {"cpu": "one"}},
        {"type": "PersistentVolumeClaim", "max": {"cpu": "1"}},
        {"max": {"cpu": "1"}},
        "x",
    ],
)
def test_what_bounds_nothing(item: Any) -> None:
    assert of_limit_range(limit_range(item)) == UNBOUNDED


@pytest.mark.parametrize("raw", [{}, {"spec": None}, {"spec": {"limits": {}}}])
def test_a_limit_range_without_limits(raw: dict[str, Any]) -> None:
    assert of_limit_range(raw) == UNBOUNDED


def test_the_smallest_maximum_of_a_pod_counts() -> None:
    pods = [{"type": "Pod", "max": {"cpu": cpu, "memory": "0.000001k"}} for cpu in (3, 2, 4)]
    found = of_limit_range(limit_range(*pods))
    assert found == Bounds(most_per_pod={"cpu": 2 * NANOS_PER_UNIT, "memory": 10**6})


def namespace(value: Any) -> dict[str, Any]:
    return {"metadata": {"annotations": {WHITELIST_ANNOTATION: value}}}


def test_the_tolerations_that_a_namespace_allows() -> None:
    listed = '[{"key": "a", "operator": "Exists"}, 5, {"operator": "Exists"}]'
    allowed = ({"key": "a", "operator": "Exists"}, {"operator": "Exists"})
    assert of_namespace(namespace(listed)) == Bounds(tolerations=allowed)


@pytest.mark.parametrize("value", ["", "[]", "{", "{}", "null", "5.0", 5, None, "[" * 100_000])
def test_a_namespace_that_allows_everything(value: Any) -> None:
    assert of_namespace(namespace(value)) == UNBOUNDED


def test_bounds_of_two_objects_are_joined() -> None:
    cpu, memory = frozenset({"cpu"}), frozenset({"memory"})
    one = Bounds(cpu, cpu, {"cpu": 2}, ({"key": "a"},))
    other = Bounds(memory, memory, {"cpu": 1, "memory": 3})
    joined = Bounds(cpu | memory, cpu | memory, {"cpu": 1, "memory": 3}, ({"key": "a"},))
    assert one.joined(other) == other.joined(one) == joined

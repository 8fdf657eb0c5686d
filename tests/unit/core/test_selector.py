from typing import Any

import pytest

from webhook.core.selector import Selector, read_selector

LABELS = {"team": "a", "tier": "gpu"}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"matchLabels": {"team": "a"}}, True),
        ({"matchLabels": {"team": "b"}}, False),
        ({"matchLabels": {"team": "a", "other": "x"}}, False),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["b", "a"]}]}, True),
        ({"matchExpressions": [{"key": "nope", "operator": "In", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "nope", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "nope", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "nope", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "Like", "values": ["gpu"]}]}, False),
        ({"matchLabels": [], "matchExpressions": {"key": "team"}}, True),
    ],
)
def test_selectors_match_as_those_of_kubernetes(selector: dict[str, Any], matches: bool) -> None:  # noqa: FBT001
    assert read_selector(selector).matches(LABELS) is matches


def test_nothing_read_selects_everything() -> None:
    assert read_selector({}) == Selector()

"""A selector of any shape is read; it selects what it names, and its opposite selects the rest."""

from tests.fuzz.mutation import by_structure, document
from tests.fuzz.target import Target, encoded
from webhook.core.fields import mapping, strings
from webhook.core.selector import Requirement, Selector, read_labels, read_selector

OPPOSITE = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}
LABELS = {"app": "web", "tier": "gpu", "a.example.com/b": "", "x": "y"}


def seeds() -> list[bytes]:
    expressions = [
        {"key": key, "operator": operator, "values": values}
        for key in ("app", "a.example.com/b")
        for operator in OPPOSITE
        for values in (["web"], ["web", "api"], [])
    ]
    selectors = [
        {},
        {"matchLabels": LABELS},
        {"matchLabels": None, "matchExpressions": expressions},
    ]
    selectors += [{"matchExpressions": [one]} for one in expressions]
    return [encoded({"selector": one, "labels": LABELS}) for one in selectors]


def run(data: bytes) -> None:
    read = mapping(document(data))
    labels = strings(read, "labels")
    selector = read_selector(mapping(read, "selector"))
    met = selector.matches(labels)
    assert met is all(one.matches(labels) for one in selector.requirements)
    assert Selector().matches(labels)
    assert read_labels(labels).matches(labels)
    assert isinstance(str(selector), str)
    assert len(selector.equal) <= len(selector.requirements)
    for one in selector.requirements:
        other = OPPOSITE.get(one.operator)
        if other is None:
            assert not one.matches(labels)
        else:
            assert Requirement(one.key, other, one.values).matches(labels) is not one.matches(
                labels
            )


TARGET = Target(run=run, seeds=seeds, mutate=by_structure, share=1500)

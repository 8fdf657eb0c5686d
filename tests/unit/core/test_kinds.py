from typing import Any

import pytest

from webhook.core.frameworks.places import PodTemplate, Template
from webhook.core.kinds import (
    FrameworkLabel,
    Kind,
    Kinds,
    WorkloadClass,
    templates,
    words,
)
from webhook.core.objects import GroupKind

POD: dict[str, Any] = {"spec": {"containers": []}}


def kind(*paths: str, scale: bool = False, well_known: bool = False) -> Kind:
    return Kind(
        GroupKind("g", "K"),
        tuple(map(PodTemplate, paths)),
        None,
        scale=scale,
        well_known=well_known,
    )


@pytest.mark.parametrize(
    ("path", "raw", "found"),
    [
        ("", POD, [()]),
        ("", {}, []),
        ("spec.template", {"spec": {"template": POD}}, [("spec", "template")]),
        ("spec.template", {"spec": {"template": None}}, []),
        ("spec.template", {"spec": []}, []),
        ("spec.template", {}, []),
        ("spec.template", {"spec": {"template": {"spec": "x"}}}, []),
        (
            "spec.groups[].template",
            {"spec": {"groups": [{"template": POD}, None, {"template": POD}]}},
            [("spec", "groups", 0, "template"), ("spec", "groups", 2, "template")],
        ),
        ("spec.groups[].template", {"spec": {"groups": {"template": POD}}}, []),
        (
            "spec.replicas.*.template",
            {"spec": {"replicas": {"Worker": {"template": POD}, "Master": {}}}},
            [("spec", "replicas", "Worker", "template")],
        ),
        ("spec.replicas.*.template", {"spec": {"replicas": [POD]}}, []),
    ],
)
def test_templates_are_found_where_they_stand(
    path: str, raw: dict[str, Any], found: list[tuple[str, ...]]
) -> None:
    assert templates(kind(path), raw) == [Template(at, POD) for at in found]


def test_templates_come_in_the_order_of_the_paths() -> None:
    raw = {"a": POD, "b": POD}
    assert [found.path for found in templates(kind("b", "a"), raw)] == [("b",), ("a",)]


def test_kinds_are_known_by_group_and_kind() -> None:
    plain, scaled, known = (
        Kind(GroupKind("g", name), (), None, scale=name == "S", well_known=name == "W")
        for name in ("P", "S", "W")
    )
    label = FrameworkLabel("x", WorkloadClass.BATCH)
    kinds = Kinds([plain, scaled, known], [label], {"RayJob": WorkloadClass.TRAINING}, [])
    assert kinds.get(GroupKind("g", "P")) is plain
    assert kinds.get(GroupKind("h", "P")) is None
    assert [kinds.scalable("g", name) for name in ("P", "S", "W", "X")] == [
        False,
        True,
        True,
        False,
    ]
    assert kinds.labels == (label,)
    assert kinds.origins == {"RayJob": WorkloadClass.TRAINING}


@pytest.mark.parametrize(
    ("path", "matches"),
    [
        ("tei", True),
        ("a/tei-gpu", True),
        ("a.tei_b", True),
        ("protei", False),
        ("tei2", False),
        ("a/b/c", True),
        ("a/b/cd", False),
        ("b", False),
    ],
)
def test_words_never_match_inside_longer_ones(path: str, matches: bool) -> None:  # noqa: FBT001 - a parameter of the table
    image = words(WorkloadClass.INFERENCE, ["tei", "b/c"])
    assert (image.words.search(path) is not None) is matches

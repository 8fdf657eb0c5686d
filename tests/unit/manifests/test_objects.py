from typing import Any

import pytest

from webhook.manifests.entries import Document, Part, Skipped, Source
from webhook.manifests.objects import objects

SOURCE = Source("a.yaml", 3, line=7)
POD: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
JOB: dict[str, Any] = {"apiVersion": "batch/v1", "kind": "Job"}


def seen_in(value: object) -> list[Any]:
    """Objects and reasons, each with its item."""
    entries = list(objects(value, SOURCE, Part("", 1)))
    assert all((entry.source.file, entry.source.document) == ("a.yaml", 3) for entry in entries)
    return [
        (entry.source.item, entry.raw if isinstance(entry, Document) else entry.reason)
        for entry in entries
    ]


def a_list(*items: object, kind: str = "List", version: str = "v1") -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "items": list(items)}


def test_an_object_is_given_as_it_is() -> None:
    [document] = objects(POD, SOURCE, Part("text", 6))
    assert document == Document(SOURCE, POD, Part("text", 6))


def test_an_empty_document_is_nothing() -> None:
    assert seen_in(None) == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([POD], "a list, not a Kubernetes object"),
        ("text", "a single value, not a Kubernetes object"),
        (0, "a single value, not a Kubernetes object"),
        ({}, "not a Kubernetes object: it has no apiVersion and no kind"),
        ({"kind": "Pod"}, "not a Kubernetes object: it has no apiVersion"),
        ({"apiVersion": "v2", "name": "chart"}, "not a Kubernetes object: it has no kind"),
        (
            {"apiVersion": 1, "kind": ""},
            "not a Kubernetes object: it has no apiVersion and no kind",
        ),
    ],
)
def test_what_is_no_object_is_skipped(value: object, reason: str) -> None:
    assert list(objects(value, SOURCE, Part("", 1))) == [Skipped(SOURCE, reason)]


def test_members_of_a_list_are_numbered_and_share_the_document() -> None:
    assert seen_in(a_list(POD, JOB)) == [(1, POD), (2, JOB)]
    assert seen_in(a_list(JOB, kind="WhateverList", version="x.io/v1")) == [(1, JOB)]


def test_lists_in_lists_are_numbered_on() -> None:
    value = a_list(POD, a_list(JOB, a_list(POD)), JOB)
    entries = list(objects(value, SOURCE, Part("", 1)))
    assert [entry.source.item for entry in entries] == [1, 2, 3, 4]
    assert [entry.at for entry in entries if isinstance(entry, Document)] == [
        ("items", 0),
        ("items", 1, "items", 0),
        ("items", 1, "items", 1, "items", 0),
        ("items", 2),
    ]


@pytest.mark.parametrize("items", [[], None])
def test_an_empty_list_has_no_objects(items: object) -> None:
    assert seen_in({"apiVersion": "v1", "kind": "List", "items": items}) == []


@pytest.mark.parametrize(
    "value",
    [
        {"apiVersion": "x.io/v1", "kind": "AllowList"},
        {"apiVersion": "x.io/v1", "kind": "AllowList", "items": {"a": 1}},
        {"apiVersion": "v1", "kind": "ConfigMap", "items": [POD]},
    ],
)
def test_not_all_that_is_called_a_list_is_one(value: dict[str, Any]) -> None:
    assert seen_in(value) == [(None, value)]


def test_members_that_are_no_objects_are_skipped() -> None:
    assert seen_in(a_list("x", POD, {"kind": "Pod"})) == [
        (1, "a single value, not a Kubernetes object"),
        (2, POD),
        (3, "not a Kubernetes object: it has no apiVersion"),
    ]


def test_members_of_a_typed_list_take_its_kind_as_in_kubectl() -> None:
    bare = {"metadata": {"name": "a"}}
    typed = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}}
    assert seen_in(a_list(bare, POD, kind="DeploymentList", version="apps/v1")) == [
        (1, typed),
        (2, POD),
    ]
    assert bare == {"metadata": {"name": "a"}}
    assert (
        seen_in(a_list(bare))[0][1] == "not a Kubernetes object: it has no apiVersion and no kind"
    )


def test_places_are_shown_as_json_and_to_people() -> None:
    assert Source("a.yaml", 2, line=5).as_json() == {"file": "a.yaml", "document": 2}
    assert Source("-", 1, 3).as_json() == {"file": "-", "document": 1, "item": 3}
    assert str(Source("a.yaml", 2)) == "a.yaml document 2"
    assert str(Source("a.yaml", 2, 3)) == "a.yaml document 2 item 3"

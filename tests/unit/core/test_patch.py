import copy
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.core.patch import END, Addition, Segment, can_take, dotted, operations, pointer

TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists"}


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ((), ""),
        (("spec",), "/spec"),
        (("spec", "containers", 0, "resources"), "/spec/containers/0/resources"),
        (("spec", "tolerations", END), "/spec/tolerations/-"),
        (("metadata", "labels", "a/b"), "/metadata/labels/a~1b"),
        (("m~n",), "/m~0n"),
        (("~1", "/0", "~/"), "/~01/~10/~0~1"),
        (("", " ", "ü"), "// /ü"),
    ],
)
def test_pointers_escape_tilde_before_slash(path: tuple[Segment, ...], written: str) -> None:
    assert pointer(path) == written


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ((), ""),
        (("spec",), "spec"),
        (("spec", "template", "spec", "containers", 0), "spec.template.spec.containers[0]"),
        (("spec", "groups", 1, "template"), "spec.groups[1].template"),
    ],
)
def test_paths_are_written_as_people_do(path: tuple[Segment, ...], written: str) -> None:
    assert dotted(path) == written


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_pointers_are_read_back_by_the_library(path: list[str]) -> None:
    assert jsonpatch.JsonPointer(pointer(path)).parts == path


def test_members_of_one_parent_are_made_together() -> None:
    additions = [Addition(("a", "b", "x"), "1"), Addition(("a", "b", "y"), "2")]
    made = [{"op": "add", "path": "/a", "value": {"b": {"x": "1", "y": "2"}}}]
    assert operations({}, additions) == made
    assert operations({"a": None}, additions) == made


def test_members_of_a_parent_that_exists_are_made_one_by_one() -> None:
    additions = [Addition(("a", "x/y"), "1"), Addition(("a", "z"), "2")]
    assert operations({"a": {}}, additions) == [
        {"op": "add", "path": "/a/x~1y", "value": "1"},
        {"op": "add", "path": "/a/z", "value": "2"},
    ]


def test_a_list_is_made_once_and_an_existing_one_is_added_to() -> None:
    path = ("spec", "tolerations", END)
    additions = [Addition(path, TOLERATION), Addition(path, {"operator": "Exists"})]
    assert operations({"spec": {}}, additions) == [
        {"op": "add", "path": "/spec/tolerations", "value": [TOLERATION, {"operator": "Exists"}]}
    ]
    assert operations({"spec": {"tolerations": []}}, additions) == [
        {"op": "add", "path": "/spec/tolerations/-", "value": TOLERATION},
        {"op": "add", "path": "/spec/tolerations/-", "value": {"operator": "Exists"}},
    ]


def test_what_is_there_is_left_replaced_or_filled() -> None:
    path = ("a", "x")
    assert operations({"a": {"x": "1"}}, [Addition(path, "1")]) == []
    assert operations({"a": {"x": "0"}}, [Addition(path, "1")]) == [
        {"op": "replace", "path": "/a/x", "value": "1"}
    ]
    assert operations({"a": {"x": None}}, [Addition(path, "1")]) == [
        {"op": "add", "path": "/a/x", "value": "1"}
    ]


def test_the_last_addition_to_a_path_counts() -> None:
    path = ("a", "x")
    assert operations({"a": {}}, [Addition(path, "1"), Addition(path, "2")]) == [
        {"op": "add", "path": "/a/x", "value": "2"}
    ]


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ({"a": "text"}, ("a", "b")),
        ({"a": []}, ("a", "b", "c")),
        ({"a": [1]}, ("a", 0, "b")),
        ({"a": 5}, ("a", END)),
        ({"a": {}}, ("a", END)),
        ({"a": {"b": False}}, ("a", "b", "c")),
        ({"a": [{}]}, ("a", 1, "b")),
        ({"a": {}}, ("a", 0, "b")),
        ({}, ("a", 0, "b")),
        ({"a": None}, ("a", END, "b")),
        ({"a": []}, ("a", END, "b", END, "c")),
    ],
)
def test_a_parent_of_another_type_is_never_rebuilt(
    raw: dict[str, Any], path: tuple[Segment, ...]
) -> None:
    assert not can_take(raw, path)
    assert operations(raw, [Addition(path, "x")]) == []


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ({}, ("a", "b")),
        ({"a": None}, ("a", "b", "c")),
        ({"a": []}, ("a", END)),
        ({"a": []}, ("a", END, "b", "c")),
        ({"a": [{}]}, ("a", 0, "b")),
        ({"a": [{"b": None}]}, ("a", 0, "b", END)),
    ],
)
def test_what_is_absent_or_null_can_be_made(raw: dict[str, Any], path: tuple[Segment, ...]) -> None:
    assert can_take(raw, path)
    assert len(operations(raw, [Addition(path, "x")])) == 1


NAMES = st.sampled_from(["a", "b/c", "d~e", ""])
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=2)
VALUES = st.recursive(
    LEAVES,
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(NAMES, inside, max_size=3),
    max_leaves=12,
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).flatmap(
    lambda names: st.sampled_from([tuple(names), (*names, END)])
)


def reached(raw: Any, path: tuple[Segment, ...]) -> Any:
    for segment in path:
        raw = raw[segment]
    return raw


@given(st.dictionaries(NAMES, VALUES, max_size=3), PATHS)
def test_one_addition_applies_and_changes_nothing_else(
    raw: dict[str, Any], path: tuple[Segment, ...]
) -> None:
    before = copy.deepcopy(raw)
    patch = operations(raw, [Addition(path, "new")])
    assert raw == before
    after = jsonpatch.apply_patch(raw, patch)
    if not can_take(raw, path):
        assert after == raw
    elif path[-1] == END:
        assert reached(after, path[:-1])[-1] == "new"
    else:
        assert reached(after, path) == "new"
        assert operations(after, [Addition(path, "new")]) == []

"""What we patch is what jsonpatch makes of our operations, and nothing else is touched."""

import copy
from typing import Any

import jsonpatch
from jsonpointer import JsonPointer

from tests.fuzz.mutation import by_structure, document
from tests.fuzz.target import Target, encoded
from webhook.core.fields import mapping, members, sequence
from webhook.core.patch import END, Addition, Segment, applied, can_take, operations, pointer

POD = {
    "metadata": {"labels": None, "annotations": {"a/b": "~1", "": "x"}},
    "spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}, {}], "x": []},
}
PATHS: list[list[Segment]] = [
    ["metadata", "labels", "a.example.com/~b"],
    ["metadata", "annotations", "a/b"],
    ["metadata", "annotations", ""],
    ["spec", "containers", 0, "resources", "limits", "cpu"],
    ["spec", "containers", 1, "env", END],
    ["spec", "containers", 7, "name"],
    ["spec", "tolerations", END],
    ["spec", "tolerations", END],
    ["spec", "x", END, "deep", "er"],
]


def seeds() -> list[bytes]:
    each = [{"path": path, "value": {"key": number}} for number, path in enumerate(PATHS)]
    return [encoded({"raw": POD, "additions": given}) for given in (each, each[::-1], each[4:])]


def run(data: bytes) -> None:
    read = document(data)
    raw = mapping(read, "raw")
    additions = _additions(read)
    before = copy.deepcopy(raw)
    patch = operations(raw, additions)
    ours = applied(raw, patch)
    assert raw == before, "changed in place"
    assert jsonpatch.apply_patch(copy.deepcopy(raw), copy.deepcopy(patch)) == ours
    # What is put into a list makes a place for others, which are then more than nothing.
    again = [one for one in additions if END not in one.path and can_take(before, one.path)]
    for one in additions:
        assert JsonPointer(pointer(one.path)).parts == [str(part) for part in one.path]
        if can_take(before, one.path) and END not in one.path:
            found: Any = ours
            for part in one.path:
                found = found[part]
            assert found == one.value
    assert operations(ours, again) == []


def _additions(read: Any) -> list[Addition]:
    """Those that make sense together: each place is asked for once, and has one type."""
    found: list[Addition] = []
    types: dict[tuple[Segment, ...], str] = {}
    for _, one in members(mapping(read), "additions"):
        path = tuple(part for part in sequence(one, "path") if _is_segment(part))
        wanted = {path[:depth]: _type_above(part) for depth, part in enumerate(path)}
        wanted |= {} if path[-1:] == (END,) else {path: "value"}
        agree = all(types.get(above, kind) == kind for above, kind in wanted.items())
        if path and agree and types.get(path) != "value" and one.get("value") is not None:
            types |= wanted
            found.append(Addition(path, one.get("value")))
    return found


def _is_segment(part: object) -> bool:
    return isinstance(part, str) or (type(part) is int and part >= 0)


def _type_above(part: Segment) -> str:
    return "list" if part == END or isinstance(part, int) else "mapping"


TARGET = Target(run=run, seeds=seeds, mutate=by_structure, share=800)

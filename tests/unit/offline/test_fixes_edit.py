"""Edits one by one: where a change is put, and what is refused."""

import textwrap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.core.patch import Operation
from webhook.manifests import Part
from webhook.manifests.paths import decode
from webhook.offline.fixes_bytes import CannotPlaceError, Edit, FileText
from webhook.offline.fixes_edit import Editor


def edited(text: str, *patch: Operation) -> str:
    edits = Editor(Part(text, 1)).edits((), patch)
    return FileText.of(text.encode()).changed(edits).decode()


def add(path: str, value: Any) -> Operation:
    return {"op": "add", "path": path, "value": value}


def replace(path: str, value: Any) -> Operation:
    return {"op": "replace", "path": path, "value": value}


def remove(path: str) -> Operation:
    return {"op": "remove", "path": path}


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ("a: 1\nb:\n  c: {d: 1}\n  e:\n  - 1\n# end\nf: 2\n", "/b", "a: 1\n# end\nf: 2\n"),
        ("a:\n  b: 1\n  c: 2", "/a/c", "a:\n  b: 1\n"),
        ("a: {b: 1, c: {d: 2}, e: 3}\n", "/a/c", "a: {b: 1, e: 3}\n"),
        ("a: {b: 1, c: {d: 2} }\n", "/a/c", "a: {b: 1 }\n"),
        ("a: {b: 1}\n", "/a/b", "a: {}\n"),
        ('{\n  "a": 1,\n  "b": 2\n}\n', "/b", '{\n  "a": 1\n}\n'),
        ('{\n  "a": 1,\n  "b": 2\n}\n', "/a", '{\n  "b": 2\n}\n'),
    ],
)
def test_a_member_is_taken_away(before: str, path: str, after: str) -> None:
    assert edited(before, remove(path)) == after


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ("a: 1\nb:\n  # why\n  c: 1\n", "/b", "a comment stands in what would be taken away"),
        ("a: 1\nb: 2  # why\n", "/b", "a comment stands in what would be taken away"),
        ("a: {b: 1,  # why\n  c: 2}\n", "/a/b", "a comment stands in what would be taken away"),
        ("- a: 1\n  b: 2\n", "/0/a", "a shares its line"),
        ("a: 1\n", "/b", "b is not there"),
        ("- 1\n", "/0", "0 is not there"),
        ("a: &x {b: 1}\nc: *x\n", "/a", "an alias stands for it elsewhere"),
    ],
)
def test_what_cannot_be_taken_away_is_refused(text: str, path: str, reason: str) -> None:
    with pytest.raises(CannotPlaceError, match=reason):
        edited(text, remove(path))


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        ("a:  # none\nb: 1\n", add("/a", {"x": ["v"]}), "a: {x: [v]}  # none\nb: 1\n"),
        ("a: ~  # none\n", add("/a", {"x": []}), "a: {x: []}  # none\n"),
        ('{\n  "a": null\n}\n', add("/a", {"x": "off"}), '{\n  "a": {"x": "off"}\n}\n'),
        ("a:\n", add("/a", "Off"), 'a: "Off"\n'),
        ("a: {b: [1, 2]}\n", replace("/a/b", [3]), "a: {b: [3]}\n"),
        ("a: {x/y: 1}\n", replace("/a/x~1y", "it's"), 'a: {x/y: "it\'s"}\n'),
        ("a: 'x'\n", replace("/a", "it's"), 'a: "it\'s"\n'),
        ("a: 'x'\n", replace("/a", "Off"), "a: 'Off'\n"),
        (
            "a:\n  b: |\n    text\n\nc: 1\n",
            add("/a/d", 1),
            "a:\n  b: |\n    text\n\n  d: 1\nc: 1\n",
        ),
        ("a:\n  b: |\n    text", add("/a/d", 1), "a:\n  b: |\n    text\n  d: 1"),
        ("a:\n  b: 1 # c", add("/a/d", 1), "a:\n  b: 1 # c\n  d: 1"),
        (
            "a:\n  b: 1\n  # of b\n    # too\n# of c\nc: 1\n",
            add("/a/d", 1),
            "a:\n  b: 1\n  # of b\n    # too\n  d: 1\n# of c\nc: 1\n",
        ),
        ("a:\n- 1\n# of b\nb: 1\n", add("/a/-", 2), "a:\n- 1\n- 2\n# of b\nb: 1\n"),
        ("- a: 1\n  b:\n    - c\n", add("/0/b/-", {"d": 1}), "- a: 1\n  b:\n    - c\n    - d: 1\n"),
        ("a:\n  - x\n  - y", replace("/a", ["x"]), "a:\n  - x"),
        ("a: [x, y,]\n", replace("/a", ["x"]), "a: [x,]\n"),
        ("a: [x, v, z]\n", replace("/a", ["v"]), "a: [v]\n"),
        ('{"a":{"b":1}}', add("/a/c", {"d": [1]}), '{"a":{"b":1,"c":{"d":[1]}}}'),
        ('{"a": {}}', add("/a/c", [True, None]), '{"a": {"c": [true, null]}}'),
        ("a: &x 1\nb: 2\n", replace("/b", 3), "a: &x 1\nb: 3\n"),
        ("--- # x\na: é\nb: 1\n", replace("/b", "ü"), '--- # x\na: é\nb: "ü"\n'),
    ],
)
def test_where_a_change_is_put(before: str, operation: Operation, after: str) -> None:
    assert edited(before, operation) == after


@pytest.mark.parametrize(
    ("text", "operation", "why"),
    [
        ("a: 1\n", {"op": "move", "path": "/a"}, "a change of the kind 'move' is not known"),
        ("a: 1\n", add("", {}), "a change of the kind 'add' is not known"),
        ("a: 1\n", add("/b/c", 1), "b is not there"),
        ("a: 1\n", replace("/b", 1), "b comes from a merge key (<<)"),
        ("a: 1\n", add("/a/b", 1), "b is no member of a mapping"),
        ("a: {}\n", add("/a/-", 1), "a is no list"),
        ("a: !!str x\n", replace("/a", "y"), "a has an anchor or a tag"),
        ("a: &x\n- 1\n", add("/a/-", 1), "a has an anchor or a tag"),
        ("a: &x {}\n", add("/a/b", 1), "an empty collection has an anchor or a tag"),
        ("b: &b 1\na: *b\n", replace("/a", 1), "a is an alias (*)"),
        ("a: |\n  x\n", replace("/a", "y"), "a is a block of text"),
        ("a:\n  -\n    x\n  - v\n", replace("/a", ["v"]), "a member of a shares its line"),
        ("a: [[x], y]\n", replace("/a", ["y"]), "a list has other members than plain words"),
        (
            "a: {b: 1, # c\n  d: 2}\n",
            replace("/a", {"x": 1}),
            "what stands there cannot be replaced without loss",
        ),
        (
            "a:\n  b: 1\n",
            replace("/a", {"x": 1}),
            "what stands there cannot be replaced without loss",
        ),
        ('{"a": "\\ud83d\\ude00"}', replace("/a", 1), "its text cannot be taken apart"),
    ],
)
def test_what_is_refused(text: str, operation: Operation, why: str) -> None:
    with pytest.raises(CannotPlaceError) as refused:
        edited(text, operation)
    assert str(refused.value) == why


def test_changes_that_meet_are_refused() -> None:
    text = FileText.of(b"abc")
    with pytest.raises(CannotPlaceError, match="two changes meet at one place"):
        text.changed([Edit(0, 2, "x"), Edit(1, 3, "y")])


def test_a_document_that_is_not_there_is_not_guessed_at() -> None:
    text = FileText.of(textwrap.dedent("a: 1\nb: 2\na: 1\n").encode())
    assert text.offset_of(Part("a: 1\n", 3)) == 10
    with pytest.raises(CannotPlaceError, match="not found again"):
        text.offset_of(Part("a: 1\n", 2))


@given(
    st.text("\r\n\ufeffaé😀", max_size=12),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.data(),
)
def test_every_place_of_a_text_is_found_in_its_bytes(
    written: str, encoding: str, data: st.DataObject
) -> None:
    content = written.encode(encoding)
    text = FileText.of(content)
    assert text.text == decode(content)
    assert text.changed([]) == content
    place = data.draw(st.integers(0, len(text.text)))
    changed = decode(text.changed([Edit(place, place, "X")]))
    assert changed == text.text[:place] + "X" + text.text[place:]

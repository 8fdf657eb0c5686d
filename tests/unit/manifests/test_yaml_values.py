from typing import Any

import pytest

from webhook.manifests import yaml_builder
from webhook.manifests.entries import Part
from webhook.manifests.yaml_builder import Copies
from webhook.manifests.yaml_values import BrokenError, parse


def value_of(text: str, line: int = 1) -> Any:
    return parse(Part(text, line), Copies())


def reason_of(text: str, line: int = 1) -> str:
    with pytest.raises(BrokenError) as caught:
        value_of(text, line)
    return str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "---\n", "--- # nothing", "null", "~", "---\n..."]
)
def test_an_empty_document_has_no_value(text: str) -> None:
    assert value_of(text) is None


def test_collections_of_every_style() -> None:
    text = "a: {b: [1, 'x'], c: }\nd:\n- e\n- f: |\n    text\n  g: >-\n    two\n    lines\n"
    assert value_of(text) == {
        "a": {"b": [1, "x"], "c": None},
        "d": ["e", {"f": "text\n", "g": "two lines"}],
    }


def test_the_last_of_two_equal_keys_wins() -> None:
    assert value_of("a: 1\nb: 2\na: 3\n") == {"a": 3, "b": 2}
    assert value_of("1: x\n'1': z\n") == {"1": "z"}


# What go-yaml v2 makes of them was tried with that library.
MERGES = {
    "x: &x {a: 1, b: 2}\nout: {<<: *x, b: 3}": {"a": 1, "b": 3},
    "x: &x {a: 1, b: 2}\nout: {b: 3, <<: *x}": {"a": 1, "b": 2},
    "x: &x {a: 1}\nw: &w {a: 2, b: 2}\nout: {<<: [*x, *w], c: 3}": {"a": 1, "b": 2, "c": 3},
    "x: 1\nout: {<<: {a: 1}, b: 2}": {"a": 1, "b": 2},
    "x: &x {a: 1}\nw: &w {<<: *x, b: 2}\nout: {<<: *w}": {"a": 1, "b": 2},
    "x: 1\nout: {'<<': {a: 1}}": {"<<": {"a": 1}},
    "x: 1\nout: {!!merge <<: {a: 1}}": {"a": 1},
    "x: 1\nout: {a: <<}": {"a": "<<"},
}


@pytest.mark.parametrize("text", MERGES)
def test_merge_keys_work_as_in_go_yaml(text: str) -> None:
    assert value_of(text)["out"] == MERGES[text]


@pytest.mark.parametrize("merged", ["1", "[a]", "", "[{}, 1]"])
def test_only_mappings_can_be_merged(merged: str) -> None:
    assert reason_of(f"a: 1\nb:\n  <<: {merged}\n") == (
        "line 3: << wants a mapping or a list of mappings"
    )


def test_aliases_stand_for_values_of_their_own() -> None:
    value = value_of("a: &a {x: [1]}\nb: *a\nc: &c 5\nd: *c\n")
    assert value == {"a": {"x": [1]}, "b": {"x": [1]}, "c": 5, "d": 5}
    value["b"]["x"].append(2)
    assert value["a"] == {"x": [1]}


def test_a_later_anchor_of_the_same_name_wins() -> None:
    assert value_of("- &a 1\n- *a\n- &a {x: &a 2}\n- *a\n") == [1, 1, {"x": 2}, 2]


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: [{c: *a}]}", "&a [&b [*a], *b]"])
def test_an_anchor_that_contains_itself_is_refused(text: str) -> None:
    assert reason_of(text) == "line 1: the value of the anchor &a contains itself"


def test_an_alias_needs_its_anchor_before_it() -> None:
    expected = "line 4: found the alias *a, and no anchor of that name before it"
    assert reason_of("a: *a\nb: &a 1", line=4) == expected


def test_an_alias_bomb_is_refused_before_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert reason_of("\n".join(lines)) == "line 5: aliases stand for more than 100,000 values"
    monkeypatch.setattr(yaml_builder, "MOST_COPIED_VALUES", 11)
    assert len(value_of(lines[0] + "\nb: *a0")) == 2
    assert reason_of(lines[0] + "\nb: *a0\nc: &c 1\nd: *c") == (
        "line 4: aliases stand for more than 11 values"
    )


def test_two_hundred_levels_are_read_and_no_more() -> None:
    assert value_of("[" * 200 + "]" * 200)
    assert value_of("{a: " * 199 + "[" + "]" + "}" * 199)
    for text in ("[" * 201 + "]" * 201, "- " * 1_000_000, "a: {x: " + "[" * 1_000_000):
        assert reason_of(text) == "line 1: nested deeper than 200 levels"


def test_levels_behind_aliases_count() -> None:
    text = "&a " + "[" * 100 + "]" * 100
    assert value_of(f"[{text}, " + "[" * 99 + "*a" + "]" * 100)
    assert reason_of(f"[{text}, " + "[" * 100 + "*a" + "]" * 101) == (
        "line 1: nested deeper than 200 levels"
    )


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("a: !Ref b", "!Ref"),
        ("a: !vault |\n  text", "!vault"),
        ("a: !Sub [b]", "!Sub"),
        ("a: !GetAtt {b: c}", "!GetAtt"),
        ("a: !!python/name:os.system x", "!!python/name:os.system"),
        ("%TAG !e! tag:example.org,2000:\n---\na: !e!x 1", "tag:example.org,2000:x"),
    ],
)
def test_yaml_for_another_program_is_told_from_broken_yaml(text: str, tag: str) -> None:
    with pytest.raises(BrokenError) as caught:
        value_of(text)
    line = text.count("\n", 0, text.index("a:")) + 1
    assert caught.value.foreign
    assert str(caught.value) == (
        f"line {line}: found the tag {tag}, which only another program understands"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: b: c\n", "line 10: mapping values are not allowed in this context"),
        (
            "a: 1\nb: [1,\nc: 2\n",
            "line 13: did not find expected ',' or ']'",
        ),
        (
            'a: 1\n\nb: "x\n\n',
            (
                "line 14: found unexpected end of stream while scanning a quoted scalar"
                " that begins in line 12"
            ),
        ),
        ("a:\n\tb: 2\n", "line 11: found character that cannot start any token"),
        ("a: é\nb: \x01\n", "line 11: character 0x01: control characters are not allowed"),
        ("a: 1\n--- x\n", "line 11: a second document without a line --- before it"),
        ("----\na: 1\n", "line 11: mapping values are not allowed in this context"),
        ("a: 1\n<<<<<<< HEAD\nb: 2\n", "line 12: could not find expected ':' while"),
        ("%NOPE\n---\na: 1", "line 10: found unknown directive name"),
    ],
)
def test_faults_are_told_with_the_line_of_the_file(text: str, reason: str) -> None:
    assert reason_of(text, line=10).startswith(reason)

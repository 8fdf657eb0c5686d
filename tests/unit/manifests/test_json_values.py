from typing import Any

import pytest

from webhook.manifests import json_values
from webhook.manifests.json_values import Fault, Value, begins, decode


def values_of(text: str) -> list[Any]:
    start = begins(text)
    assert start is not None
    pieces = list(decode(text, start))
    assert all(isinstance(piece, Value) for piece in pieces), pieces
    return [piece.value for piece in pieces if isinstance(piece, Value)]


def seen_in(text: str) -> list[Any]:
    """Values as they are, faults as (line, reason)."""
    return [
        piece.value
        if isinstance(piece, Value)
        else (text.count("\n", 0, piece.position) + 1, piece.reason)
        for piece in decode(text, 0)
    ]


@pytest.mark.parametrize("text", ["{}", " \n [1]", "---\n{}", "--- {}", "--- # x\n{}"])
def test_what_begins_like_json_is_tried_as_json(text: str) -> None:
    assert len(values_of(text)) == 1


@pytest.mark.parametrize("text", ["", "a: 1", "# x\n{}", "---\n# x\n{}", '"a"', "-- {}"])
def test_all_else_is_not(text: str) -> None:
    assert begins(text) is None


@pytest.mark.parametrize(
    "text",
    ['{"a":1}{"a":2}', '{"a":1}\n{"a":2}\n', '{\n "a": 1\n}\n\n\n{\n "a": 2\n}', '{"a":1} {"a":2}'],
)
def test_several_values_follow_one_another(text: str) -> None:
    assert values_of(text) == [{"a": 1}, {"a": 2}]


def test_the_last_of_two_equal_keys_wins() -> None:
    assert values_of('{"a": 1, "a": 2}') == [{"a": 2}]


@pytest.mark.parametrize(
    ("digits", "number"),
    [
        ("1.0", 1),
        ("1e3", 1000),
        ("-0", 0),
        ("0.5", 0.5),
        ("9223372036854775807", 2**63 - 1),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 2.0**64),
        ("-9223372036854775809", -(2.0**63)),
        ("1" + "0" * 300, 1e300),
    ],
)
def test_numbers_are_those_that_kubernetes_makes(digits: str, number: float) -> None:
    [value] = values_of(f"[{digits}]")
    assert value == [number]
    assert type(value[0]) is type(number)


def test_halves_of_characters_become_replacement_characters() -> None:
    text = r'{"\ud800": ["\udfff", "\ud83d\ude00", 1, null]}'
    assert values_of(text) == [{"\ufffd": ["\ufffd", "😀", 1, None]}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "[1,]",
            "Illegal trailing comma before end of array in column 3|Expecting value in column 4",
        ),
        ("{'a': 1}", "Expecting property name enclosed in double quotes in column 2"),
        ('{"a": "\t"}', "Invalid control character at in column 8"),
        ("[NaN]", "JSON cannot carry NaN"),
        ("[-Infinity]", "JSON cannot carry -Infinity"),
        ("[1e999]", "the number 1e999 is beyond a float"),
        ("[1" + "0" * 9999 + "]", "the number 10000000000000000000 is beyond a float"),
        ("[" * 201 + "]" * 201, "nested deeper than 200 levels"),
        ('{"a":' * 100_000, "nested deeper than 200 levels"),
    ],
)
def test_faults(text: str, reason: str) -> None:
    [piece] = decode(text, 0)
    assert isinstance(piece, Fault)
    assert piece.reason in reason.split("|")  # Python 3.13 has found better words for some


def test_two_hundred_levels_are_read() -> None:
    assert values_of("[" * 200 + "]" * 200)
    assert values_of("[" + "[]," * 500 + "[]]")


def test_reading_goes_on_behind_a_fault() -> None:
    text = '{"a": 1}\n{"b": 2\n{"c": 3}\n}\n{\n "d": [}\n{"e": 5}\n'
    assert seen_in(text) == [
        {"a": 1},
        (3, "Expecting ',' delimiter in column 1"),
        {"c": 3},
        (4, "Expecting value in column 1"),
        (6, "Expecting value in column 8"),
        {"e": 5},
    ]
    deep = "[" * 201 + "]" * 201
    assert seen_in(f"{deep} [1]") == [(1, "nested deeper than 200 levels"), [1]]


def test_reading_ends_behind_too_many_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "MOST_FAULTS", 2)
    assert seen_in("{1}\n{2}\n{3}\n{}\n")[2:] == [(3, "not read on after 2 faults")]


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("// x\n{}", True),
        ('{"a": 1, // x\n"b": 2}', True),
        ("/* x */ {}", True),
        ('{"a": "http://x"', False),
        ('{"apiVersion": "v1" // x\n}', False),
    ],
)
def test_json_with_comments_is_for_others(text: str, foreign: bool) -> None:  # noqa: FBT001
    assert json_values.is_for_others(text) is foreign

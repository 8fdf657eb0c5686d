"""Scalars and keys, each with what sigs.k8s.io/yaml v1.6.0 (go-yaml v2.4.4) makes of it.

The values were printed by that library. JSON's way of writing numbers is that of Python.
"""

import pytest

from webhook.manifests.entries import Part
from webhook.manifests.yaml_builder import Copies
from webhook.manifests.yaml_values import BrokenError, parse

VALUES: dict[str, object] = {
    "y": True,
    "Y": True,
    "n": False,
    "N": False,
    "yes": True,
    "Yes": True,
    "YES": True,
    "yEs": "yEs",
    "no": False,
    "No": False,
    "NO": False,
    "nO": "nO",
    "on": True,
    "On": True,
    "ON": True,
    "oN": "oN",
    "off": False,
    "Off": False,
    "OFF": False,
    "oFF": "oFF",
    "true": True,
    "True": True,
    "TRUE": True,
    "tRUE": "tRUE",
    "false": False,
    "False": False,
    "FALSE": False,
    "null": None,
    "Null": None,
    "NULL": None,
    "nULL": "nULL",
    "~": None,
    "~~": "~~",
    "0": 0,
    "-0": 0,
    "+0": 0,
    "1": 1,
    "-1": -1,
    "+1": 1,
    "007": 7,
    "010": 8,
    "-010": -8,
    "08": 8,
    "09": 9,
    "0o17": 15,
    "0O17": 15,
    "0x1F": 31,
    "0X1f": 31,
    "-0x1F": -31,
    "0xG": "0xG",
    "0x": "0x",
    "0b101": 5,
    "0B11": 3,
    "-0b11": -3,
    "0b12": "0b12",
    "0b": "0b",
    "1_000": 1000,
    "1__0": 10,
    "1_": 1,
    "_1": "_1",
    "0x_1F": 31,
    "0_7": 7,
    "12e03": 12000,
    "1e3": 1000,
    "1E3": 1000,
    "1e+3": 1000,
    "1e-3": 0.001,
    "-1e3": -1000,
    "+1e3": 1000,
    "1e400": "1e400",
    "-1e400": "-1e400",
    "1e": "1e",
    "1.e3": 1000,
    "1.": 1,
    ".5": 0.5,
    "-.5": -0.5,
    "+.5": 0.5,
    ".5e2": 50,
    ".": ".",
    ".e1": ".e1",
    "1.5": 1.5,
    "-1.5": -1.5,
    "1.50": 1.5,
    "1_0.5": 10.5,
    ".5_0": 0.5,
    "._5": "._5",
    "0.1": 0.1,
    "1.2.3": "1.2.3",
    "1.2.3.4": "1.2.3.4",
    "0x1p-2": "0x1p-2",
    "1.0": 1,
    "100.0": 100,
    "3.0e2": 300,
    "9223372036854775807": 9223372036854775807,
    "9223372036854775808": 9223372036854775808,
    "-9223372036854775808": -9223372036854775808,
    "18446744073709551615": 18446744073709551615,
    "1:30": "1:30",
    "190:20:30": "190:20:30",
    "1:30.5": "1:30.5",
    "2026-01-01": "2026-01-01",
    "2026-01-01T10:00:00Z": "2026-01-01T10:00:00Z",
    "2001-12-14t21:59:43.10-05:00": "2001-12-14t21:59:43.10-05:00",
    "2026-1-1": "2026-1-1",
    "12:00": "12:00",
    "+1-2": "+1-2",
    "1-2": "1-2",
    "100m": "100m",
    "1Gi": "1Gi",
    "1e3Mi": "1e3Mi",
    "10%": "10%",
    "1.5Gi": "1.5Gi",
    "0.5x": "0.5x",
    "--": "--",
    "+": "+",
    "++": "++",
    "+a": "+a",
    "-a": "-a",
    ".a": ".a",
    "nan": "nan",
    "NaN": "NaN",
    "inf": "inf",
    "Inf": "Inf",
    "Infinity": "Infinity",
    "-inf": "-inf",
    "none": "none",
    "None": "None",
    "=": "=",
    "<<": "<<",
    "yeah": "yeah",
    "nope": "nope",
    "only": "only",
    "truer": "truer",
    ".NaNs": ".NaNs",
}

KEYS = {
    "1": "1",
    "1.0": "1",
    "1.5": "1.5",
    "1e6": "1e+06",
    "100000.0": "100000",
    "1234567.5": "1.2345675e+06",
    "0.0001": "0.0001",
    "0.00001": "1e-05",
    "1.23456789": "1.2345679",
    "-2.5": "-2.5",
    "0x10": "16",
    "010": "8",
    "true": "true",
    "no": "false",
    "y": "true",
    ".inf": ".inf",
    "-.inf": "-.inf",
    ".nan": ".nan",
    "2026-01-01": "2026-01-01",
    "1:30": "1:30",
    "'1'": "1",
    "''": "",
    "1e400": "1e400",
    "0.1": "0.1",
    "1e39": ".inf",
    "-0.0": "-0",
    "!!binary aGk=": "hi",
    "1.5e10": "1.5e+10",
}

TAGGED: dict[str, object] = {
    "!!str 5": "5",
    "!!str": "",
    "!!str true": "true",
    '!!int "5"': 5,
    "!!float 5": 5,
    "!!float 1.5": 1.5,
    "!!bool yes": True,
    '!!bool "off"': False,
    '!!null ""': None,
    "!!null ~": None,
    "!!timestamp 2026-01-01": "2026-01-01",
    "!!binary aGVsbG8=": "hello",
    '!!binary "aGVs\\nbG8="': "hello",
    '"5"': "5",
    "'5'": "5",
    '"Off"': "Off",
    '! "5"': "5",
    "! off": "off",
    '"\\x41\\u00e9"': "Aé",
    '"a\\\n  b"': "ab",
    "!!map x": "x",
    "!!seq [1]": [1],
    "!!set {a}": {"a": None},
    "!!omap [a: 1]": [{"a": 1}],
    "!<tag:yaml.org,2002:int> 0x10": 16,
}

REFUSED = {
    "v: .inf": "line 1: JSON cannot carry .inf",
    "v: -.Inf": "line 1: JSON cannot carry -.inf",
    "a: 1\nv: [.NaN]": "line 2: JSON cannot carry .nan",
    "v: !!int x": "line 1: 'x' is not of the type !!int",
    "v: !!int 1.5": "line 1: '1.5' is not of the type !!int",
    "v: !!bool 1": "line 1: '1' is not of the type !!bool",
    "v: !!null x": "line 1: 'x' is not of the type !!null",
    "v: !!float x": "line 1: 'x' is not of the type !!float",
    "v: !!binary '*'": "line 1: a !!binary value that is not base64",
    "~: v": "line 1: null is no key",
    "{a: 1}: v": "line 1: a mapping or a list is no key",
    "a: 1\n? [x,\n y]\n: v": "line 2: a mapping or a list is no key",
}


def value_of(text: str) -> object:
    return parse(Part(text, 1), Copies())


@pytest.mark.parametrize("scalar", VALUES)
def test_a_plain_scalar_is_what_kubectl_reads(scalar: str) -> None:
    value = value_of(f"v: {scalar}\n")["v"]  # type: ignore[index]
    assert value == VALUES[scalar]
    assert isinstance(value, bool) == isinstance(VALUES[scalar], bool)
    assert isinstance(value, str) == isinstance(VALUES[scalar], str)


def test_whole_floats_become_integers_as_on_kubectls_way_through_json() -> None:
    value = value_of("[1.0, 1e3, 0.5]")
    assert [type(number) for number in value] == [int, int, float]  # type: ignore[attr-defined]


@pytest.mark.parametrize("scalar", KEYS)
def test_a_key_becomes_the_text_that_kubectl_makes_of_it(scalar: str) -> None:
    assert value_of(f"{scalar}: v\n") == {KEYS[scalar]: "v"}


@pytest.mark.parametrize("scalar", TAGGED)
def test_quotes_and_tags_say_what_a_scalar_is(scalar: str) -> None:
    assert value_of(f"v: {scalar}\n") == {"v": TAGGED[scalar]}


def test_a_huge_number_is_a_float_or_text() -> None:
    assert value_of("[18446744073709551616, 0x10000000000000000]") == [
        2.0**64,
        "0x10000000000000000",
    ]
    assert value_of(f"v: {'9' * 300}") == {"v": 1e300}
    assert value_of(f"v: {'9' * 5000}") == {"v": "9" * 5000}


def test_what_looks_like_a_number_and_is_none_stays_as_it_is_written() -> None:
    assert value_of("[1_x, 1_e999, 0x_]") == ["1_x", "1_e999", "0x_"]


def test_digits_of_other_scripts_are_text() -> None:
    assert value_of("v: ١٢") == {"v": "١٢"}


@pytest.mark.parametrize("text", REFUSED)
def test_what_json_cannot_carry_is_refused(text: str) -> None:
    with pytest.raises(BrokenError) as caught:
        value_of(text)
    assert str(caught.value) == REFUSED[text]

"""What a YAML scalar is: the rules of go-yaml v2, which kubectl reads manifests with.

PyYAML's differ: it knows no `y` and `n`, makes `1:30` a number and `2026-01-01` a date.
Source: go.yaml.in/yaml/v2 resolve.go; sigs.k8s.io/yaml yaml.go for keys.
"""

import base64
import binascii
import math
import re
import struct

Scalar = str | int | float | bool | None

TAG_PREFIX = "tag:yaml.org,2002:"

# Only what starts with one of these can be anything but text.
_HINTS = frozenset("+-0123456789yYnNtTfFoO~.")

_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}

_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<x>[0-9a-fA-F]+)|0[bB](?P<b>[01]+)|0[oO]?(?P<o>[0-7]+)"
    r"|(?P<d>0|[1-9][0-9]*))"
)
_BASES = {"x": 16, "b": 2, "o": 8, "d": 10}
_LONGEST_DIGITS = 65  # a sign and 64 binary digits; longer ones with leading zeros nobody writes
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# Where these differ, it is Go's ParseFloat that reads it, and that has its own idea of underscores.
_DOT_FLOAT = re.compile(r"\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?")

# Whole floats up to here are exact; kubectl's way through JSON turns `1.0` into 1.
_LARGEST_EXACT = 2.0**53


def plain(value: str) -> Scalar:
    """Return what an unquoted scalar without a tag means."""
    if value and value[0] not in _HINTS:
        return value
    if value in _WORDS:
        return _WORDS[value]
    if value[0] == ".":
        return _float(value) if _DOT_FLOAT.fullmatch(value) else value
    return value if value[0].isalpha() or value[0] == "~" else _number(value)


def _number(value: str) -> Scalar:
    digits = value.replace("_", "")
    match = _INTEGER.fullmatch(digits) if len(digits) <= _LONGEST_DIGITS else None
    if match and match.lastgroup:
        number = int(match[match.lastgroup], _BASES[match.lastgroup])
        signed = -number if match["sign"] == "-" else number
        if -(2**63) <= signed < 2**63 or (not match["sign"] and number < 2**64):
            return signed
    result = _float(digits) if _FLOAT.fullmatch(digits) else value
    return value if isinstance(result, str) else result


def _float(digits: str) -> float | str:
    """Go refuses what is beyond a float64, and then it is text."""
    number = float(digits)
    return number if math.isfinite(number) else digits


def tagged(tag: str, value: str) -> Scalar:
    """Return what a scalar with a tag of YAML itself means; ValueError where they do not agree."""
    kind = tag.removeprefix(TAG_PREFIX)
    if kind == "binary":
        try:
            return base64.b64decode(value.replace("\n", ""), validate=True).decode(errors="replace")
        except binascii.Error:
            raise ValueError("a !!binary value that is not base64") from None
    wanted = {"null": type(None), "bool": bool, "int": int, "float": float}.get(kind)
    if wanted is None:
        return value
    result = plain(value)
    if kind == "float" and type(result) is int:
        result = float(result)
    if type(result) is not wanted:
        raise ValueError(f"{value!r} is not of the type !!{kind}")
    return result


def json_number(number: float) -> int | float:
    """Return a float as it comes out of kubectl's JSON; ValueError where JSON has none."""
    if not math.isfinite(number):
        raise ValueError(f"JSON cannot carry {yaml_float(number)}")
    return int(number) if abs(number) <= _LARGEST_EXACT and number.is_integer() else number


def key(value: Scalar) -> str:
    """Return a mapping's key as sigs.k8s.io/yaml writes it; ValueError where it refuses it."""
    if value is None:
        raise ValueError("null is no key")
    if isinstance(value, bool):
        return "true" if value else "false"
    return yaml_float(value) if isinstance(value, float) else str(value)


def yaml_float(number: float) -> str:
    """Write a float as Go's FormatFloat(number, 'g', -1, 32) does, with YAML's names."""
    if math.isnan(number):
        return ".nan"
    single = _single(number)
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    shortest = next(
        text for text in (f"{single:.{n}e}" for n in range(9)) if _single(float(text)) == single
    )
    mantissa, exponent = shortest.split("e")
    # The shortest digits, and an exponent outside of 10⁻⁴ … 10⁵.
    if not -5 < int(exponent) < 6:  # noqa: PLR2004
        return shortest
    decimals = max(0, len(mantissa.lstrip("-").replace(".", "")) - 1 - int(exponent))
    return f"{float(shortest):.{decimals}f}"


def _single(number: float) -> float:
    try:
        single: float = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        single = math.copysign(math.inf, number)
    return single

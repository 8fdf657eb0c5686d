"""The JSON values of a text: one, several one after the other, or one per line."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from webhook.core.frozen import frozen
from webhook.manifests.scalars import json_number
from webhook.manifests.yaml_builder import DEEPEST_LEVEL

# Possessive: blanks are read once, and not parted in every way between the marker and what follows.
_BEGINS = re.compile(r"(?:---[ \t]*+(?:#.*+)?+)?+\s*+(?=[{\[])")
_BLANK = re.compile(r"\s*")
_COMMENT = re.compile(r"(?:^|\s)(?://|/\*)", re.MULTILINE)

# Where a broken value is taken to be over: an object that begins a line is rarely part of another.
_NEXT_OBJECT = re.compile(r"\n(?=\{)")

_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")

# Each fault costs a walk from the start of the text (JSONDecodeError counts lines): 100 of them in
# 64 MiB are about a second, and nobody reads more.
MOST_FAULTS = 100

# As many characters as 64 bits take. Kubernetes makes floats of longer ones, and Python is slow.
_LONGEST_INTEGER = 20

_TOO_DEEP = f"nested deeper than {DEEPEST_LEVEL} levels"


@frozen
class Value:
    """A value, and the piece of the text that it was written in."""

    start: int
    end: int
    value: Any


@frozen
class Fault:
    """A piece of the text that is no JSON, and the place where that shows."""

    start: int
    end: int
    position: int
    reason: str


def begins(text: str) -> int | None:
    """Return where the JSON of a document begins; None where it does not look like JSON."""
    match = _BEGINS.match(text)
    return match.end() if match else None


def is_for_others(text: str) -> bool:
    """Say whether this is JSON with comments (tsconfig.json, dashboards) that no object is in."""
    return '"apiVersion"' not in text and _COMMENT.search(text) is not None


def decode(text: str, start: int) -> Iterator[Value | Fault]:
    """Yield what stands in a text one after the other; one fault does not hide what follows."""
    decoder = json.JSONDecoder(parse_float=_float, parse_int=_integer, parse_constant=_refuse)
    faults = 0
    while start < len(text):
        if faults == MOST_FAULTS:
            yield Fault(start, len(text), start, f"not read on after {MOST_FAULTS} faults")
            return
        piece = _next(decoder, text, start)
        faults += isinstance(piece, Fault)
        yield piece
        blank = _BLANK.match(text, piece.end)
        start = blank.end() if blank else piece.end


def _next(decoder: json.JSONDecoder, text: str, start: int) -> Value | Fault:
    try:
        value, end = decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        return _fault(text, start, error.pos, f"{error.msg} in column {error.colno}")
    except ValueError as error:
        return _fault(text, start, start, str(error))
    except RecursionError:
        return _fault(text, start, start, _TOO_DEEP)
    brackets = text.count("[", start, end) + text.count("{", start, end)
    if brackets > DEEPEST_LEVEL and _is_deep(value):
        return Fault(start, end, start, _TOO_DEEP)
    return Value(start, end, _whole(value) if _ESCAPED_HALF.search(text, start, end) else value)


def _fault(text: str, start: int, position: int, reason: str) -> Fault:
    following = _NEXT_OBJECT.search(text, start)
    return Fault(start, following.end() if following else len(text), position, reason)


def _is_deep(value: Any) -> bool:
    level, depth = [value], 0
    while containers := [member for member in level if isinstance(member, dict | list)]:
        depth += 1
        if depth > DEEPEST_LEVEL:
            return True
        level = [
            member
            for container in containers
            for member in (container.values() if isinstance(container, dict) else container)
        ]
    return False


def _whole(value: Any) -> Any:
    """Replace halves of characters as Go does: UTF-8, and so every output, cannot carry them."""
    if isinstance(value, str):
        return _HALF_CHARACTER.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_whole(name): _whole(member) for name, member in value.items()}
    return [_whole(member) for member in value] if isinstance(value, list) else value


def _float(digits: str) -> int | float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits:.20} is beyond a float")
    return json_number(number)


def _integer(digits: str) -> int | float:
    number = int(digits) if len(digits) <= _LONGEST_INTEGER else _float(digits)
    return number if -(2**63) <= number < 2**64 else float(number)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"JSON cannot carry {name}")

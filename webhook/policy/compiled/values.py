"""Values of Rego in Python, and what a plan does with them.

They are those of JSON, a set more, and `UNDEFINED` for what has no value at all.
"""

from collections.abc import Iterator
from typing import Any, Final


class Undefined:
    """What has no value: a rule that does not hold, a field that is not there."""

    def __repr__(self) -> str:
        """As it is called in Rego."""
        return "undefined"


UNDEFINED: Final = Undefined()

_ARRAYS = (list, tuple)


class Values(list[Any]):
    """A set of values. Those of our rules have a few members, and those are objects."""

    def add(self, value: Any) -> None:
        """Add a value that is not there yet."""
        if not any(equal(value, member) for member in self):
            self.append(value)


class Conflict(Exception):  # noqa: N818 - OPA's name for it
    """A complete rule, or a key of an object, has two values."""


def equal(one: Any, other: Any) -> bool:
    """Compare as Rego does: true is not 1, and 1 is 1.0."""
    if type(one) is str and type(other) is str:
        return one == other
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, Values) or isinstance(other, Values):
        both = isinstance(one, Values) and isinstance(other, Values)
        return (
            both
            and len(one) == len(other)
            and all(dot(one, each) is not UNDEFINED for each in other)
        )
    if isinstance(one, _ARRAYS) and isinstance(other, _ARRAYS):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def dot(source: Any, key: Any) -> Any:
    """Look a key up in an object, an array or a set."""
    if isinstance(source, dict):
        return source.get(key, UNDEFINED) if isinstance(key, str) else UNDEFINED
    if isinstance(source, Values):
        return key if any(equal(key, member) for member in source) else UNDEFINED
    if isinstance(source, _ARRAYS) and isinstance(key, int) and not isinstance(key, bool):
        return source[key] if 0 <= key < len(source) else UNDEFINED
    return UNDEFINED


def is_array(value: Any) -> bool:
    """Whether a value is an array: a set is none."""
    return isinstance(value, _ARRAYS) and not isinstance(value, Values)


def scan(source: Any) -> Iterator[tuple[Any, Any]] | None:
    """Walk through keys and values; None for what has no members."""
    if isinstance(source, dict):
        return iter(source.items())
    if isinstance(source, Values):
        return zip(source, source, strict=True)
    return enumerate(source) if isinstance(source, _ARRAYS) else None


def insert_once(target: dict[Any, Any], key: Any, value: Any) -> None:
    """Give a key its value; raises `Conflict` where it has another one."""
    if not equal(target.setdefault(key, value), value):
        raise Conflict(f"{key!r} has two values")

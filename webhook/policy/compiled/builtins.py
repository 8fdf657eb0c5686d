"""The built-in functions of Rego that the rules use, as OPA documents them.

Of a wrong type OPA makes no value, so that a rule does not hold and nothing is said. Here it is an
error, as in the embedded engine: a rule that cannot be evaluated is no "allowed".
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from webhook.policy.compiled.values import UNDEFINED, Values, dot, equal

Builtin = Callable[..., Any]


def array_concat(one: Any, other: Any) -> list[Any]:
    """Put two arrays behind each other."""
    return [*_array(one), *_array(other)]


def concat(delimiter: Any, members: Any) -> str:
    """Join an array or a set of strings, a set in its order."""
    listed = sorted(members) if isinstance(members, Values) else _array(members)
    joined: str = delimiter.join(listed)
    return joined


def count(value: Any) -> int:
    """Count the members of a collection, or the characters of a string."""
    return len(value)


def format_int(number: Any, base: Any) -> str:
    """Write a number without its fraction; the base is 10."""
    if base != 10 or type(number) not in {int, float}:  # noqa: PLR2004 - the one that is used
        raise TypeError(f"format_int({number!r}, {base!r})")
    return str(int(number))


def greater(one: Any, other: Any) -> bool:
    """Compare two numbers or two strings."""
    if isinstance(one, bool) or isinstance(other, bool):
        raise TypeError(f"{one!r} > {other!r}")
    return bool(one > other)


def is_null(value: Any) -> bool:
    """Whether a value is null."""
    return value is None


def is_object(value: Any) -> bool:
    """Whether a value is an object."""
    return isinstance(value, dict)


def is_string(value: Any) -> bool:
    """Whether a value is a string."""
    return isinstance(value, str)


def lower(text: str) -> str:
    """Write a string in lower case."""
    return text.lower()


def not_equal(one: Any, other: Any) -> bool:
    """Compare as `equal` does."""
    return not equal(one, other)


def object_get(source: Any, key: Any, default: Any) -> Any:
    """Look up a key or a path of keys in an object."""
    if not isinstance(source, dict):
        raise TypeError(f"an object was wanted, not {source!r}")
    for step in key if isinstance(key, list) else [key]:
        found = dot(source, step)
        if found is UNDEFINED:
            return default
        source = found
    return source


def _array(value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"an array was wanted, not {value!r}")
    return value


BUILTINS: Final[Mapping[str, Builtin]] = {
    "array.concat": array_concat,
    "concat": concat,
    "count": count,
    "format_int": format_int,
    "gt": greater,
    "is_null": is_null,
    "is_object": is_object,
    "is_string": is_string,
    "lower": lower,
    "neq": not_equal,
    "object.get": object_get,
}
"""By their names in a plan."""

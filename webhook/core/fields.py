"""Read fields of objects whose shape nobody has checked yet.

A manifest on disk may hold anything anywhere; absence and a wrong type are answered by an empty
value of the right type, so that one odd field never hides the rest of an object.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from sys import intern
from typing import Any

Raw = Mapping[str, Any]
"""A Kubernetes object, or a part of one, as it was decoded: never changed in place."""

_NOTHING: Raw = {}


def mapping(parent: object, *names: str) -> Raw:
    """Follow names down through mappings; an empty mapping where the way ends early."""
    for name in names:
        if not isinstance(parent, dict):
            return _NOTHING
        parent = parent.get(name)
    return parent if isinstance(parent, dict) else _NOTHING


def sequence(parent: Raw, name: str) -> list[Any]:
    """Return the list under a name, an empty one where there is none."""
    value = parent.get(name)
    return value if isinstance(value, list) else []


def members(parent: Raw, name: str) -> Iterator[tuple[int, Raw]]:
    """Yield (index, member) for the mappings of a list, leaving out whatever is none."""
    for index, member in enumerate(sequence(parent, name)):
        if isinstance(member, dict):
            yield index, member


def text(parent: Raw, name: str) -> str:
    """Return the string under a name, the empty string where there is none."""
    value = parent.get(name)
    return value if isinstance(value, str) else ""


def shared(said: str) -> str:
    """Return the one copy of a text that many objects have alike: kinds, namespaces, targets.

    Each decoded object has its own, which for tens of thousands of kept ones are megabytes. The
    copy goes with the last who has it.
    """
    return intern(said)


def decoded(base64: str) -> bytes:
    """Return what base64 stands for, in a Secret or a caBundle; nothing where it is none."""
    try:
        return b64decode(base64)
    except ValueError:
        return b""


def integer(parent: Raw, name: str) -> int | None:
    """Return the integer under a name; None where there is none (a boolean is none)."""
    value = parent.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def strings(parent: Raw, *names: str) -> dict[str, str]:
    """Return the string entries of a nested mapping: labels, annotations."""
    return {
        key: value
        for key, value in mapping(parent, *names).items()
        if isinstance(key, str) and isinstance(value, str)
    }


def annotation(raw: Raw, key: str) -> str | None:
    """Return an annotation of an object, or of a template; None where it has none of this key."""
    value = mapping(raw, "metadata", "annotations").get(key)
    return value if isinstance(value, str) else None


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Change every text of a JSON value, keys included; what holds them is copied."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {each_text(key, change): each_text(one, change) for key, one in value.items()}
    return [each_text(one, change) for one in value] if isinstance(value, list) else value

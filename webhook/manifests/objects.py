"""Which of the values of a document are Kubernetes objects; members of a List one by one."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from webhook.core.fields import mapping
from webhook.manifests.entries import Document, Entry, Part, Skipped, Source, Unreadable

_NAMES = ("name", "namespace", "generateName")
_SHAPES = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "a mapping"}


def objects(value: Any, source: Source, part: Part) -> Iterator[Entry]:
    """Yield the objects of one document, and what is none. Nothing stands for an empty document."""
    if value is None:
        return
    lack = _lack(value)
    if lack is not None:
        yield Skipped(source, lack)
    elif _members(value) is None:
        yield _object(Document(source, value, part))
    else:
        numbers = count(1)
        for at, member in _expand(value, ()):
            place = replace(source, item=next(numbers))
            lack = _lack(member)
            yield Skipped(place, lack) if lack else _object(Document(place, member, part, at))


def _object(found: Document) -> Document | Unreadable:
    """Read an object as kubectl does, which decodes none whose name is no text (`name: on`).

    Without its name nobody could tell who acts on it.
    """
    metadata = mapping(found.raw, "metadata")
    for field in _NAMES:
        shape = _SHAPES.get(type(metadata.get(field)))
        if shape is not None:
            return Unreadable(found.source, f"metadata.{field} is {shape}, not text: quote it")
    return found


def _lack(value: Any) -> str | None:
    """Say why a value is no Kubernetes object."""
    if not isinstance(value, dict):
        shape = "a list" if isinstance(value, list) else "a single value"
        return f"{shape}, not a Kubernetes object"
    missing = [name for name in ("apiVersion", "kind") if not _is_text(value.get(name))]
    return f"not a Kubernetes object: it has no {' and no '.join(missing)}" if missing else None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _members(value: Any) -> list[Any] | None:
    """Return the members of a List, None where a value is no List."""
    if not isinstance(value, dict) or "items" not in value:
        return None
    kind, items = value.get("kind"), value["items"]
    if not isinstance(kind, str) or not kind.endswith("List"):
        return None
    if items is None:  # what Go prints for an empty one
        return []
    return items if isinstance(items, list) else None


def _expand(value: dict[str, Any], at: tuple[str | int, ...]) -> Iterator[tuple[Any, Any]]:
    for index, member in enumerate(_members(value) or ()):
        place = (*at, "items", index)
        typed = _typed(member, value)
        if _members(typed) is None:
            yield place, typed
        else:
            yield from _expand(typed, place)


def _typed(member: Any, parent: dict[str, Any]) -> Any:
    """Give a member of a PodList its kind: the API server leaves both fields out of those."""
    kind = parent["kind"].removesuffix("List")
    if not kind or not isinstance(member, dict) or member.get("kind") or member.get("apiVersion"):
        return member
    return member | {"apiVersion": parent["apiVersion"], "kind": kind}

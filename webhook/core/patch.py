"""JSON Patch (RFC 6902): the one module that makes operations.

Mutations say what they want (`Addition`: a path and a value); `operations` turns that into patches
on the raw object, creating parents that are absent or null. Nothing that an addition does not
name is ever written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import field
from itertools import pairwise
from typing import Any

from webhook.core.fields import Raw
from webhook.core.frozen import frozen

Segment = str | int
Operation = dict[str, Any]

END = "-"
"""The segment that appends to a list."""


@frozen
class Addition:
    """Something to be added to an object: a member of a mapping, or (`END`) of a list."""

    path: tuple[Segment, ...]
    value: Any
    why: str = field(default="", compare=False)
    """Where the value comes from, in words."""


def pointer(path: Sequence[Segment]) -> str:
    """Write a JSON Pointer (RFC 6901), with `~` and `/` of the segments escaped."""
    written = [str(segment).replace("~", "~0").replace("/", "~1") for segment in path]
    return "/" + "/".join(written) if written else ""


def dotted(path: Iterable[Segment]) -> str:
    """Write a path as people do: `spec.template.spec.containers[0]`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


def operations(raw: Raw, additions: Iterable[Addition]) -> list[Operation]:
    """Turn additions into operations on `raw`, in order; additions that change nothing make none.

    A parent that is absent or null is made by one operation that holds everything below it. An
    addition whose parent has another type than its path says is left out: what is not understood
    is not rebuilt.
    """
    made: dict[tuple[Segment, ...], Operation] = {}
    for addition in additions:
        existing, depth = _walk(raw, addition.path)
        if not _takes(existing, addition.path[depth:]):
            continue
        leaf = depth == len(addition.path) - 1
        if leaf and addition.path[depth] != END:
            _set(made, existing, addition)
        elif leaf:
            made[(*addition.path, len(made))] = _operation("add", addition.path, addition.value)
        else:
            _grow(made, addition.path[: depth + 1], addition)
    return list(made.values())


def removal(path: Sequence[Segment]) -> Operation:
    """An operation that takes away what stands at a path."""
    return {"op": "remove", "path": pointer(path)}


def can_take(raw: Raw, path: Sequence[Segment]) -> bool:
    """Whether something can be added at a path: whatever stands on the way there has that type.

    Mappings are made on the way, and a list at its end: in one that is absent nothing has a place.
    """
    parent, depth = _walk(raw, path)
    return _takes(parent, path[depth:])


def _takes(parent: Any, rest: Sequence[Segment]) -> bool:
    """Whether what is there takes the rest of a path."""
    if len(rest) == 1:
        return isinstance(parent, list) if rest[0] == END else _is_member(parent, rest[0])
    is_there = isinstance(parent, list if rest[0] == END else dict)
    return is_there and all(isinstance(one, str) for one in rest) and END not in rest[1:-1]


def _is_member(parent: Any, segment: Segment) -> bool:
    return isinstance(parent, dict) and isinstance(segment, str)


def _walk(raw: Any, path: Sequence[Segment]) -> tuple[Any, int]:
    """Go down the path as far as values other than null exist: the parent reached, its depth."""
    parent: Any = raw
    for depth, segment in enumerate(path[:-1]):
        below = None
        if isinstance(parent, dict):
            below = parent.get(segment)
        elif isinstance(parent, list) and isinstance(segment, int) and segment < len(parent):
            below = parent[segment]
        if below is None:
            return parent, depth
        parent = below
    return parent, len(path) - 1


def _set(made: dict[tuple[Segment, ...], Operation], parent: Raw, addition: Addition) -> None:
    name = str(addition.path[-1])
    if parent.get(name) == addition.value:
        return
    verb = "add" if parent.get(name) is None else "replace"
    made[addition.path] = _operation(verb, addition.path, addition.value)


def _grow(
    made: dict[tuple[Segment, ...], Operation], top: tuple[Segment, ...], addition: Addition
) -> None:
    """Put an addition below `top`, the highest parent that does not exist yet."""
    below = addition.path[len(top) :]
    if top not in made:
        made[top] = _operation("add", top, _empty(below[0]))
    parent = made[top]["value"]
    for segment, following in pairwise(below):
        parent = parent.setdefault(segment, _empty(following))
    if below[-1] == END:
        parent.append(addition.value)
    else:
        parent[below[-1]] = addition.value


def _empty(segment: Segment) -> Any:
    return [] if segment == END else {}


def _operation(verb: str, path: Sequence[Segment], value: Any) -> Operation:
    return {"op": verb, "path": pointer(path), "value": value}


def applied(raw: Raw, patch: Iterable[Operation]) -> Raw:
    """Return `raw` with operations that were made for it (`operations`); it stays as it is.

    Only what lies on the way to a change is copied. It knows `add` and `replace`, and of paths what
    `pointer` writes.
    """
    changed: Any = raw
    for operation in patch:
        steps = [
            step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]
        ]
        changed = _with(changed, steps, operation["value"])
    return changed  # type: ignore[no-any-return]


def _with(parent: Any, steps: Sequence[str], value: Any) -> Any:
    step, rest = steps[0], steps[1:]
    if isinstance(parent, list):
        if step == END:
            return [*parent, value]
        index = int(step)
        return [*parent[:index], _with(parent[index], rest, value), *parent[index + 1 :]]
    return {**parent, step: _with(parent[step], rest, value) if rest else value}

"""Edits of collections in flow style (`{…}`, `[…]`), which is also what JSON is."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from webhook.manifests.tree import Node
from webhook.offline.fixes_bytes import CannotPlaceError, Edit
from webhook.offline.fixes_style import flow, scalar

_COMMA = re.compile(r"\s*,")
_INDENT = re.compile(r"[ \t]*")

Entry = tuple[str | None, Any]
"""A member to be: its name, None in a list, and its value."""


def is_json(node: Node) -> bool:
    """Whether a value is written as JSON writes it."""
    keys = [key for key, _ in node.members if key is not None]
    return node.flow and bool(keys) and keys[0].style == '"'


def inserted(
    text: str, node: Node, entries: Sequence[Entry], *, json_style: bool
) -> Iterator[Edit]:
    """Yield the edits that add members at the end."""
    json_style = json_style or is_json(node)
    close = node.end - 1
    if not node.members:
        if node.decorated:
            raise CannotPlaceError("an empty collection has an anchor or a tag")
        written = ", ".join(_entry(entry, json_style=json_style) for entry in entries)
        yield Edit(node.start + 1, node.start + 1, written)
        return
    key, last = node.members[-1]
    if "\n" in text[node.start : _start(node)] and "\n" in text[last.end : close]:
        yield from _on_own_lines(text, node, entries, json_style=json_style)
        return
    tight = json_style and key is not None and text[key.end : last.start] == ":"
    written = "".join(
        ("," if tight else ", ") + _entry(entry, json_style=json_style, tight=tight)
        for entry in entries
    )
    yield Edit(last.end, last.end, written)  # a comma that trails stays behind it


def _on_own_lines(
    text: str, node: Node, entries: Sequence[Entry], *, json_style: bool
) -> Iterator[Edit]:
    key, last = node.members[-1]
    close = node.end - 1
    indent = _indent(text, (key or last).start)
    unit = indent.removeprefix(_indent(text, close)) or "  "
    comma = _COMMA.match(text, last.end, close)
    if comma is None:
        yield Edit(last.end, last.end, ",")
    behind = text.index("\n", comma.end() if comma else last.end) + 1
    lines = [
        indent + _entry(entry, json_style=json_style, indent=indent, unit=unit) for entry in entries
    ]
    yield Edit(behind, behind, ",\n".join(lines) + (",\n" if comma else "\n"))


def _entry(
    entry: Entry,
    *,
    json_style: bool,
    tight: bool = False,
    indent: str | None = None,
    unit: str | None = None,
) -> str:
    name, value = entry
    if not json_style:
        return flow(value) if name is None else f"{scalar(name)}: {flow(value)}"
    separators = (",", ":") if tight else (",", ": ") if unit else (", ", ": ")
    written = json.dumps(value, indent=unit, separators=separators, ensure_ascii=False)
    if indent:
        written = written.replace("\n", f"\n{indent}")
    return written if name is None else f"{json.dumps(name)}{separators[1]}{written}"


def replaced(text: str, old: Node, value: Any, *, json_style: bool) -> Edit:
    """Put a value in the place of an empty one, or of a collection that no comment is in."""
    empty = old.value is not None and old.style is None
    if not (empty or old.flow) or "#" in text[old.start : old.end]:
        raise CannotPlaceError("what stands there cannot be replaced without loss")
    written = json.dumps(value, ensure_ascii=False) if json_style else flow(value)
    return Edit(old.start, old.end, (" " if old.start == old.end else "") + written)


def without(text: str, node: Node, kept: Sequence[bool]) -> Iterator[Edit]:
    """Yield the edits that take members out of a list."""
    members = [member for _, member in node.members]
    if not any(kept):
        yield cut(text, node.start + 1, node.end - 1)
        return
    last = max(index for index, keep in enumerate(kept) if keep)
    for index in range(last):
        if not kept[index]:
            yield Edit(members[index].start, members[index + 1].start, "")
    if last + 1 < len(members):
        yield cut(text, members[last].end, members[-1].end)


def without_member(text: str, node: Node, gone: Node) -> Edit:
    """Take the member with this key out of a mapping."""
    at = next(index for index, (key, _) in enumerate(node.members) if key is gone)
    value = node.members[at][1]
    if at + 1 < len(node.members):
        return cut(text, gone.start, _start(node, at + 1))
    return cut(text, node.members[at - 1][1].end if at else gone.start, value.end)


def cut(text: str, start: int, end: int) -> Edit:
    """Take a piece of text away, unless people say something in it."""
    if "#" in text[start:end]:
        raise CannotPlaceError("a comment stands in what would be taken away")
    return Edit(start, end, "")


def _start(node: Node, member: int = 0) -> int:
    key, value = node.members[member]
    return (key or value).start


def _indent(text: str, offset: int) -> str:
    found = _INDENT.match(text, text.rfind("\n", 0, offset) + 1)
    return found[0] if found else ""

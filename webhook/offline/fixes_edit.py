"""A JSON Patch as edits of a document's text: only what the patch names is written.

What cannot be placed with certainty is refused; whoever calls reads the result again and compares.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from webhook.core.patch import END, Operation, Segment
from webhook.manifests.entries import Part
from webhook.manifests.scalars import plain
from webhook.manifests.tree import Node, compose
from webhook.offline.fixes_bytes import CannotPlaceError, Edit
from webhook.offline.fixes_flow import cut, inserted, is_json, replaced, without, without_member
from webhook.offline.fixes_style import Style, block, item, scalar

_DASH = re.compile(r"[ ]*-[ \t]+")
_COMMENT = re.compile(r"([ ]*)#")
_MERGE = "<<"


class Editor:
    """Finds the edits of one document's text."""

    def __init__(self, part: Part) -> None:
        root = compose(part)
        if root is None:
            raise CannotPlaceError("its text cannot be taken apart")
        self._text, self._root = part.text, root
        self._json = is_json(root)
        self._dash = _dash(part.text, root)

    def edits(self, at: Sequence[Segment], patch: Iterable[Operation]) -> Iterator[Edit]:
        """Yield the edits for a patch of the object that stands at `at` in the document."""
        appended: dict[tuple[str, ...], list[Any]] = {}
        for operation in patch:
            steps = tuple(
                step.replace("~1", "/").replace("~0", "~")
                for step in operation["path"].split("/")[1:]
            )
            if operation["op"] not in {"add", "replace", "remove"} or not steps:
                raise CannotPlaceError(f"a change of the kind {operation['op']!r} is not known")
            if operation["op"] == "remove":
                yield self._remove(at, steps)
            elif steps[-1] == END:
                appended.setdefault(steps[:-1], []).append(operation["value"])
            else:
                yield from self._set(at, steps, operation)
        for above, values in appended.items():
            yield from self._append(at, above, values)

    def _set(
        self, at: Sequence[Segment], steps: Sequence[str], operation: Operation
    ) -> Iterator[Edit]:
        parent, step = self._walk(at, steps[:-1])
        name, value = steps[-1], operation["value"]
        if not parent.is_mapping:
            raise CannotPlaceError(f"{name} is no member of a mapping")
        found = parent.member(name)
        if found is not None:
            yield from self._replace(*found, value)
        elif operation["op"] == "replace":
            raise CannotPlaceError(f"{name} comes from a merge key (<<)")
        elif parent.flow:
            yield from inserted(self._text, parent, [(name, value)], json_style=self._json)
        else:
            style = Style(step, self._dash)
            yield self._lines(
                parent, self._column(parent.members[0][0]), block({name: value}, style)
            )

    def _remove(self, at: Sequence[Segment], steps: Sequence[str]) -> Edit:
        """Take a member out of a mapping, with its lines where it has lines of its own."""
        name = steps[-1]
        parent, _ = self._walk(at, steps[:-1])
        found = parent.member(name) if parent.is_mapping else None
        if found is None:
            raise CannotPlaceError(f"{name} is not there")
        key, value = found
        _check(value, name)
        if parent.flow:
            return without_member(self._text, parent, key)
        start, end = self._line_start(key.start), self._next_line(value.end)
        if self._text[start : key.start].strip(" "):
            raise CannotPlaceError(f"{name} shares its line")
        return cut(self._text, start, end)

    def _append(
        self, at: Sequence[Segment], steps: Sequence[str], values: Sequence[Any]
    ) -> Iterator[Edit]:
        node, step = self._walk(at, steps)
        if not node.is_list:
            raise CannotPlaceError(f"{steps[-1]} is no list")
        if node.flow:
            entries = [(None, value) for value in values]
            yield from inserted(self._text, node, entries, json_style=self._json)
            return
        style = Style(step, self._dash)
        if self._text[node.start] != "-":
            raise CannotPlaceError(f"{steps[-1]} has an anchor or a tag")
        lines = (line for value in values for line in item(value, style))
        yield self._lines(node, self._column(node), lines, own_comments=1)

    def _walk(self, at: Sequence[Segment], steps: Sequence[str]) -> tuple[Node, int]:
        """Go to a value; also return by how many columns mappings are indented on the way."""
        node, width = self._root, 2
        for step in (*at, *steps):
            found = node.member(int(step) if node.is_list else step)
            if found is None:
                merged = _MERGE in node.names()
                raise CannotPlaceError(
                    f"{step} comes from a merge key (<<)" if merged else f"{step} is not there"
                )
            key, value = found
            _check(value, str(step))
            if node.is_mapping and value.is_mapping and not (node.flow or value.flow):
                width = max(1, self._column(value.members[0][0]) - self._column(key))
            node = value
        return node, width

    def _replace(self, key: Node, old: Node, value: Any) -> Iterator[Edit]:
        _check(old, key.value or "")
        if old.decorated:
            raise CannotPlaceError(f"{key.value} has an anchor or a tag")
        if old.is_list and isinstance(value, list):
            kept = _kept([_scalar(node) for _, node in old.members], value)
            if kept is not None and old.flow:
                yield from without(self._text, old, kept)
                return
            if kept is not None:
                yield from self._without_lines(key, old, kept)
                return
        if old.value is not None and not isinstance(value, dict | list):
            if old.style in {"|", ">"}:
                raise CannotPlaceError(f"{key.value} is a block of text")
            quote = '"' if self._json else old.style
            space = " " if old.start == old.end else ""
            yield Edit(old.start, old.end, space + scalar(value, quote))
            return
        yield replaced(self._text, old, value, json_style=self._json or is_json(old))

    def _without_lines(self, key: Node, old: Node, kept: Sequence[bool]) -> Iterator[Edit]:
        """Take the lines of members out of a list in block style."""
        if not any(kept):
            after = self._text.index(":", key.end) + 1
            yield Edit(after, after, " []")
        for (_, node), keep in zip(old.members, kept, strict=True):
            if keep:
                continue
            start = self._line_start(node.start)
            dash = _DASH.match(self._text, start)
            if dash is None or dash.end() != node.start or "\n" in self._text[start : node.end]:
                raise CannotPlaceError(f"a member of {key.value} shares its line")
            end = self._text.find("\n", node.end) + 1
            yield Edit(start, end, "") if end else Edit(start - 1, len(self._text), "")

    def _lines(
        self, node: Node, column: int, lines: Iterable[str], *, own_comments: int = 0
    ) -> Edit:
        """Insert lines behind a block, and behind the comments that are indented like it."""
        last = node
        while last.members and not last.flow:
            last = last.members[-1][1]
        place = node.end if last.style in {"|", ">"} else self._next_line(node.end)
        while match := _COMMENT.match(self._text, place):
            if len(match[1]) < column + own_comments:
                break
            place = self._next_line(place)
        text = "".join(f"{' ' * column}{line}\n" for line in lines)
        if place and self._text[place - 1] != "\n":  # the file ends without a line break
            text = f"\n{text[:-1]}"
        return Edit(place, place, text)

    def _next_line(self, offset: int) -> int:
        end = self._text.find("\n", offset)
        return len(self._text) if end < 0 else end + 1

    def _line_start(self, offset: int) -> int:
        return self._text.rfind("\n", 0, offset) + 1

    def _column(self, node: Node | None) -> int:
        offset = node.start if node is not None else 0
        return offset - self._line_start(offset)


def _check(node: Node, name: str) -> None:
    if node.alias_of is not None:
        raise CannotPlaceError(f"{name} is an alias (*)")
    if node.shared:
        raise CannotPlaceError(f"{name} has an anchor (&), and an alias stands for it elsewhere")


def _dash(text: str, root: Node) -> int:
    """By how many columns the first list in block style is indented below its key."""
    left = [root]
    while left:
        node = left.pop()
        for key, value in node.members:
            if key is not None and value.is_list and not (value.flow or value.decorated):
                starts = [text.rfind("\n", 0, one.start) + 1 for one in (key, value)]
                return max(0, (value.start - starts[1]) - (key.start - starts[0]))
        left.extend(value for _, value in reversed(node.members) if not value.flow)
    return 2


def _scalar(node: Node) -> Any:
    if node.value is None or node.decorated:
        raise CannotPlaceError("a list has other members than plain words")
    return plain(node.value) if node.style is None else node.value


def _kept(old: Sequence[Any], new: Sequence[Any]) -> list[bool] | None:
    """Which members stay; None where the new list is not the old one with members left out."""
    kept, done = [], 0
    for one in old:
        keep = done < len(new) and new[done] == one
        kept.append(keep)
        done += keep
    return kept if done == len(new) else None

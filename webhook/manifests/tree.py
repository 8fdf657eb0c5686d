"""The places of a document's values in its text: for tools that show or change lines.

Only for documents that were read already: `yaml_builder` has the bounds. Unlike PyYAML's composer
this one does not recurse, takes an anchor that is given twice, and keeps what is an alias.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml import events
from yaml._yaml import CParser

from webhook.manifests.entries import Part


@dataclass(slots=True)
class Node:
    """A value and its span in the text; an anchor and a tag before it are part of the span."""

    start: int
    end: int
    value: str | None = None
    """The text of a scalar; None for collections and aliases."""
    style: str | None = None
    """Of a scalar: how it is quoted (`'`, `"`) or what it is a block by (`|`, `>`)."""
    members: list[tuple["Node | None", "Node"]] = field(default_factory=list)
    """Of a collection: keys and values; a list has no keys."""
    is_mapping: bool = False
    is_list: bool = False
    flow: bool = False
    decorated: bool = False
    """Whether it has an anchor or a tag."""
    shared: bool = False
    """Whether an alias stands for it somewhere."""
    alias_of: "Node | None" = None

    @property
    def real(self) -> "Node":
        """What an alias stands for, anything else itself."""
        return self.alias_of or self

    def member(self, step: str | int) -> "tuple[Node, Node] | None":
        """A member as it is written here: the node that names it, and its value."""
        if isinstance(step, int):
            inside = self.is_list and step < len(self.members)
            return (self.members[step][1],) * 2 if inside else None
        # As decoders do: of a key that stands twice the last one counts.
        for key, value in reversed(self.members):
            if key is not None and key.value == step:
                return key, value
        return None

    def names(self) -> Iterator[str]:
        """The keys of a mapping, as they are written."""
        return (key.value for key, _ in self.members if key is not None and key.value is not None)


class _Composer:
    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[tuple[Node, list[Node]]] = []
        self._anchors: dict[str, Node] = {}

    def take(self, event: Any) -> None:
        match event:
            case events.AliasEvent():
                target = self._anchors[str(event.anchor)]
                target.shared = True
                self._add(_node(event, alias_of=target))
            case events.ScalarEvent():
                self._add(self._anchored(event, value=event.value, style=event.style or None))
            case events.MappingStartEvent():
                self._open.append((self._anchored(event, is_mapping=True), []))
            case events.SequenceStartEvent():
                self._open.append((self._anchored(event, is_list=True), []))
            case events.MappingEndEvent() | events.SequenceEndEvent():
                self._close(event)

    def _anchored(self, event: Any, **settings: Any) -> Node:
        flow = bool(getattr(event, "flow_style", False))
        decorated = event.anchor is not None or event.tag is not None
        node = _node(event, flow=flow, decorated=decorated, **settings)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _close(self, event: Any) -> None:
        node, parts = self._open.pop()
        if node.is_mapping:
            node.members.extend(zip(parts[::2], parts[1::2], strict=True))
        else:
            node.members.extend((None, part) for part in parts)
        # A block ends for libyaml where the next token begins, behind comments and blank lines.
        node.end = event.end_mark.index if node.flow else parts[-1].end
        self._add(node)

    def _add(self, node: Node) -> None:
        if self._open:
            self._open[-1][1].append(node)
        else:
            self.root = node


def _node(event: Any, **settings: Any) -> Node:
    return Node(event.start_mark.index, event.end_mark.index, **settings)


def compose(part: Part) -> Node | None:
    """Return the tree of a document; None for what is no YAML (odd JSON)."""
    composer = _Composer()
    try:
        parser = CParser(part.text)
        while (event := parser.get_event()) is not None:
            composer.take(event)
    except yaml.YAMLError:
        return None
    return composer.root

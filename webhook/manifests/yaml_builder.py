"""Build JSON values from libyaml's events, as go-yaml v2 and sigs.k8s.io/yaml would, within bounds.

Source: go.yaml.in/yaml/v2 decode.go; sigs.k8s.io/yaml yaml.go.
"""

from typing import Any

from yaml import events

from webhook.manifests import scalars
from webhook.manifests.yaml_levels import FaultError, Level, List, Mapping, Top

# A pod template is about 20 levels deep, a CRD's schema about 60. Python's own limit is 1,000
# frames, and whoever walks an object by recursion takes up to three of them per level.
DEEPEST_LEVEL = 200

# 100,000 values take up to 0.2 s and 20 MB to copy, whereas a document that stands for as many has
# 200 bytes. As many are in the largest object that etcd takes (1.5 MiB).
MOST_COPIED_VALUES = 100_000

# All that YAML 1.1 defines; on other values than its own such a tag means nothing to go-yaml.
_TAGS = frozenset(
    f"{scalars.TAG_PREFIX}{name}"
    for name in (
        *("map", "seq", "set", "omap", "pairs"),
        *("str", "bool", "int", "float", "null", "timestamp", "binary", "merge", "value"),
    )
) | {"!"}
_CONTAINERS = (dict, list)
_MERGE_TAG = f"{scalars.TAG_PREFIX}merge"


class CustomTagError(FaultError):
    """A tag that only another program understands."""


class Copies:
    """Counts the values that aliases stand for, in all documents of a text together."""

    def __init__(self) -> None:
        self._made = 0

    def add(self, many: int) -> None:
        """Count some more; FaultError where these are too many."""
        self._made += many
        if self._made > MOST_COPIED_VALUES:
            raise FaultError(f"aliases stand for more than {MOST_COPIED_VALUES:,} values")


class Builder:
    """Takes the events of one document one after the other; then `value` is its value."""

    def __init__(self, copies: Copies) -> None:
        self._top = Top()
        self._levels: list[Level] = [self._top]
        self._anchors: dict[str, Any] = {}
        self._copies = copies
        self._begun = False
        self._takers = {
            events.DocumentStartEvent: self._document,
            events.ScalarEvent: self._scalar,
            events.AliasEvent: self._alias,
            events.MappingStartEvent: self._mapping,
            events.SequenceStartEvent: self._sequence,
            events.MappingEndEvent: self._end,
            events.SequenceEndEvent: self._end,
        }

    @property
    def value(self) -> Any:
        """What was built so far."""
        return self._top.value

    def take(self, event: events.Event) -> None:
        """Go one event further; FaultError where there is no going further."""
        taker = self._takers.get(type(event))
        if taker is not None:
            taker(event)

    def _document(self, _event: Any) -> None:
        if self._begun:
            raise FaultError("a second document without a line --- before it")
        self._begun = True

    def _scalar(self, event: Any) -> None:
        text, tag, is_plain = event.value, event.tag, event.implicit[0]
        if tag is None:
            value = scalars.plain(text) if is_plain else text
        else:
            _check_tag(tag)
            try:
                value = scalars.tagged(tag, text)
            except ValueError as error:
                raise FaultError(str(error)) from None
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        merges = text == "<<" and (is_plain or tag == _MERGE_TAG)
        self._levels[-1].add(value, merges=merges)

    def _mapping(self, event: Any) -> None:
        self._open(event, Mapping({}, event.anchor, event.start_mark))

    def _sequence(self, event: Any) -> None:
        self._open(event, List([], event.anchor, event.start_mark))

    def _open(self, event: Any, level: Level) -> None:
        if event.tag is not None:
            _check_tag(event.tag)
        _check_depth(len(self._levels))
        self._levels.append(level)
        if level.anchor is not None:
            self._anchors[level.anchor] = level  # until it ends: an alias to it would never end

    def _end(self, _event: Any) -> None:
        level = self._levels.pop()
        if level.anchor is not None and self._anchors[level.anchor] is level:
            self._anchors[level.anchor] = level.value
        try:
            self._levels[-1].add(level.value)
        except FaultError as error:
            raise FaultError(str(error), level.mark) from None

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise FaultError(
                f"found the alias *{event.anchor}, and no anchor of that name before it"
            )
        value = self._anchors[event.anchor]
        if isinstance(value, Mapping | List):
            raise FaultError(f"the value of the anchor &{event.anchor} contains itself")
        self._copies.add(1)
        self._levels[-1].add(self._copied(value, len(self._levels)))

    def _copied(self, value: Any, depth: int) -> Any:
        """Copy, so that a patch of one place does not show in another."""
        if type(value) not in _CONTAINERS:
            return value
        _check_depth(depth)
        self._copies.add(len(value))
        if type(value) is dict:
            return {name: self._copied(member, depth + 1) for name, member in value.items()}
        return [
            self._copied(member, depth + 1) if type(member) in _CONTAINERS else member
            for member in value
        ]


def _check_depth(depth: int) -> None:
    if depth > DEEPEST_LEVEL:
        raise FaultError(f"nested deeper than {DEEPEST_LEVEL} levels")


def _check_tag(tag: str) -> None:
    if tag not in _TAGS:
        name = tag.replace(scalars.TAG_PREFIX, "!!", 1)
        raise CustomTagError(f"found the tag {name}, which only another program understands")

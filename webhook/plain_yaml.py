"""YAML that people configure with, refused where it would exhaust whoever reads it.

Manifests have a reader of their own (`webhook.manifests`), which agrees with kubectl's.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import yaml

# A configuration is about 10 levels deep. PyYAML's composer recurses: in Python up to its limit,
# in C until the process ends.
DEEPEST_LEVEL: Final = 64

# A ConfigMap holds 1 MiB, of which hardly a tenth are values. Aliases are shared when they are
# read, and written out in full where somebody lists what is wrong.
MOST_VALUES: Final = 100_000


class OddYamlError(yaml.YAMLError):
    """What is YAML, and cannot be meant."""


def load(text: str) -> Any:
    """Return the value of one document; raises `YAMLError` for whatever cannot be had of it.

    By libyaml: PyYAML's own scanner takes a second for 200 brackets that are not closed.
    """
    _count(text)
    try:
        return yaml.load(text, yaml.CSafeLoader)
    except (ValueError, LookupError, AttributeError, OverflowError) as error:
        # The 13th month, `!!bool maybe`: PyYAML takes them as they come.
        raise OddYamlError(f"a value that cannot be: {error}") from error


@dataclass(slots=True)
class _Open:
    """A collection that is not at its end."""

    anchor: str | None
    values: int


def _count(text: str) -> None:
    """Refuse what is too deep, or too much once its aliases are written out.

    libyaml's parser keeps what is open on the heap; a fault that it finds the loader finds again.
    """
    open_ones, sizes = [_Open(None, 0)], dict[str | None, int]()
    for event in _events(text):
        if isinstance(event, yaml.CollectionStartEvent):
            open_ones.append(_Open(event.anchor, 0))
            size = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = open_ones.pop()
            sizes[ended.anchor] = size = ended.values
        elif isinstance(event, yaml.AliasEvent):
            size = _size(event.anchor, open_ones, sizes)
        else:
            sizes[getattr(event, "anchor", None)] = size = 1
        open_ones[-1].values += size
        if open_ones[-1].values > MOST_VALUES:
            raise OddYamlError(f"it stands for more than {MOST_VALUES:,} values")
        if len(open_ones) > DEEPEST_LEVEL:
            raise OddYamlError(f"nested deeper than {DEEPEST_LEVEL} levels")


def _size(alias: str | None, open_ones: list[_Open], sizes: dict[str | None, int]) -> int:
    if any(one.anchor == alias for one in open_ones):
        raise OddYamlError(f"the value of the anchor &{alias} contains itself")
    return sizes.get(alias, 1)


def _events(text: str) -> Iterator[Any]:
    with suppress(yaml.YAMLError):
        yield from yaml.parse(text, yaml.CSafeLoader)

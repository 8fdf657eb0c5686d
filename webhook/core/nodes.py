"""Nodes as the scheduler sees them empty: what they can give, their labels, their taints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from webhook.core import quantity
from webhook.core.fields import Raw, mapping, members, strings, text
from webhook.core.objects import reference


class Taint(NamedTuple):
    """A taint of a node."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        """The taint as kubectl writes it: `key=value:effect`."""
        return (
            f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"
        )


@dataclass(frozen=True, slots=True)
class NodeShape:
    """What one node of a pool can give to pods (allocatable, in nanos), and whom it lets in."""

    name: str
    allocatable: Mapping[str, int]
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()


def read_taints(listed: Raw, name: str) -> tuple[Taint, ...]:
    """Read the taints in a list `name` of an object."""
    return tuple(
        Taint(text(taint, "key"), text(taint, "value"), text(taint, "effect"))
        for _, taint in members(listed, name)
    )


def read_node(node: Raw) -> NodeShape:
    """Read a Node; what it cannot be read to give (`status.allocatable`) it does not give."""
    spec = mapping(node, "spec")
    amounts = {
        name: quantity.parse(value)
        for name, value in mapping(node, "status", "allocatable").items()
    }
    return NodeShape(
        reference(node).name or "",
        {name: nanos for name, nanos in amounts.items() if nanos is not None},
        strings(node, "metadata", "labels"),
        read_taints(spec, "taints"),
    )

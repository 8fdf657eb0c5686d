"""The largest nodes: what is kept of thousands that differ in little but their names."""

from typing import NamedTuple

from webhook.core.nodes import NodeShape, Taint, pool_labels
from webhook.core.pod import COMPUTE_RESOURCES


class _Pool(NamedTuple):
    """What nodes have in common that let the same pods in."""

    labels: frozenset[tuple[str, str]]
    taints: tuple[Taint, ...]
    devices: frozenset[str]


class Pools:
    """Nodes by whom they let in: labels and taints are kept once, of a node only what it gives.

    Some hundred bytes a node. One thread writes, many read: each looks at what was there a moment
    ago.
    """

    def __init__(self) -> None:
        self._members: dict[_Pool, dict[str, NodeShape]] = {}
        self._of: dict[str, _Pool] = {}
        self._largest: tuple[NodeShape, ...] | None = ()

    def copy(self) -> "Pools":
        """Return the same nodes, to be changed by themselves."""
        other = Pools()
        other._members = {pool: dict(members) for pool, members in self._members.items()}
        other._of, other._largest = dict(self._of), self._largest
        return other

    def put(self, shape: NodeShape) -> None:
        """Hold a node as it is now."""
        devices = (name for name, nanos in shape.allocatable.items() if "/" in name and nanos > 0)
        pool = _Pool(pool_labels(shape), shape.taints, frozenset(devices))
        given = {
            name: nanos
            for name, nanos in shape.allocatable.items()
            if name in COMPUTE_RESOURCES or name in pool.devices
        }
        slim = NodeShape(shape.name, given)
        if self._of.get(shape.name) == pool and self._members[pool].get(shape.name) == slim:
            return
        self.remove(shape.name)
        self._of[shape.name] = pool
        self._members.setdefault(pool, {})[shape.name] = slim
        self._largest = None

    def remove(self, name: str) -> None:
        """Forget a node."""
        pool = self._of.pop(name, None)
        if pool is None:
            return
        left = self._members[pool]
        del left[name]
        if not left:
            del self._members[pool]
        self._largest = None

    def largest(self) -> tuple[NodeShape, ...]:
        """The nodes of each pool that give the most cpu and the most memory: real ones."""
        largest = self._largest
        if largest is None:
            largest = self._largest = tuple(
                NodeShape(shape.name, shape.allocatable, dict(pool.labels), pool.taints)
                for pool, members in tuple(self._members.items())
                for shape in _extremes(tuple(members.values()))
            )
        return largest


def _extremes(shapes: tuple[NodeShape, ...]) -> list[NodeShape]:
    """Take those that give the most; one that does not say how much may give anything."""
    unsaid = float("inf")
    found = [
        max(shapes, key=lambda one: one.allocatable.get(resource, unsaid))
        for resource in COMPUTE_RESOURCES
        if shapes
    ]
    return list({shape.name: shape for shape in found}.values())

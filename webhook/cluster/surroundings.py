"""What is kept of what pods meet in a cluster: namespaces and what is in them, nodes."""

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Generic, TypeVar

from webhook.core.bounds import UNBOUNDED, Bounds, of_limit_range
from webhook.core.disruption import Budget, read_budget
from webhook.core.fields import Raw
from webhook.core.frozen import frozen
from webhook.core.namespace import Namespace, read_namespace, unknown_namespace
from webhook.core.nodes import NodeShape, Shares, distinct, read_node, smallest_shares
from webhook.core.objects import DEFAULT_NAMESPACE, reference
from webhook.core.pools import Pools
from webhook.core.quota import Quota, read_quota
from webhook.core.services import Service, read_service

NamespaceRecord = tuple[str, Namespace]


class Namespaces:
    """What is read of each namespace."""

    def __init__(self) -> None:
        self._known: dict[str, Namespace] = {}

    def read(self, raw: Raw) -> NamespaceRecord:
        """Read a namespace."""
        return reference(raw).name or "", read_namespace(raw)

    def replace(self, records: Sequence[NamespaceRecord], _version: int = 0) -> None:
        """Hold these and nothing else."""
        self._known = dict(records)

    def put(self, record: NamespaceRecord) -> None:
        """Hold a namespace as it is now."""
        self._known[record[0]] = record[1]

    def remove(self, record: NamespaceRecord) -> None:
        """Forget a namespace."""
        self._known.pop(record[0], None)

    def __len__(self) -> int:
        """How many namespaces there are."""
        return len(self._known)

    def named(self, name: str) -> Namespace:
        """A namespace; an empty one where it is not known (yet)."""
        return self._known.get(name) or unknown_namespace(name)


LimitRangeRecord = tuple[str, str, Bounds]


class LimitRanges:
    """What the LimitRanges of each namespace say together."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Bounds] = {}
        self._joined: dict[str, Bounds] = {}

    def read(self, raw: Raw) -> LimitRangeRecord:
        """Read a LimitRange."""
        ref = reference(raw)
        return ref.namespace or DEFAULT_NAMESPACE, ref.name or "", of_limit_range(raw)

    def replace(self, records: Sequence[LimitRangeRecord], _version: int = 0) -> None:
        """Hold these and nothing else."""
        self._known = {(namespace, name): bounds for namespace, name, bounds in records}
        joined: dict[str, Bounds] = {}
        for (namespace, _), bounds in self._known.items():
            joined[namespace] = joined.get(namespace, UNBOUNDED).joined(bounds)
        self._joined = joined

    def put(self, record: LimitRangeRecord) -> None:
        """Hold a LimitRange as it is now."""
        namespace, name, bounds = record
        self._known[namespace, name] = bounds
        self._join(namespace)

    def remove(self, record: LimitRangeRecord) -> None:
        """Forget a LimitRange."""
        self._known.pop(record[:2], None)
        self._join(record[0])

    def __len__(self) -> int:
        """How many LimitRanges there are."""
        return len(self._known)

    def bounds(self, namespace: str) -> Bounds:
        """What all LimitRanges of a namespace say together."""
        return self._joined.get(namespace, UNBOUNDED)

    def _join(self, namespace: str) -> None:
        together = UNBOUNDED
        for (of, _), bounds in self._known.items():
            if of == namespace:
                together = together.joined(bounds)
        self._joined[namespace] = together


Kept = TypeVar("Kept")
NamedRecord = tuple[str, str, Kept]


class InNamespaces(Generic[Kept]):
    """The objects of one kind in each namespace."""

    def __init__(self, read: Callable[[Raw], Kept]) -> None:
        self._read = read
        self._known: dict[str, dict[str, Kept]] = {}

    def read(self, raw: Raw) -> NamedRecord[Kept]:
        """Read an object."""
        ref = reference(raw)
        return ref.namespace or DEFAULT_NAMESPACE, ref.name or "", self._read(raw)

    def replace(self, records: Sequence[NamedRecord[Kept]], _version: int = 0) -> None:
        """Hold these and nothing else."""
        known: dict[str, dict[str, Kept]] = {}
        for namespace, name, one in records:
            known.setdefault(namespace, {})[name] = one
        self._known = known

    def put(self, record: NamedRecord[Kept]) -> None:
        """Hold an object as it is now: readers have the mapping of a namespace as it was."""
        namespace, name, one = record
        self._known[namespace] = {**self._known.get(namespace, {}), name: one}

    def remove(self, record: NamedRecord[Kept]) -> None:
        """Forget an object."""
        namespace, name, _ = record
        left = {**self._known.get(namespace, {})}
        left.pop(name, None)
        if left:
            self._known[namespace] = left
        else:
            self._known.pop(namespace, None)

    def __len__(self) -> int:
        """How many there are."""
        return sum(len(named) for named in tuple(self._known.values()))

    def of(self, namespace: str) -> tuple[Kept, ...]:
        """Those of a namespace."""
        return tuple(self._known.get(namespace, {}).values())


class Nodes:
    """What nodes with devices give, alike ones once; of all nodes the largest of each pool."""

    def __init__(self) -> None:
        self._known: dict[str, NodeShape] = {}
        self._pools = Pools()
        self._shapes: tuple[NodeShape, ...] | None = ()
        self._shares: Shares | None = {}

    def read(self, raw: Raw) -> NodeShape:
        """Read a node."""
        return read_node(raw)

    def replace(self, records: Sequence[NodeShape], _version: int = 0) -> None:
        """Hold these and nothing else."""
        pools = Pools()
        for shape in records:
            pools.put(shape)
        self._pools = pools
        self._known = {shape.name: shape for shape in records if shape.has_devices}
        self._shape()

    def put(self, record: NodeShape) -> None:
        """Hold a node as it is now: most of its updates change nothing that is kept."""
        self._pools.put(record)
        before = self._known.pop(record.name, None)
        shape = record if record.has_devices else None
        if shape is not None:
            self._known[record.name] = shape
        if shape != before:
            self._shape()

    def remove(self, record: NodeShape) -> None:
        """Forget a node."""
        self._pools.remove(record.name)
        if self._known.pop(record.name, None) is not None:
            self._shape()

    def __len__(self) -> int:
        """How many nodes with devices there are."""
        return len(self._known)

    def shapes(self) -> tuple[NodeShape, ...]:
        """The different nodes; the first of those that are alike stands for all of them."""
        shapes = self._shapes
        if shapes is None:
            shapes = self._shapes = distinct(tuple(self._known.values()))
        return shapes

    def shares(self) -> Shares:
        """What they give per device."""
        shares = self._shares
        if shares is None:
            shares = self._shares = smallest_shares(tuple(self._known.values()))
        return shares

    def largest(self) -> tuple[NodeShape, ...]:
        """The largest node of each pool."""
        return self._pools.largest()

    def _shape(self) -> None:
        """Work out anew what is next asked for: nodes change more often than anybody asks."""
        self._shapes = self._shares = None


@frozen
class Surroundings:
    """What pods meet in a cluster beside autoscalers."""

    namespaces: Namespaces = field(default_factory=Namespaces)
    limit_ranges: LimitRanges = field(default_factory=LimitRanges)
    nodes: Nodes = field(default_factory=Nodes)
    quotas: InNamespaces[Quota] = field(default_factory=lambda: InNamespaces(read_quota))
    budgets: InNamespaces[Budget] = field(default_factory=lambda: InNamespaces(read_budget))
    services: InNamespaces[Service] = field(default_factory=lambda: InNamespaces(read_service))

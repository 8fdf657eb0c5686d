"""What is kept of what pods meet in a cluster: namespaces and what is in them, nodes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from webhook.core.bounds import UNBOUNDED, Bounds, of_limit_range
from webhook.core.fields import Raw
from webhook.core.namespace import Namespace, read_namespace, unknown_namespace
from webhook.core.nodes import NodeShape, Shares, distinct, read_node, smallest_shares
from webhook.core.objects import DEFAULT_NAMESPACE, reference
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

    def replace(self, records: Sequence[NamespaceRecord]) -> None:
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

    def replace(self, records: Sequence[LimitRangeRecord]) -> None:
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
    """What is read of the objects of one kind, by their namespace."""

    def __init__(self, read: Callable[[Raw], Kept]) -> None:
        self._read = read
        self._known: dict[str, dict[str, Kept]] = {}

    def read(self, raw: Raw) -> NamedRecord[Kept]:
        """Read an object."""
        ref = reference(raw)
        return ref.namespace or DEFAULT_NAMESPACE, ref.name or "", self._read(raw)

    def replace(self, records: Sequence[NamedRecord[Kept]]) -> None:
        """Hold these and nothing else."""
        known: dict[str, dict[str, Kept]] = {}
        for namespace, name, kept in records:
            known.setdefault(namespace, {})[name] = kept
        self._known = known

    def put(self, record: NamedRecord[Kept]) -> None:
        """Hold an object as it is now: readers have the mapping of a namespace as it was."""
        namespace, name, kept = record
        self._known[namespace] = {**self._known.get(namespace, {}), name: kept}

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
        """How many objects there are."""
        return sum(len(kept) for kept in tuple(self._known.values()))

    def of(self, namespace: str) -> tuple[Kept, ...]:
        """Those of a namespace."""
        return tuple(self._known.get(namespace, {}).values())


NodeRecord = tuple[str, NodeShape | None]


class Nodes:
    """What nodes with devices give, alike ones once."""

    def __init__(self) -> None:
        self._known: dict[str, NodeShape] = {}
        self._shapes: tuple[NodeShape, ...] | None = ()
        self._shares: Shares | None = {}

    def read(self, raw: Raw) -> NodeRecord:
        """Read a node; those without any device are told by nothing but their name."""
        shape = read_node(raw)
        return shape.name, shape if shape.has_devices else None

    def replace(self, records: Sequence[NodeRecord]) -> None:
        """Hold these and nothing else."""
        self._known = {name: shape for name, shape in records if shape is not None}
        self._shape()

    def put(self, record: NodeRecord) -> None:
        """Hold a node as it is now: most of its updates change nothing that is kept."""
        name, shape = record
        before = self._known.pop(name, None)
        if shape is not None:
            self._known[name] = shape
        if shape != before:
            self._shape()

    def remove(self, record: NodeRecord) -> None:
        """Forget a node."""
        if self._known.pop(record[0], None) is not None:
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

    def _shape(self) -> None:
        """Work out anew what is next asked for: nodes change more often than anybody asks."""
        self._shapes = self._shares = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What pods meet in a cluster beside autoscalers."""

    namespaces: Namespaces = field(default_factory=Namespaces)
    limit_ranges: LimitRanges = field(default_factory=LimitRanges)
    nodes: Nodes = field(default_factory=Nodes)
    quotas: InNamespaces[Quota] = field(default_factory=lambda: InNamespaces(read_quota))
    services: InNamespaces[Service] = field(default_factory=lambda: InNamespaces(read_service))

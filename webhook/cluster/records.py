"""What is kept of watched objects: small records, in tuples that are replaced as a whole.

One thread writes each store, many read it. A reader looks a key up once and gets a tuple that never
changes; so it takes no lock.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.bounds import UNBOUNDED, Bounds, of_limit_range
from webhook.core.fields import Raw
from webhook.core.namespace import UNKNOWN_NAMESPACE, Namespace, read_namespace
from webhook.core.nodes import NodeShape, Shares, distinct, read_node, smallest_shares
from webhook.core.objects import DEFAULT_NAMESPACE, ObjectRef, reference
from webhook.core.quota import Quota, read_quota
from webhook.core.world import Autoscaler

Record = TypeVar("Record")
Kept = TypeVar("Kept", bound=Autoscaler)

Identity = tuple[str | None, str | None]
"""Namespace and name: a store holds one kind."""


class Store(Protocol[Record]):
    """Where the objects of one resource are kept."""

    def read(self, raw: Raw) -> Record:
        """Make the record of an object; the object is dropped after that."""
        ...

    def replace(self, records: Sequence[Record]) -> None:
        """Hold these and nothing else."""
        ...

    def put(self, record: Record) -> None:
        """Hold a record in the place of any other of the same object."""
        ...

    def remove(self, record: Record) -> None:
        """Hold nothing of the object any more."""
        ...

    def __len__(self) -> int:
        """How many objects are held."""
        ...


class Autoscalers(Generic[Kept]):
    """Autoscalers of one kind, by the workload that they act on."""

    def __init__(self, read: Callable[[Raw], Kept], records: Iterable[Kept] = ()) -> None:
        self.read = read
        self._records: dict[Identity, Kept] = {}
        self._on: dict[WorkloadKey, tuple[Kept, ...]] = {}
        self.replace(tuple(records))

    def on(self, key: WorkloadKey) -> tuple[Kept, ...]:
        """Those that act on a workload."""
        return self._on.get(key, ())

    def targets(self, namespace: str) -> list[WorkloadKey]:
        """The workloads of a namespace that any of them acts on."""
        return [key for key in tuple(self._on) if key.namespace == namespace]

    def replace(self, records: Sequence[Kept]) -> None:
        """Hold these and nothing else."""
        on: dict[WorkloadKey, tuple[Kept, ...]] = {}
        for record in records:
            if record.target is not None:
                on[record.target] = (*on.get(record.target, ()), record)
        self._records = {_identity(record.ref): record for record in records}
        self._on = on

    def put(self, record: Kept) -> None:
        """Hold a record in the place of any other of the same object.

        A change of target adds before it takes away: in between both are seen, never none.
        """
        identity = _identity(record.ref)
        before = self._records.get(identity)
        self._records[identity] = record
        if record.target is not None:
            others = self._others(record.target, identity)
            self._on[record.target] = (*others, record)
        if before is not None and before.target != record.target:
            self._leave(before)

    def remove(self, record: Kept) -> None:
        """Hold nothing of the object any more."""
        before = self._records.pop(_identity(record.ref), None)
        if before is not None:
            self._leave(before)

    def __len__(self) -> int:
        """How many objects are held."""
        return len(self._records)

    def _leave(self, record: Kept) -> None:
        if record.target is None:
            return
        others = self._others(record.target, _identity(record.ref))
        if others:
            self._on[record.target] = others
        else:
            self._on.pop(record.target, None)

    def _others(self, key: WorkloadKey, identity: Identity) -> tuple[Kept, ...]:
        return tuple(one for one in self._on.get(key, ()) if _identity(one.ref) != identity)


def _identity(ref: ObjectRef) -> Identity:
    return ref.namespace, ref.name


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
        return self._known.get(name, UNKNOWN_NAMESPACE)


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


QuotaRecord = tuple[str, str, Quota]


class Quotas:
    """The ResourceQuotas of each namespace."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Quota]] = {}

    def read(self, raw: Raw) -> QuotaRecord:
        """Read a ResourceQuota."""
        ref = reference(raw)
        return ref.namespace or DEFAULT_NAMESPACE, ref.name or "", read_quota(raw)

    def replace(self, records: Sequence[QuotaRecord]) -> None:
        """Hold these and nothing else."""
        known: dict[str, dict[str, Quota]] = {}
        for namespace, name, quota in records:
            known.setdefault(namespace, {})[name] = quota
        self._known = known

    def put(self, record: QuotaRecord) -> None:
        """Hold a quota as it is now: readers have the mapping of a namespace as it was."""
        namespace, name, quota = record
        self._known[namespace] = {**self._known.get(namespace, {}), name: quota}

    def remove(self, record: QuotaRecord) -> None:
        """Forget a quota."""
        namespace, name, _ = record
        left = {**self._known.get(namespace, {})}
        left.pop(name, None)
        if left:
            self._known[namespace] = left
        else:
            self._known.pop(namespace, None)

    def __len__(self) -> int:
        """How many quotas there are."""
        return sum(len(quotas) for quotas in tuple(self._known.values()))

    def of(self, namespace: str) -> tuple[Quota, ...]:
        """The quotas of a namespace."""
        return tuple(self._known.get(namespace, {}).values())


NodeRecord = tuple[str, NodeShape | None]


class Nodes:
    """What nodes with devices give, alike ones once."""

    def __init__(self) -> None:
        self._known: dict[str, NodeShape] = {}
        self._shapes: tuple[NodeShape, ...] = ()
        self._shares: Shares = {}

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
        return self._shapes

    def shares(self) -> Shares:
        """What they give per device."""
        return self._shares

    def _shape(self) -> None:
        self._shapes = distinct(self._known.values())
        self._shares = smallest_shares(self._shapes)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What pods meet in a cluster beside autoscalers."""

    namespaces: Namespaces = field(default_factory=Namespaces)
    limit_ranges: LimitRanges = field(default_factory=LimitRanges)
    nodes: Nodes = field(default_factory=Nodes)
    quotas: Quotas = field(default_factory=Quotas)

"""Stores that tell which workloads a change may matter to.

They tell of what is different, not of what was written: most events only change a status.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from webhook.cluster.records import BroughtRecord, Held, Store
from webhook.controller.notes import NotedRecord
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa
from webhook.core.fields import Raw, mapping
from webhook.core.frozen import frozen
from webhook.core.nodes import NodeShape
from webhook.core.objects import is_labelled
from webhook.core.vpa_plan.steps import kept_of

Record = TypeVar("Record")
Identity = tuple[str | None, str | None]

Tell = Callable[[Iterable[WorkloadKey]], None]


class Noticing(Generic[Record]):
    """A store of another, which says what changes."""

    def __init__(
        self,
        store: Store[Record],
        identity: Callable[[Record], object],
        keys: Callable[[Record], Iterable[WorkloadKey]],
        tell: Tell,
        content: Callable[[Record], object] | None = None,
    ) -> None:
        """`keys` are the workloads that a record is about, `content` what of it matters."""
        self._content = _content if content is None else content
        self._store = store
        self._identity = identity
        self._keys = keys
        self._tell = tell
        self._known: dict[object, Record] = {}
        self.read = store.read

    def replace(self, records: Sequence[Record], version: int) -> None:
        """Hold these and nothing else; tell what those are about that came, went or differ."""
        self._store.replace(records, version)
        before, self._known = self._known, {self._identity(record): record for record in records}
        differing = [
            record
            for name in before.keys() | self._known.keys()
            for record in self._differing(before.get(name), self._known.get(name))
        ]
        self._tell([key for record in differing for key in self._keys(record)])

    def put(self, record: Record) -> None:
        """Hold a record; tell what it and the one before it are about, where they differ."""
        name = self._identity(record)
        before = self._known.get(name)
        self._store.put(record)
        self._known[name] = record
        differing = self._differing(before, record)
        if differing:
            self._tell([key for one in differing for key in self._keys(one)])

    def remove(self, record: Record) -> None:
        """Forget a record."""
        before = self._known.pop(self._identity(record), record)
        self._store.remove(record)
        self._tell([*self._keys(before), *self._keys(record)])

    def __len__(self) -> int:
        """How many objects are held."""
        return len(self._store)

    def _differing(self, before: Record | None, after: Record | None) -> list[Record]:
        """Both versions of a record, where they differ: it may have named another before."""
        if before is not None and after is not None:
            if self._content(before) == self._content(after):
                return []
            return [before, after]
        return [one for one in (before, after) if one is not None]


def _content(record: Any) -> object:
    """What of a record matters: of watched autoscalers not in which version it stands there."""
    if isinstance(record, NotedRecord):
        return _content(record.record), record.noted
    if isinstance(record, VpaRecord):
        return record.held.record, record.raw
    return record.record if isinstance(record, Held) else record


@frozen
class VpaRecord:
    """A VPA as rules see it, and as it is written where it carries our label."""

    held: Held[Vpa]
    raw: Raw | None


class ManagedVpas:
    """VPAs as rules see them, and those that carry our label as they are written."""

    def __init__(self, store: Store[Held[Vpa]]) -> None:
        self._store = store
        self._raws: dict[Identity, Raw] = {}

    def read(self, raw: Raw) -> VpaRecord:
        """Read a VPA."""
        return VpaRecord(self._store.read(raw), kept_of(raw) if is_labelled(raw) else None)

    def replace(self, records: Sequence[VpaRecord], version: int) -> None:
        """Hold these and nothing else."""
        self._store.replace([record.held for record in records], version)
        self._raws = {one.held.identity: one.raw for one in records if one.raw is not None}

    def put(self, record: VpaRecord) -> None:
        """Hold a VPA as it is now."""
        self._store.put(record.held)
        if record.raw is not None:
            self._raws[record.held.identity] = record.raw
        else:
            self._raws.pop(record.held.identity, None)

    def remove(self, record: VpaRecord) -> None:
        """Forget a VPA."""
        self._store.remove(record.held)
        self._raws.pop(record.held.identity, None)

    def __len__(self) -> int:
        """How many VPAs there are."""
        return len(self._store)

    def raw(self, vpa: Vpa) -> Raw | None:
        """A VPA that carries our label, as it is written."""
        return self._raws.get((vpa.ref.namespace, vpa.ref.name))

    def modes(self) -> Mapping[str, int]:
        """How many of them there are by mode."""
        counted: dict[str, int] = {}
        for raw in tuple(self._raws.values()):
            mode = str(mapping(raw, "spec", "updatePolicy").get("updateMode", ""))
            counted[mode] = counted.get(mode, 0) + 1
        return counted


def of_held(record: Held[Any]) -> tuple[WorkloadKey, ...]:
    """The workload that an autoscaler acts on."""
    return (record.record.target,) if record.record.target is not None else ()


def of_vpa(record: VpaRecord) -> tuple[WorkloadKey, ...]:
    """The workload that a VPA acts on."""
    return of_held(record.held)


def of_brought(record: BroughtRecord) -> tuple[WorkloadKey, ...]:
    """The workloads that an InferenceService's scalers act on."""
    return tuple(scaler.target for scaler in record[1] if scaler.target is not None)


class NodesSeen:
    """The nodes, and who is told whenever one changes."""

    def __init__(self, store: Store[NodeShape], seen: Callable[[], None]) -> None:
        self._store = store
        self._seen = seen
        self.read = store.read

    def replace(self, records: Sequence[NodeShape], version: int) -> None:
        """Hold these and nothing else."""
        self._store.replace(records, version)
        self._seen()

    def put(self, record: NodeShape) -> None:
        """Hold a node as it is now."""
        self._store.put(record)
        self._seen()

    def remove(self, record: NodeShape) -> None:
        """Forget a node."""
        self._store.remove(record)

    def __len__(self) -> int:
        """How many are held."""
        return len(self._store)

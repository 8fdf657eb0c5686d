"""What is kept of watched objects: small records, in tuples that are replaced as a whole.

One thread writes each store, many read it. A reader looks a key up once and gets a tuple that never
changes; so it takes no lock.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.fields import Raw
from webhook.core.objects import ObjectRef
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

"""What is kept of watched objects: small records, in tuples that are replaced as a whole.

One thread writes each store, many read it. A reader looks a key up once and gets a tuple that never
changes; so it takes no lock.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from webhook.cluster.targets import Targets
from webhook.core.autoscalers.inference_service import read_inference_service
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.entry import version_of
from webhook.core.fields import Raw
from webhook.core.frozen import frozen
from webhook.core.objects import ObjectRef, reference, uid_of
from webhook.core.world import Autoscaler

Record = TypeVar("Record")
Kept = TypeVar("Kept", bound=Autoscaler)

Identity = tuple[str | None, str | None]
"""Namespace and name: a store holds one kind."""

# What is remembered of objects that are gone: for a minute, requests in flight are compared with
# it. Some 200 bytes each, and deleting a hundred a second for a minute fits.
_MOST_GONE = 8192


class Store(Protocol[Record]):
    """Where the objects of one resource are kept."""

    def read(self, raw: Raw) -> Record:
        """Make the record of an object; the object is dropped after that."""
        ...

    def replace(self, records: Sequence[Record], version: int) -> None:
        """Hold these and nothing else, as it was at a version of the cluster."""
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


@frozen
class Held(Generic[Kept]):
    """A record, and of which version of which object it is."""

    record: Kept
    uid: str | None
    version: int

    @property
    def identity(self) -> Identity:
        """Namespace and name."""
        return identity(self.record.ref)


class Autoscalers(Generic[Kept]):
    """Autoscalers of one kind, by the workload that they act on."""

    def __init__(self, read: Callable[[Raw], Kept], objects: Iterable[Raw] = ()) -> None:
        self._read = read
        self._held: dict[Identity, Held[Kept]] = {}
        self._on: dict[WorkloadKey, tuple[Kept, ...]] = {}
        self._targets = Targets()
        self._gone: dict[Identity | str, int] = {}
        self.replace([self.read(raw) for raw in objects], 0)

    def read(self, raw: Raw) -> Held[Kept]:
        """Make the record of an object."""
        return Held(self._read(raw), uid_of(raw), version_of(raw))

    def on(self, key: WorkloadKey) -> tuple[Kept, ...]:
        """Those that act on a workload."""
        return self._on.get(key, ())

    @property
    def targets(self) -> Targets:
        """The workloads that any of them acts on."""
        return self._targets

    def without_target(self) -> list[Kept]:
        """Those that name no workload."""
        held = tuple(self._held.values())
        return [one.record for one in held if one.record.target is None]

    def named(self, ref: ObjectRef) -> Held[Kept] | None:
        """What is held of one object."""
        return self._held.get(identity(ref))

    def seen_at(self, ref: ObjectRef, uid: str | None, after: int) -> int | None:
        """Say at which version an object has been seen to be later than one of its versions.

        Be it gone since. None where it has not been seen so. Without a uid its name stands for it.
        """
        held = self._held.get(identity(ref))
        if held is not None and held.version > after and uid in {None, held.uid}:
            return held.version
        gone = self._gone.get(identity(ref) if uid is None else uid, 0)
        return gone if gone > after else None

    def replace(self, records: Sequence[Held[Kept]], version: int) -> None:
        """Hold these and nothing else, as it was at a version of the cluster."""
        records = [self._unchanged(held) for held in records]
        found: dict[WorkloadKey, tuple[Kept, ...]] = {}
        for held in records:
            key = held.record.target
            if key is not None:
                found[key] = (*found.get(key, ()), held.record)
        before, now = self._held, {held.identity: held for held in records}
        # What is seen follows what is judged by, here and below: never the other way round.
        self._on, self._targets, self._held = found, Targets(found), now
        for one in before.values():
            same = now.get(one.identity)
            if same is None or same.uid != one.uid:
                self._forget(one, max(version, one.version))

    def put(self, record: Held[Kept]) -> None:
        """Hold a record in the place of any other of the same object.

        A change of target adds before it takes away: in between both are seen, never none.
        """
        before = self._held.get(record.identity)
        record = self._unchanged(record)
        key = record.record.target
        if key is not None and (before is None or before.record is not record.record):
            self._on[key] = (*self._others(key, record.identity), record.record)
            self._targets.add(key)
        if before is not None and before.record.target != key:
            self._leave(before)
        self._held[record.identity] = record

    def remove(self, record: Held[Kept]) -> None:
        """Hold nothing of the object any more."""
        before = self._held.get(record.identity)
        if before is not None:
            self._leave(before)
            del self._held[record.identity]
        self._forget(record, record.version)

    def __len__(self) -> int:
        """How many objects are held."""
        return len(self._held)

    def _unchanged(self, held: Held[Kept]) -> Held[Kept]:
        """Hold on to the record that is there where it says the same: most updates are of a status.

        New ones would be looked through by each full garbage collection, some hundred a second.
        """
        before = self._held.get(held.identity)
        if before is None or before.record != held.record:
            return held
        return Held(before.record, held.uid, held.version)

    def _forget(self, held: Held[Kept], version: int) -> None:
        for key in (held.identity, held.uid):
            if key is not None:
                self._gone.pop(key, None)
                self._gone[key] = version
        while len(self._gone) > _MOST_GONE:
            del self._gone[next(iter(self._gone))]

    def _leave(self, held: Held[Kept]) -> None:
        key = held.record.target
        if key is None:
            return
        others = self._others(key, held.identity)
        if others:
            self._on[key] = others
        else:
            self._on.pop(key, None)
            self._targets.remove(key)

    def _others(self, key: WorkloadKey, but: Identity) -> tuple[Kept, ...]:
        return tuple(one for one in self.on(key) if identity(one.ref) != but)


BroughtRecord = tuple[Identity, tuple[Scaler, ...]]


class Brought:
    """The scalers that InferenceServices bring along, by the workload that they act on."""

    def __init__(self) -> None:
        self._records: dict[Identity, tuple[Scaler, ...]] = {}
        self._on: dict[WorkloadKey, tuple[Scaler, ...]] = {}

    def read(self, raw: Raw) -> BroughtRecord:
        """Read an InferenceService."""
        return identity(reference(raw)), read_inference_service(raw)

    def on(self, key: WorkloadKey) -> tuple[Scaler, ...]:
        """Those that act on a workload."""
        return self._on.get(key, ())

    @property
    def targets(self) -> list[WorkloadKey]:
        """The workloads that any of them acts on."""
        return list(self._on)

    def replace(self, records: Sequence[BroughtRecord], _version: int) -> None:
        """Hold these and nothing else; they are in no ledger, so at which version is the same."""
        self._records = dict(records)
        self._index()

    def put(self, record: BroughtRecord) -> None:
        """Hold what an InferenceService brings now: most of its updates change only its status."""
        name, scalers = record
        if scalers != self._records.get(name):
            self._records[name] = scalers
            self._index()

    def remove(self, record: BroughtRecord) -> None:
        """Hold nothing of the object any more."""
        if self._records.pop(record[0], None):
            self._index()

    def __len__(self) -> int:
        """How many objects are held."""
        return len(self._records)

    def _index(self) -> None:
        on: dict[WorkloadKey, tuple[Scaler, ...]] = {}
        for scalers in self._records.values():
            for scaler in scalers:
                if scaler.target is not None:
                    on[scaler.target] = (*on.get(scaler.target, ()), scaler)
        self._on = on


def identity(ref: ObjectRef) -> Identity:
    """Tell an object from the others of its kind."""
    return ref.namespace, ref.name

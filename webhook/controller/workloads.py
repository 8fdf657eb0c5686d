"""The AI workloads of a cluster, one store for each kind; of all others who they are."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from webhook.core.autoscalers.target import WorkloadKey, named_target
from webhook.core.fields import Raw, mapping, members
from webhook.core.kinds import Kind, Kinds, templates
from webhook.core.objects import (
    DEFAULT_NAMESPACE,
    GroupKind,
    controller,
    reference,
    uid_of,
    without_bookkeeping,
)
from webhook.core.pod import claim_names
from webhook.core.workload import Workload, read_workload

# What nobody reads here, and what takes most of the memory.
_OF_CONTAINERS = ("env", "envFrom", "livenessProbe", "lifecycle")
_CONTAINERS = ("containers", "initContainers")


class WorkloadRecord(NamedTuple):
    """One workload of a kind."""

    key: WorkloadKey
    uid: str | None
    raw: Raw | None
    """None where none is planned for: it makes no AI pods, or its owner is planned for."""
    owner: WorkloadKey | None
    same_as: WorkloadKey | None
    seen: bytes | None = None
    """What the scan keeps of one that none is planned for, as JSON: a fifth of what objects take.

    None where rules have nothing to say of it: no autoscaler names it, and its pods go nowhere.
    """

    @property
    def is_related(self) -> bool:
        """Whether it is planned for, and has an owner or another name."""
        return self.raw is not None and (self.owner is not None or self.same_as is not None)


class Workloads:
    """The workloads of one kind."""

    def __init__(
        self,
        kind: Kind,
        kinds: Kinds,
        is_ai: Callable[[Raw], bool],
        is_seen: Callable[[WorkloadKey, Raw], bool] = lambda _key, _raw: False,
        lost: Callable[[WorkloadKey], None] = lambda _key: None,
    ) -> None:
        """`is_ai` tells of a workload whether it may make AI pods, in whichever namespace.

        `is_seen` tells whether the scan looks at one that makes none; `lost` is told of one that
        came in anew before anybody knew that it does.
        """
        self._kind = kind
        self._kinds = kinds
        self._is_ai = is_ai
        self._is_seen = is_seen
        self._lost = lost
        self._lock = threading.Lock()  # the watch writes, and the scan adds what it lacks
        self._held: dict[WorkloadKey, WorkloadRecord] = {}
        self._related: dict[WorkloadKey, WorkloadRecord] = {}

    def read(self, raw: Raw) -> WorkloadRecord:
        """Keep what a plan reads of a workload."""
        ref, owner = reference(raw), controller(raw)
        namespace = ref.namespace or DEFAULT_NAMESPACE
        above = None
        if owner is not None:
            above = WorkloadKey(namespace, owner.group, owner.kind, owner.name)
        same_as = named_target(namespace, mapping(raw, "spec", "workloadRef"))
        planned_above = owner is not None and self._kinds.scalable(owner.group, owner.kind)
        is_kept = same_as is not None or (not planned_above and self._is_ai(raw))
        key = WorkloadKey(namespace, *self._kind.group_kind, ref.name or "")
        return WorkloadRecord(
            key,
            uid_of(raw),
            slim(raw) if is_kept else None,
            above if is_kept else None,
            same_as,
            _packed(raw) if not is_kept and self._is_seen(key, raw) else None,
        )

    def replace(self, records: Sequence[WorkloadRecord], _version: int = 0) -> None:
        """Hold these and nothing else."""
        with self._lock:
            self._held = {record.key: record for record in records}
        self._related = {record.key: record for record in records if record.is_related}

    def put(self, record: WorkloadRecord) -> None:
        """Hold a workload as it is now."""
        with self._lock:
            before = self._held.get(record.key)
            self._held[record.key] = record
        if record.is_related:
            self._related[record.key] = record
        else:
            self._related.pop(record.key, None)
        if before is not None and before.seen is not None and record.seen is None:
            self._lost(record.key)

    def remove(self, record: WorkloadRecord) -> None:
        """Forget a workload."""
        with self._lock:
            self._held.pop(record.key, None)
        self._related.pop(record.key, None)

    def see(self, record: WorkloadRecord, raw: Raw | None) -> None:
        """Keep what the scan reads of a workload, or nothing; not where another came meanwhile."""
        with self._lock:
            if self._held.get(record.key) is record:
                self._held[record.key] = record._replace(seen=_packed(raw) if raw else None)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._held)

    def get(self, key: WorkloadKey) -> WorkloadRecord | None:
        """One workload."""
        return self._held.get(key)

    def kept(self) -> list[WorkloadRecord]:
        """Those that a VPA may be planned for."""
        return [record for record in tuple(self._held.values()) if record.raw is not None]

    def claiming(self) -> list[WorkloadKey]:
        """Those of them whose pods ask for devices by claims (DRA)."""
        return [
            record.key
            for record in self.kept()
            if record.raw is not None
            and any(
                next(claim_names(template.raw), None) is not None
                for template in templates(self._kind, record.raw)
            )
        ]

    def related(self) -> list[WorkloadRecord]:
        """Those of them that hang together with others: few, and asked for at each event."""
        return list(self._related.values())

    def workload(self, key: WorkloadKey) -> Workload | None:
        """One of them as autoscalers see it; None where nobody plans for it."""
        record = self._held.get(key)
        raw = record.raw if record is not None else None
        return read_workload(raw, self._kind) if raw is not None else None

    def seen(self) -> list[WorkloadKey]:
        """Those of which the scan keeps more than who they are, beside those planned for."""
        return [record.key for record in tuple(self._held.values()) if record.seen is not None]

    def read_workload(self, raw: Raw) -> Workload:
        """Read one of this kind as autoscalers see it."""
        return read_workload(raw, self._kind)


class AllWorkloads:
    """The workloads of all kinds, and how they hang together."""

    def __init__(self) -> None:
        self._stores: dict[GroupKind, Workloads] = {}

    def add(self, kind: GroupKind, store: Workloads) -> None:
        """Take a kind in; a copy is changed, since others read."""
        self._stores = {**self._stores, kind: store}

    @property
    def kinds(self) -> Mapping[GroupKind, Workloads]:
        """The stores by kind."""
        return self._stores

    def get(self, key: WorkloadKey) -> WorkloadRecord | None:
        """One workload."""
        store = self._stores.get(key.group_kind)
        return store.get(key) if store is not None else None

    def keys(self, namespace: str | None = None) -> list[WorkloadKey]:
        """Those that a VPA may be planned for, of a namespace or of all."""
        return [
            record.key
            for store in self._stores.values()
            for record in store.kept()
            if namespace is None or record.key.namespace == namespace
        ]

    def seen(self) -> list[WorkloadKey]:
        """Those of which the scan keeps more than who they are, beside those planned for."""
        return [key for store in self._stores.values() for key in store.seen()]

    def claiming(self) -> list[WorkloadKey]:
        """Those whose pods ask for devices by claims (DRA)."""
        return [key for store in self._stores.values() for key in store.claiming()]

    def owned(self, namespace: str) -> list[WorkloadKey]:
        """Those of a namespace that have an owner, which nobody plans for."""
        return [one.key for one in self._in(namespace) if one.owner is not None]

    def same_as(self, key: WorkloadKey) -> list[WorkloadKey]:
        """The other names of a workload: a Rollout and the Deployment that it refers to."""
        own = self.get(key)
        names = [own.same_as] if own is not None and own.same_as is not None else []
        return [*names, *(one.key for one in self._in(key.namespace) if one.same_as == key)]

    def _in(self, namespace: str) -> Iterable[WorkloadRecord]:
        for store in self._stores.values():
            for record in store.related():
                if record.key.namespace == namespace:
                    yield record


def unpacked(record: WorkloadRecord) -> Raw | None:
    """What is kept of a workload, whoever keeps it."""
    if record.seen is None:
        return record.raw
    raw: Raw = json.loads(record.seen)
    return raw


def _packed(raw: Raw) -> bytes:
    return json.dumps(slim(raw), separators=(",", ":"), sort_keys=True).encode()


def slim(raw: Raw) -> Raw:
    """Drop what no plan reads: bookkeeping, status, and the environment of containers.

    So a workload whose replicas come and go is the same from event to event.
    """
    kept = without_bookkeeping(raw)
    for name in ("resourceVersion", "generation"):
        kept["metadata"].pop(name, None)
    kept.pop("status", None)
    less: dict[str, Any] = _less(kept)
    return less


def _less(value: Any) -> Any:
    """Go through an object, and leave the environment and probes of containers out."""
    if isinstance(value, list):
        return [_less(member) for member in value]
    if not isinstance(value, dict):
        return value
    less = {name: _less(member) for name, member in value.items()}
    for name in _CONTAINERS:
        if isinstance(value.get(name), list):
            less[name] = [
                {key: each for key, each in one.items() if key not in _OF_CONTAINERS}
                for _, one in members(less, name)
            ]
    return less

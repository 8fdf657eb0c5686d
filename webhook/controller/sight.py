"""What the scan sees of a cluster: by watches, and one workload at a time where they lack it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from webhook.cluster.api import Api
from webhook.cluster.counterparts import Watched
from webhook.cluster.pages import members
from webhook.cluster.resources import Resource
from webhook.controller.notes import Notes
from webhook.controller.workloads import AllWorkloads, WorkloadRecord, slim, unpacked
from webhook.controller.world import WatchedWorld, around
from webhook.core.autoscalers.kinds import AUTOSCALERS
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa
from webhook.core.fields import Raw
from webhook.core.nodes import NodeShape
from webhook.core.objects import DEFAULT_NAMESPACE, GroupKind, ObjectRef
from webhook.core.scanned import Existing, Written
from webhook.core.services import Service
from webhook.core.workload import Workload
from webhook.core.world import Autoscaler

_READ_SECONDS = 5.0


class ScannedWorld(WatchedWorld):
    """Knows as well the workloads that no VPA is planned for, where an autoscaler names them.

    Who comes first does not hang on who was seen first: the same is told of the same cluster.
    """

    def look_up(self, key: WorkloadKey) -> Workload | None:
        """A workload: of the kinds that are watched as the watch knows it, read once."""
        if key not in self._known:
            self._known[key] = self._look_up(key)
        return self._known[key]

    def _look_up(self, key: WorkloadKey) -> Workload | None:
        store = self._workloads_there.kinds.get(key.group_kind)
        record = store.get(key) if store is not None else None
        raw = unpacked(record) if record is not None and record.raw is None else None
        if store is None or raw is None:
            return super().look_up(key)
        return store.read_workload(raw)

    def scalers_on(self, key: WorkloadKey) -> Sequence[Scaler]:
        """All scalers of replicas on a workload."""
        return sorted(super().scalers_on(key), key=_place)

    def vpas_on(self, key: WorkloadKey) -> Sequence[Vpa]:
        """All VPAs on a workload."""
        return sorted(super().vpas_on(key), key=_place)

    def services(self, namespace: str) -> Sequence[Service]:
        """The Services of a namespace."""
        return sorted(super().services(namespace), key=lambda one: str(one.ref))

    def node_shapes(self) -> Sequence[NodeShape]:
        """The nodes that are known now, or were there within the last hour."""
        return sorted(super().node_shapes(), key=lambda one: one.name)


def _place(one: Autoscaler) -> tuple[str, str]:
    return str(one.ref), (one.part or "") if isinstance(one, Scaler) else ""


class Sight:
    """Sees each workload that anything acts on, or that rules may have something to say of."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it works with
        self,
        api: Api,
        watched: Watched,
        workloads: AllWorkloads,
        notes: Mapping[GroupKind, Notes[Any]],
        find: Callable[[GroupKind], Resource | None],
        world: Callable[[], ScannedWorld],
        changed: Callable[[Sequence[WorkloadKey]], None],
    ) -> None:
        """`find` finds the resource of a kind; raises `ApiError`.

        `changed` is told of a workload of which more or less is known than before.
        """
        self._changed = changed
        self._api = api
        self._watched = watched
        self._workloads = workloads
        self._notes = notes
        self._find = find
        self.world = world

    def keys(self, namespace: str | None = None) -> list[WorkloadKey]:
        """Everything to look at, of a namespace or of all: each once, in a fixed order."""
        found = {
            *self._workloads.keys(),
            *self._workloads.seen(),
            *self._watched.all_targets(),
            *(own_key(one.ref) for one in self._watched.without_target()),
        }
        return sorted(key for key in found if namespace is None or key.namespace == namespace)

    def is_named(self, key: WorkloadKey) -> bool:
        """Whether anything acts on a workload."""
        return self._watched.is_target(key)

    def around(self, keys: Sequence[WorkloadKey]) -> list[WorkloadKey]:
        """The workloads whose standing a change at some may matter to, as owners tell."""
        world = self.world()
        found = dict.fromkeys(keys)
        for key in keys:
            if key.group_kind not in AUTOSCALERS:
                found |= dict.fromkeys((*around(key, self._workloads, world), *world.above(key)))
        return list(found)

    def existing(self, key: WorkloadKey) -> Existing:
        """What there is of a workload; raises `ApiError` where it has to be read and cannot be."""
        if key.group_kind in AUTOSCALERS:
            return Existing(None, self._written, self._alone(key))
        record = self._workloads.get(key)
        if record is None:
            return Existing(None, self._written)
        return Existing(self._raw(record), self._written)

    def _raw(self, record: WorkloadRecord) -> Raw | None:
        """A workload, read where an autoscaler names it since the watch told of it.

        What nobody names any more is dropped, and so is never more kept than autoscalers name.
        """
        raw, key = unpacked(record), record.key
        is_named = self.is_named(key)
        if raw is None and is_named:
            raw = self._read(key)
            if raw is not None:  # else it has gone, and the watch is about to tell
                self._see(record, raw)
        elif raw is not None and record.seen is not None and not self._is_seen(raw, key):
            raw = None
            self._see(record, raw)
        return raw

    def _is_seen(self, raw: Raw, key: WorkloadKey) -> bool:
        return self._workloads.kinds[key.group_kind].read(raw).seen is not None

    def _see(self, record: WorkloadRecord, raw: Raw | None) -> None:
        """Keep what is known of a workload by now, of which others may be told otherwise."""
        self._workloads.kinds[record.key.group_kind].see(record, raw)
        self._changed([record.key])

    def _read(self, key: WorkloadKey) -> Raw | None:
        """Read one workload, by the right to list that the watch has."""
        resource = self._find(key.group_kind)
        if resource is None:
            return None
        query = {"fieldSelector": f"metadata.name={key.name}"}
        found = members(self._api.get(resource.path(key.namespace), _READ_SECONDS, query))
        return slim(found[0]) if found else None

    def _written(self, ref: ObjectRef) -> Written:
        notes = self._notes.get(ref.group_kind)
        return notes.of((ref.namespace, ref.name)) if notes is not None else Written()

    def _alone(self, key: WorkloadKey) -> Autoscaler | None:
        held = self._watched.of_kind(key.group_kind).named(
            ObjectRef("", key.kind, key.namespace, key.name)
        )
        return held.record if held is not None and held.record.target is None else None


def own_key(ref: ObjectRef) -> WorkloadKey:
    """Name an autoscaler as workloads are named."""
    return WorkloadKey(ref.namespace or DEFAULT_NAMESPACE, *ref.group_kind, ref.name or "")

"""What the controller follows: a cluster's autoscalers, its surroundings and its AI workloads."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from webhook.cluster.api import Api
from webhook.cluster.counterparts import Watched
from webhook.cluster.discovery import Discovery
from webhook.cluster.errors import ApiError
from webhook.cluster.lookups import Lookups
from webhook.cluster.recorder import Recorder
from webhook.cluster.records import Held, Identity, Store
from webhook.cluster.resources import (
    BUILT_IN_VERSIONS,
    HPAS,
    INFERENCE_SERVICES,
    LIMIT_RANGES,
    NAMESPACES,
    NODES,
    POD_AUTOSCALERS,
    SCALED_OBJECTS,
    VPAS,
    Resource,
    targets,
)
from webhook.cluster.surroundings import Surroundings
from webhook.cluster.timing import Timing
from webhook.cluster.watch import Watch
from webhook.cluster.watches import Watches
from webhook.controller.noticing import (
    ManagedVpas,
    NodesSeen,
    Noticing,
    of_brought,
    of_held,
    of_vpa,
)
from webhook.controller.scan_feed import Feed, ScanStores
from webhook.controller.sight import ScannedWorld, Sight
from webhook.controller.workloads import AllWorkloads, WorkloadRecord, Workloads
from webhook.controller.world import LastingShapes, WatchedWorld, around
from webhook.core.autoscalers.kinds import AUTOSCALERS
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.fields import Raw
from webhook.core.kinds import Kinds
from webhook.core.objects import GroupKind

# CRDs come with the install of a framework: minutes, not seconds.
_LOOK_FOR_KINDS_SECONDS = 30.0
_PLAN_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.05

# Events come in flocks; a workload is looked at once for a flock.
SETTLE_SECONDS = 0.1
# Nodes come one by one, and all workloads are looked at for each kind of node that is new.
NODES_SETTLE_SECONDS = 5.0

_log = logging.getLogger("scaleguard.controller")

World = TypeVar("World", bound=WatchedWorld)

Changed = Callable[[Iterable[WorkloadKey], float], None]
"""Is told which workloads to look at, and after how many seconds."""


class Following:
    """Follows a cluster from `start` on, and tells which workloads to look at."""

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        api: Api,
        known: Kinds,
        is_ai: Callable[[Raw], bool],
        changed: Changed,
        *,
        shapes: LastingShapes,
        timing: Timing,
        recorder: Recorder,
        scan: Feed | None = None,
        is_at_fault: Callable[[Raw], bool] = lambda _raw: False,
    ) -> None:
        """`is_ai` tells of a workload whether it may make AI pods.

        `scan` is fed with what changes, where there is one; `is_at_fault` tells of what makes no AI
        pods whether it has something to say of them all the same.
        `shapes` outlast this, as they outlast nodes: bounds stay where a configuration changes.
        """
        self._api, self._known, self._is_ai, self._changed = api, known, is_ai, changed
        self._timing, self._recorder = timing, recorder
        self._watched = Watched.none()
        self._surroundings = Surroundings()
        self._workloads = AllWorkloads()
        self._shapes = shapes
        self._lookups = Lookups(api, lambda: known, recorder)
        self._discovery = Discovery(api)
        self._asked_for_kinds = False
        self._stop = threading.Event()
        self.vpas = ManagedVpas(self._watched.vpas)
        self._scanned = ScanStores(scan, known, is_at_fault) if scan is not None else None
        self.sight = self._sight()
        self._scalers = [self._watch(*each) for each in self._autoscalers()]
        watches = [*self._scalers, *(self._watch(*each) for each in self._homes())]
        self._vpa_watch = next(watch for watch in watches if watch.resource == VPAS)
        self._watches = Watches(watches, recorder, lambda: None)

    def start(self) -> "Following":
        """Begin to follow, in threads."""
        self._watches.start()
        threading.Thread(target=self._look_for_kinds, name="kinds", daemon=True).start()
        return self

    def stop(self) -> None:
        """End the threads at their next event; nobody waits for them."""
        self._stop.set()
        self._watches.stop()

    def not_ready(self) -> list[str]:
        """Say what is not known yet, or not known any more."""
        unasked = [] if self._asked_for_kinds else ["the kinds of workloads: not looked up yet"]
        return [*unasked, *self._watches.not_ready()]

    @property
    def has_vpas(self) -> bool:
        """Whether the cluster has VerticalPodAutoscalers at all."""
        return not self._vpa_watch.is_absent

    def keys(self) -> list[WorkloadKey]:
        """Every workload that a VPA may be planned for, or that has one of ours."""
        with_vpas = [
            key
            for key in self._watched.vpas.targets
            if any(self.vpas.raw(vpa) is not None for vpa in self._watched.vpas_on(key))
        ]
        return list(dict.fromkeys([*self._workloads.keys(), *with_vpas]))

    def claiming(self) -> list[WorkloadKey]:
        """The workloads whose plan hangs on resource claims, which nobody follows."""
        return self._workloads.claiming()

    def raw(self, key: WorkloadKey) -> Raw | None:
        """A workload that may make AI pods."""
        record = self._workloads.get(key)
        return record.raw if record is not None else None

    def managed(self, key: WorkloadKey) -> list[Raw]:
        """The VPAs of ours that act on a workload.

        The label and the owner's kind, name and uid tell: whoever the owner of this name is now.
        """
        record = self._workloads.get(key)
        found = []
        for vpa in self._watched.vpas_on(key):
            raw, owner = self.vpas.raw(vpa), vpa.owner
            mine = owner is not None and (owner.group, owner.kind, owner.name) == key[1:]
            if raw is None or owner is None or not mine:
                continue
            if record is not None and owner.uid == record.uid:
                found.append(raw)
        return found

    def world(self) -> WatchedWorld:
        """The world of a plan."""
        return self._world(WatchedWorld)

    def _world(self, of: type[World]) -> World:
        return of(
            self._known,
            self._watched,
            self._lookups,
            self._surroundings,
            self._workloads,
            self._shapes,
            lambda kind: self._discovery.has_scale(kind, _PLAN_SECONDS),
            time.monotonic() + _PLAN_SECONDS,
        )

    def _sight(self) -> Sight:
        return Sight(
            self._api,
            self._watched,
            self._workloads,
            self._scanned.notes if self._scanned is not None else {},
            lambda kind: self._discovery.find(kind, self._timing.page_seconds),
            lambda: self._world(ScannedWorld),
            self._scanned.feed.changed if self._scanned is not None else lambda _keys: None,
        )

    def _autoscalers(self) -> Iterable[tuple[Resource, Store[Any]]]:
        watched = self._watched
        brought = watched.inference_services
        for resource, store, identity, keys in (
            (HPAS, watched.hpas, _identity_of_held, of_held),
            (SCALED_OBJECTS, watched.scaled_objects, _identity_of_held, of_held),
            (POD_AUTOSCALERS, watched.pod_autoscalers, _identity_of_held, of_held),
            (INFERENCE_SERVICES, brought, lambda one: one[0], of_brought),
            (VPAS, self.vpas, lambda one: one.held.identity, of_vpa),
        ):
            if self._scanned is None:
                yield resource, Noticing(store, identity, keys, self._tell)
            else:
                yield resource, self._scanned.noted(resource, store, identity, keys, self._tell)

    def _homes(self) -> Iterable[tuple[Resource, Store[Any]]]:
        about, scanned = self._surroundings, self._scanned
        for resource, store, identity in (
            (NAMESPACES, about.namespaces, lambda one: one[0]),
            (LIMIT_RANGES, about.limit_ranges, lambda one: one[:2]),
        ):
            yield resource, Noticing(store, identity, self._there, self._tell)
        yield NODES, NodesSeen(about.nodes, self._saw_nodes)
        if scanned is not None:
            yield from scanned.homes(about)

    def _there(self, one: tuple[Any, ...]) -> list[WorkloadKey]:
        """What a namespace has, of which something else is known now."""
        namespace: str = one[0]
        return (self._workloads if self._scanned is None else self.sight).keys(namespace)

    def _watch(
        self,
        resource: Resource,
        store: Store[Any],
        find: Callable[[], Resource | None] = lambda: None,
    ) -> Watch[Any]:
        return Watch(resource, store, self._api, self._recorder, self._timing, find=find)

    def _tell(self, keys: Iterable[WorkloadKey]) -> None:
        world, told = self.world(), list(dict.fromkeys(keys))
        planned = (key for key in told if key.group_kind not in AUTOSCALERS)
        near = (one for key in planned for one in around(key, self._workloads, world))
        self._changed(near, SETTLE_SECONDS)
        if self._scanned is not None and told:
            self._scanned.feed.changed(told)

    def _saw_nodes(self) -> None:
        if self._shapes.saw(self._surroundings.nodes.shapes()):
            self._changed(self.keys(), NODES_SETTLE_SECONDS)
            if self._scanned is not None:
                self._scanned.feed.changed_in(None)

    def _look_for_kinds(self) -> None:
        """Follow each kind of workload from the moment on in which the cluster has it.

        With a scan the autoscalers come first: of which workloads more is kept than who they are,
        hangs on them.
        """
        while self._scanned is not None and not all(watch.synced for watch in self._scalers):
            if self._stop.wait(_LOOK_AGAIN_SECONDS):
                return
        missing = list(targets(self._known))
        while not self._stop.is_set() and missing:
            try:
                for kind in tuple(missing):
                    if self._follow(kind):
                        missing.remove(kind)
                self._asked_for_kinds = True
                pause = _LOOK_FOR_KINDS_SECONDS
            except ApiError as error:
                _log.warning("which kinds of workloads there are is not known: %s", error)
                pause = self._timing.longest_pause_seconds
            self._stop.wait(pause)

    def _follow(self, kind: GroupKind) -> bool:
        found = self._discovery.find(kind, self._timing.page_seconds)
        described = self._known.get(kind)
        if found is None or described is None:
            return False
        if not found.namespaced:
            _log.warning(
                "%s of %s stands in no namespace, and a VPA does: none is made for it",
                *(kind.kind, kind.group),
            )
            return True
        if found.plural != described.plural:
            _log.warning(
                "the plural of %s in %s is %s, and not %s: say so in the configuration, where "
                "rights are given by it",
                *(found.kind, found.group, found.plural, described.plural),
            )
        resource = replace(found, optional=kind.group not in BUILT_IN_VERSIONS)
        store = Workloads(described, self._known, self._is_ai)
        if self._scanned is not None:
            store = self._scanned.workloads(described, self._is_ai, self.sight)
        self._workloads.add(kind, store)
        noticing = Noticing(store, lambda one: one.key, _of_workload, self._tell)
        self._watches.add(self._watch(resource, noticing, lambda: self._find_again(resource)))
        return True

    def _find_again(self, resource: Resource) -> Resource | None:
        """Find a resource that is not in the version any more in which it was."""
        self._discovery.forget(resource.group_kind)
        found = self._discovery.find(resource.group_kind, self._timing.page_seconds)
        return replace(found, optional=True) if found is not None else None


def _identity_of_held(record: Held[Any]) -> Identity:
    return record.identity


def _of_workload(record: WorkloadRecord) -> Sequence[WorkloadKey]:
    return (record.key,)

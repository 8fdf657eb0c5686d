"""The state of a cluster: what is watched, and the world of each request."""

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from webhook.cluster.api import Api
from webhook.cluster.counterparts import Counterparts, Listings
from webhook.cluster.live import LiveWorld
from webhook.cluster.lookups import Lookups
from webhook.cluster.recorder import Recorder, Silent
from webhook.cluster.resources import (
    HPAS,
    LIMIT_RANGES,
    NAMESPACES,
    NODES,
    RESOURCE_QUOTAS,
    SCALED_OBJECTS,
    SERVICES,
    VPAS,
    Resource,
)
from webhook.cluster.surroundings import Surroundings
from webhook.cluster.timing import Timing
from webhook.cluster.watch import Watch
from webhook.core.kinds import Kinds
from webhook.core.objects import DEFAULT_NAMESPACE
from webhook.core.review import Request
from webhook.core.world import AUTOSCALERS

if TYPE_CHECKING:
    from webhook.cluster.records import Store

# How often the ages of all watches are noted; Prometheus asks every 15 s or more.
_NOTE_SECONDS = 1.0


class ClusterState:
    """Follows a cluster from `start` on; `world` is called by many threads."""

    def __init__(
        self,
        api: Api,
        kinds: Kinds,
        *,
        strict: bool = True,
        timing: Timing = Timing(),  # noqa: B008 - it is frozen
        recorder: Recorder | None = None,
    ) -> None:
        self._kinds = kinds
        self._recorder = recorder if recorder is not None else Silent()
        self._watched = Counterparts.none()
        self._around = Surroundings()
        self._lookups = Lookups(api, kinds, self._recorder)
        self._listings = Listings(api, self._recorder, self._watched) if strict else None
        stores: tuple[tuple[Resource, Store[Any]], ...] = (
            (HPAS, self._watched.hpas),
            (VPAS, self._watched.vpas),
            (SCALED_OBJECTS, self._watched.scaled_objects),
            (NAMESPACES, self._around.namespaces),
            (LIMIT_RANGES, self._around.limit_ranges),
            (RESOURCE_QUOTAS, self._around.quotas),
            (SERVICES, self._around.services),
            (NODES, self._around.nodes),
        )
        self._watches = [
            Watch(resource, store, api, self._recorder, timing) for resource, store in stores
        ]
        self._stop = threading.Event()

    def start(self) -> "ClusterState":
        """Begin to follow, in threads: after a fork, not before."""
        for watch in self._watches:
            watch.start()
        threading.Thread(target=self._note, name="watch ages", daemon=True).start()
        return self

    def stop(self) -> None:
        """End the threads at their next event; nobody waits for them."""
        self._stop.set()
        for watch in self._watches:
            watch.stop()

    def not_ready(self) -> list[str]:
        """Say which resources are not known yet, or have not been heard of for too long.

        Those that only make advice better are not waited for.
        """
        return [
            why
            for watch in self._watches
            if not watch.resource.advisory and (why := watch.not_ready()) is not None
        ]

    def world(self, asked: Request) -> LiveWorld:
        """Return the world of a request.

        With strict consistency the autoscalers of its namespace are listed when an autoscaler is
        judged, which raises `CannotJudge` where they cannot be had in time. What makes pods is only
        advised upon: for that the watches are enough.
        """
        namespace = asked.namespace or DEFAULT_NAMESPACE
        listings = self._listings
        ask = self._follow
        if listings is not None and asked.group_kind in AUTOSCALERS:
            ask = partial(listings.of, namespace)
        return LiveWorld(self._kinds, ask, self._lookups, self._around)

    def _follow(self, _until: float) -> Counterparts:
        return self._watched

    def _note(self) -> None:
        while not self._stop.wait(_NOTE_SECONDS):
            for watch in self._watches:
                held = len(watch.store)
                self._recorder.state(str(watch.resource), watch.age_seconds(), held)

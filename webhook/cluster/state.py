"""The state of a cluster: what is watched, and the world of each request."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from webhook.cluster.api import Api
from webhook.cluster.bucket import Bucket
from webhook.cluster.counterparts import Counterparts, Watched
from webhook.cluster.denials import Denials
from webhook.cluster.events import Events
from webhook.cluster.fresh import Fresh
from webhook.cluster.leases import Leases
from webhook.cluster.ledger import Ledger
from webhook.cluster.live import LiveWorld
from webhook.cluster.lookups import Lookups
from webhook.cluster.recorder import Recorder, Silent
from webhook.cluster.refusals import COMPONENT, EVENTS_BURST, EVENTS_PER_SECOND, Refusals
from webhook.cluster.resources import (
    BUDGETS,
    FOLLOWED,
    LIMIT_RANGES,
    NAMESPACES,
    NODES,
    RESOURCE_QUOTAS,
    SERVICES,
    Resource,
)
from webhook.cluster.sight import Sight
from webhook.cluster.surroundings import Surroundings
from webhook.cluster.sweeper import Sweeper
from webhook.cluster.timing import Timing
from webhook.cluster.watch import Watch
from webhook.cluster.watches import Watches
from webhook.core.autoscalers.kinds import AUTOSCALERS, VPA
from webhook.core.decide import Decision
from webhook.core.kinds import Kinds
from webhook.core.objects import GroupKind, controller, is_labelled
from webhook.core.review import Request
from webhook.core.world import World

if TYPE_CHECKING:
    from webhook.cluster.records import Store

REQUEST_SECONDS = 2.5
"""For all that one judgement reads, inside the 3 s that an API server waits at most."""


class ClusterState:
    """Follows a cluster from `start` on; `decided` is called by many threads.

    `kinds` returns those of the configuration that holds now. `controller`: the user who labels
    VPAs as managed; where that is not known none is. `tells`: whether refusals are told by events.
    """

    def __init__(  # noqa: PLR0913 - what it is told once, at the start
        self,
        api: Api,
        kinds: Callable[[], Kinds],
        *,
        lease_namespace: str | None,
        controller: str | None = None,
        tells: Callable[[], bool] = lambda: True,
        timing: Timing = Timing(),  # noqa: B008 - it is frozen
        recorder: Recorder | None = None,
    ) -> None:
        self._kinds = kinds
        self._recorder = recorder if recorder is not None else Silent()
        self._watched = Watched.none()
        self._around = Surroundings()
        self._followed: dict[GroupKind, Watch[Any]] = {}
        self._lookups = Lookups(api, kinds, self._recorder, self._follows)
        stores: tuple[tuple[Resource, Store[Any]], ...] = (
            *self._watched.stores(),
            (NAMESPACES, self._around.namespaces),
            (LIMIT_RANGES, self._around.limit_ranges),
            (RESOURCE_QUOTAS, self._around.quotas),
            (BUDGETS, self._around.budgets),
            (SERVICES, self._around.services),
            (NODES, self._around.nodes),
            *((one, self._lookups.changes(one.group_kind)) for one in FOLLOWED),
        )
        watches = [
            Watch(resource, store, api, self._recorder, timing) for resource, store in stores
        ]
        self._watches = Watches(watches, self._recorder, self._note)
        self._followed |= {
            watch.resource.group_kind: watch for watch in watches if watch.resource in FOLLOWED
        }
        self._ledger: Ledger | None = None
        self._sight: Sight | None = None
        self._sweeper: Sweeper | None = None
        self._controller = controller
        bucket = Bucket(EVENTS_PER_SECOND, EVENTS_BURST)
        self._events = Events(api, bucket, COMPONENT, self._recorder.told)
        self._refusals = Refusals(self._events, self._lookups, tells)
        if lease_namespace is not None:
            self._settle_by(api, lease_namespace)

    def _settle_by(self, api: Api, namespace: str) -> None:
        """Settle requests with other replicas, by Leases of a namespace."""
        watches = {
            watch.resource.group_kind: watch
            for watch in self._watches
            if watch.resource.group_kind in AUTOSCALERS
        }
        self._sight = sight = Sight(self._watched, watches)
        leases = Leases(api, namespace, self._recorder)
        fresh = Fresh(api, self._recorder)
        denials = Denials(self._watched, fresh)
        self._ledger = Ledger(leases, sight, denials, self._recorder)
        self._sweeper = Sweeper(leases, sight, fresh)

    def start(self) -> "ClusterState":
        """Begin to follow, in threads: after a fork, not before."""
        self._watches.start()
        self._events.start()
        if self._sweeper is not None:
            self._sweeper.start()
        return self

    def stop(self) -> None:
        """End the threads at their next event; nobody waits for them."""
        self._watches.stop()
        self._events.stop()
        if self._sweeper is not None:
            self._sweeper.stop()

    def not_ready(self) -> list[str]:
        """Say which resources are not known yet, or have not been heard of for too long.

        Those that only make advice better are not waited for.
        """
        return self._watches.not_ready()

    def decided(self, asked: Request, decide: Callable[[World], Decision]) -> Decision:
        """Decide on a request in its world, and tell of what is refused whom it concerns.

        With strict consistency what happens to an autoscaler is settled between all replicas,
        which raises `CannotJudge` where that cannot be done in time. What makes pods is only
        advised upon: for that the watches are enough.
        """
        decision = self._settled(asked, decide, time.monotonic() + REQUEST_SECONDS)
        self._refusals.tell(asked, decision)
        return decision

    def _settled(
        self, asked: Request, decide: Callable[[World], Decision], until: float
    ) -> Decision:
        def among(counterparts: Callable[[], Counterparts]) -> Decision:
            world = LiveWorld(self._kinds(), counterparts, self._lookups, self._around, until)
            world.trusts_label = self._controller is not None
            return decide(world)

        if self._ledger is None or asked.group_kind not in AUTOSCALERS:
            return among(lambda: self._watched)
        if self._is_managed(asked):
            self._recorder.settled("not_needed")
            return among(lambda: self._watched)
        return self._ledger.settle(asked, among, until)

    def _is_managed(self, asked: Request) -> bool:
        """Whether the controller writes a VPA of its own.

        It gives way to whatever is let in beside it, so nobody is judged by it, and what was in
        flight at the same moment is its next look: two writes of a Lease would settle nothing.
        """
        is_controller = self._controller is not None and asked.user == self._controller
        is_managed = is_labelled(asked.object) and controller(asked.object) is not None
        return is_controller and asked.group_kind == VPA and is_managed

    def _follows(self, kind: GroupKind) -> int | None:
        """Whether all changes of a kind are told to the lookups: see `Kept`."""
        watch = self._followed.get(kind)
        return watch.follows() if watch is not None else None

    def _note(self) -> None:
        if self._sight is not None:
            self._recorder.ledger_held(self._sight.entries())

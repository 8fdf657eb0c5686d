"""The world in which VPAs are planned: that of a request, with workloads that are watched."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from webhook.cluster.counterparts import Counterparts
from webhook.cluster.live import LiveWorld
from webhook.cluster.lookups import Lookups
from webhook.cluster.surroundings import Surroundings
from webhook.controller.workloads import AllWorkloads
from webhook.core.autoscalers.target import WELL_KNOWN, WorkloadKey
from webhook.core.kinds import Kinds
from webhook.core.nodes import NodeShape, likeness
from webhook.core.objects import GroupKind
from webhook.core.workload import Workload
from webhook.core.world import World

# Pools scale to none and back: bounds that went with the last node would change VPAs to and fro.
SHAPES_LAST_SECONDS = 3600.0
_MOST_SHAPES = 256


class LastingShapes:
    """Node shapes, kept for a while after the last node of a shape has gone; for many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[object, tuple[float, NodeShape]] = {}

    def saw(self, shapes: Iterable[NodeShape]) -> bool:
        """Take in the shapes there are now; return whether that changes which are known.

        Of those that are alike the first stands for all, whichever node comes and goes.
        """
        with self._lock:
            now, before = self._clock(), self._seen
            seen = {name: one for name, one in before.items() if now - one[0] < SHAPES_LAST_SECONDS}
            for shape in shapes:
                name = likeness(shape)
                seen[name] = (now, seen[name][1] if name in seen else shape)
            self._seen = dict(sorted(seen.items(), key=lambda one: one[1][0])[-_MOST_SHAPES:])
            return self._seen.keys() != before.keys()

    def shapes(self) -> tuple[NodeShape, ...]:
        """Those of now and of the last hour."""
        return tuple(shape for _, shape in self._seen.values())


class WatchedWorld(LiveWorld):
    """Knows workloads by their watches; others are read where somebody asks for them."""

    def __init__(  # noqa: PLR0913, PLR0917 - everything that a plan looks at
        self,
        kinds: Kinds,
        counterparts: Counterparts,
        lookups: Lookups,
        surroundings: Surroundings,
        workloads: AllWorkloads,
        shapes: LastingShapes,
        scales: Callable[[GroupKind], bool],
        until: float,
    ) -> None:
        super().__init__(kinds, lambda: counterparts, lookups, surroundings, until)
        self._workloads_there = workloads
        self._lasting = shapes
        self._scales = scales

    def look_up(self, key: WorkloadKey) -> Workload | None:
        """A workload: of the kinds that are watched as the watch knows it."""
        store = self._workloads_there.kinds.get(key.group_kind)
        return store.workload(key) if store is not None else super().look_up(key)

    def has_scale(self, kind: GroupKind) -> bool:
        """Whether objects of a kind can be scaled; of unknown ones the API server tells.

        Raises `ApiError`.
        """
        known = super().has_scale(kind)
        return known or (self.kinds.get(kind) is None and self._scales(kind))

    def other_names(self, key: WorkloadKey) -> list[WorkloadKey]:
        """The other names of a workload."""
        return self._workloads_there.same_as(key)

    def node_shapes(self) -> Sequence[NodeShape]:
        """The nodes that are known now, or were there within the last hour."""
        return self._lasting.shapes()


def around(key: WorkloadKey, workloads: AllWorkloads, world: World) -> Iterator[WorkloadKey]:
    """Yield the workloads whose plans a change at one of them may matter to."""
    yield key
    yield from workloads.same_as(key)
    yield from world.owners(key)
    # Built-in kinds stand above nothing that is planned for by itself.
    if key.kind not in WELL_KNOWN:
        yield from (one for one in workloads.owned(key.namespace) if key in world.above(one))

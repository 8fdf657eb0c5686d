"""The world of one request in a cluster."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from webhook.cluster.counterparts import Counterparts
from webhook.cluster.lookups import Lookups
from webhook.cluster.surroundings import Surroundings
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa
from webhook.core.bounds import Bounds
from webhook.core.disruption import Budget
from webhook.core.kinds import Kinds
from webhook.core.namespace import Namespace
from webhook.core.nodes import NodeShape, Shares
from webhook.core.objects import GroupKind
from webhook.core.pod import ClaimedDevice
from webhook.core.quota import Quota
from webhook.core.services import Service
from webhook.core.workload import Workload
from webhook.core.world import World

# Workloads that are read beside the one that is judged, to find those that it owns or that are it
# under another name. Each takes some milliseconds.
MOST_RELATIVES = 8

ROLLOUT = GroupKind("argoproj.io", "Rollout")
"""The one kind whose objects may be another workload under a second name (workloadRef)."""


class LiveWorld(World):
    """Looks up what is asked for, each thing once, until the request's time is over.

    Autoscalers are not read before somebody asks: many requests are decided without them.
    """

    def __init__(
        self,
        kinds: Kinds,
        counterparts: Callable[[], Counterparts],
        lookups: Lookups,
        surroundings: Surroundings,
        until: float,
    ) -> None:
        super().__init__(kinds)
        self._around = surroundings
        self._until = until
        self._ask = counterparts
        self._counterparts: Counterparts | None = None
        self._lookups = lookups
        self._known: dict[WorkloadKey, Workload | None] = {}
        self._called: dict[WorkloadKey, list[WorkloadKey]] = {}
        """Rollouts, as they were found: a judgement asks again and again."""

    @property
    def _all(self) -> Counterparts:
        if self._counterparts is None:
            self._counterparts = self._ask()
        return self._counterparts

    def scalers_on(self, key: WorkloadKey) -> Sequence[Scaler]:
        """All scalers of replicas on a workload; raises `CannotJudge`."""
        return self._all.scalers_on(key)

    def vpas_on(self, key: WorkloadKey) -> Sequence[Vpa]:
        """All VPAs on a workload; raises `CannotJudge`."""
        return self._all.vpas_on(key)

    def look_up(self, key: WorkloadKey) -> Workload | None:
        """Read a workload; None where it is not there or cannot be read."""
        if key not in self._known:
            self._known[key] = self._lookups.workload(key, self._until)
        return self._known[key]

    def other_names(self, key: WorkloadKey) -> list[WorkloadKey]:
        """The other names of a workload, as far as an autoscaler uses them."""
        own = self.seen(key) if key.group_kind == ROLLOUT else None
        names = [own.same_as] if own is not None and own.same_as is not None else []
        if key.group_kind != ROLLOUT:
            for rollout in self._rollouts(key):
                referring = self.seen(rollout)
                if referring is not None and referring.same_as == key:
                    names.append(rollout)
        return names

    def _rollouts(self, key: WorkloadKey) -> list[WorkloadKey]:
        """A few Rollouts that may be a workload, those first that are called like it."""
        if key not in self._called:
            found = (self._all.targets(key.namespace, name, ROLLOUT) for name in (key.name, ""))
            self._called[key] = _few(chain.from_iterable(found), key)
        return self._called[key]

    def owned(self, key: WorkloadKey) -> list[WorkloadKey]:
        """The workloads that a workload controls, as far as a VPA names them.

        Controllers name what they make after what it is made for: a Deployment's ReplicaSets, a
        CronJob's Jobs. What a person named otherwise is a VPA without effect that nobody warns of.
        """
        return [name for name in self._named_after(key) if key in self.owners(name)]

    def near(self, key: WorkloadKey) -> list[WorkloadKey]:
        """Other workloads that may select the same pods, as far as their names say so.

        A canary is called after what it is a canary of. All that are scaled in a namespace are too
        many to be read within a request.
        """
        begins, _, _ = key.name.partition("-")
        akin = (self._all.akin(key.namespace, name) for name in (key.name, begins))
        return _few(chain.from_iterable(akin), key)

    def below(self, key: WorkloadKey) -> list[WorkloadKey]:
        """The workloads that a workload stands above, as far as a VPA names them: see `owned`."""
        return [name for name in self._named_after(key) if key in self.above(name)]

    def _named_after(self, key: WorkloadKey) -> list[WorkloadKey]:
        """A few workloads with VPAs whose names begin with a workload's."""
        return _few(self._all.vpa_targets(key.namespace, key.name), key)

    def namespace(self, name: str | None) -> Namespace:
        """A namespace as the watch knows it."""
        return self._around.namespaces.named(name or "")

    def limits(self, namespace: str) -> Bounds:
        """What the LimitRanges of a namespace say together."""
        return self._around.limit_ranges.bounds(namespace)

    def quotas(self, namespace: str) -> Sequence[Quota]:
        """The ResourceQuotas of a namespace."""
        return self._around.quotas.of(namespace)

    def budgets(self, namespace: str) -> Sequence[Budget]:
        """The PodDisruptionBudgets of a namespace."""
        return self._around.budgets.of(namespace)

    def services(self, namespace: str) -> Sequence[Service]:
        """The Services of a namespace as the watch knows them."""
        return self._around.services.of(namespace)

    def has_all_services(self, key: WorkloadKey) -> bool:  # noqa: ARG002
        """Never: what is applied together comes in any order, a Service after its HPA too."""
        return False

    def node_shapes(self) -> Sequence[NodeShape]:
        """The nodes with devices, alike ones once."""
        return self._around.nodes.shapes()

    def node_shares(self) -> Shares:
        """What these nodes give per device."""
        return self._around.nodes.shares()

    def largest_nodes(self) -> Sequence[NodeShape]:
        """The largest node of each pool."""
        return self._around.nodes.largest()

    def claim(self, namespace: str, name: str, *, is_template: bool) -> tuple[ClaimedDevice, ...]:
        """Read what a resource claim asks for; nothing where it cannot be read."""
        return self._lookups.claim(namespace, name, self._until, is_template=is_template)


def _few(found: Iterable[WorkloadKey], key: WorkloadKey) -> list[WorkloadKey]:
    """Take the first few that are others than a workload, each once."""
    few: dict[WorkloadKey, None] = {}
    for one in found:
        if one != key:
            few[one] = None
        if len(few) == MOST_RELATIVES:
            break
    return list(few)

"""What a judgement can look up: the objects of one cluster, or of one set of manifests."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from webhook.core.autoscalers.hpa import read_hpa
from webhook.core.autoscalers.inference_service import read_inference_service
from webhook.core.autoscalers.kinds import (
    HPA,
    INFERENCE_SERVICE,
    POD_AUTOSCALER,
    SCALED_OBJECT,
    VPA,
)
from webhook.core.autoscalers.pod_autoscaler import read_pod_autoscaler
from webhook.core.autoscalers.scaled_object import read_scaled_object
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa, read_vpa
from webhook.core.bounds import UNBOUNDED, Bounds, of_limit_range
from webhook.core.disruption import Budget, read_budget
from webhook.core.fields import Raw
from webhook.core.kinds import Kinds
from webhook.core.namespace import Namespace, read_namespace, unknown_namespace
from webhook.core.nodes import NodeShape, Shares, read_node, smallest_shares
from webhook.core.objects import (
    DEFAULT_NAMESPACE,
    GroupKind,
    ObjectRef,
    reference,
)
from webhook.core.pod import ClaimedDevice, claimed_devices
from webhook.core.pools import Pools
from webhook.core.quota import Quota, read_quota
from webhook.core.routing import Routing
from webhook.core.selecting import Selecting
from webhook.core.services import Service
from webhook.core.workload import ContainerSet, MadePod, Workload, read_workload

NAMESPACE = GroupKind("", "Namespace")
NODE = GroupKind("", "Node")
LIMIT_RANGE = GroupKind("", "LimitRange")
RESOURCE_QUOTA = GroupKind("", "ResourceQuota")
BUDGET = GroupKind("policy", "PodDisruptionBudget")
RESOURCE_CLAIM = GroupKind("resource.k8s.io", "ResourceClaim")
RESOURCE_CLAIM_TEMPLATE = GroupKind("resource.k8s.io", "ResourceClaimTemplate")

Autoscaler = Scaler | Vpa

# A Job of a CronJob, a ReplicaSet of a Deployment: chains have two or three members.
MOST_OWNERS = 8

_READERS: Mapping[GroupKind, Callable[[Raw], Autoscaler]] = {
    HPA: read_hpa,
    VPA: read_vpa,
    SCALED_OBJECT: read_scaled_object,
    POD_AUTOSCALER: read_pod_autoscaler,
}


def read_autoscaler(raw: Raw) -> Autoscaler | None:
    """Read an autoscaler of any kind; None for other kinds."""
    reader = _READERS.get(reference(raw).group_kind)
    return reader(raw) if reader is not None else None


def read_autoscalers(raw: Raw) -> tuple[Autoscaler, ...]:
    """Read every autoscaler that an object is or brings along."""
    if reference(raw).group_kind == INFERENCE_SERVICE:
        return read_inference_service(raw)
    autoscaler = read_autoscaler(raw)
    return (autoscaler,) if autoscaler is not None else ()


def is_same_object(one: Autoscaler, other: Autoscaler) -> bool:
    """Whether two records are the same object, in one or two versions of it.

    An object that is still to be named (generateName) is only ever itself.
    """
    named = one.ref.name is not None
    return one is other or (named and one.ref.identity == other.ref.identity)


@dataclass
class World:
    """Objects as small records, indexed by the workload that they act on.

    This one holds what `put` was given: manifests. That of a cluster looks up elsewhere what
    `scalers_on`, `vpas_on` and `look_up` return, and what they do not: `owned`, `other_names`,
    `near`, and what concerns namespaces, nodes and claims.
    """

    kinds: Kinds
    whole: bool = False
    """Whether all that brings traffic is here, as in a scan: what is not, is nowhere."""
    trusts_label: bool = True
    """Whether the label of managed VPAs counts: nobody but the controller may have written it."""
    _scalers: dict[WorkloadKey, list[Scaler]] = field(default_factory=lambda: defaultdict(list))
    _vpas: dict[WorkloadKey, list[Vpa]] = field(default_factory=lambda: defaultdict(list))
    _workloads: dict[WorkloadKey, Workload] = field(default_factory=dict)
    _kinds_seen: set[tuple[str, str, str]] = field(default_factory=set)
    """Namespace, group and kind of the workloads."""
    _names: dict[WorkloadKey, list[WorkloadKey]] = field(default_factory=lambda: defaultdict(list))
    _owned: dict[WorkloadKey, list[WorkloadKey]] = field(default_factory=lambda: defaultdict(list))
    _namespaces: dict[str, Namespace] = field(default_factory=dict)
    _quotas: dict[str, list[Quota]] = field(default_factory=lambda: defaultdict(list))
    _budgets: dict[str, list[Budget]] = field(default_factory=lambda: defaultdict(list))
    _routing: Routing = field(default_factory=Routing)
    _selecting: Selecting = field(default_factory=Selecting)
    _folders: dict[WorkloadKey, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Where the workloads are written."""
    _node_shapes: list[NodeShape] = field(default_factory=list)
    _node_shares: Shares | None = None
    _pools: Pools = field(default_factory=Pools)
    _bounds: dict[str, Bounds] = field(default_factory=dict)
    _claims: dict[tuple[str, str, bool], tuple[ClaimedDevice, ...]] = field(default_factory=dict)
    _supposed: dict[WorkloadKey, Workload | None] = field(default_factory=dict)

    @classmethod
    def of(cls, objects: Iterable[Raw], kinds: Kinds) -> "World":
        """Build the world of a set of manifests."""
        world = cls(kinds)
        for raw in objects:
            world.put(raw)
        return world

    def copy(self) -> "World":
        """Return a world that begins with the same objects and goes on by itself."""
        named = {field.name: _copied(getattr(self, field.name)) for field in fields(World)}
        return World(**named)

    def put(self, raw: Raw, folder: str = "") -> tuple[Autoscaler, ...]:
        """Take an object of a folder in; return the autoscalers that it is or brings along."""
        ref = reference(raw)
        autoscalers = read_autoscalers(raw)
        self._routing.put(raw, folder)
        for autoscaler in autoscalers:
            self._put_autoscaler(autoscaler)
        if (kind := self.kinds.get(ref.group_kind)) is not None and ref.name is not None:
            workload = read_workload(raw, kind)
            self._put_workload(workload)
            self._folders[workload.key].add(folder)
        elif not autoscalers:
            self._put_context(raw, ref)
        return autoscalers

    def _put_autoscaler(self, autoscaler: Autoscaler) -> None:
        if autoscaler.target is None:
            return
        if isinstance(autoscaler, Vpa):
            self._vpas[autoscaler.target].append(autoscaler)
        else:
            self._scalers[autoscaler.target].append(autoscaler)

    def _put_workload(self, workload: Workload) -> None:
        self._kinds_seen.add(workload.key[:3])
        before = self._workloads.get(workload.key)
        # Two versions of one workload (overlays): whatever container either has may meet a scaler.
        self._workloads[workload.key] = workload if before is None else before.merged(workload)
        self._selecting.put(self._workloads[workload.key])
        owner = workload.owner
        if owner is not None:
            above = WorkloadKey(workload.key.namespace, owner.group, owner.kind, owner.name)
            self._owned[above].append(workload.key)
        if workload.same_as is not None:
            self._names[workload.key].append(workload.same_as)
            self._names[workload.same_as].append(workload.key)

    def _put_context(self, raw: Raw, ref: ObjectRef) -> None:
        namespace, name = ref.namespace or DEFAULT_NAMESPACE, ref.name or ""
        if ref.group_kind == NAMESPACE:
            self._namespaces[name] = read_namespace(raw)
        elif ref.group_kind == RESOURCE_QUOTA:
            self._quotas[namespace].append(read_quota(raw))
        elif ref.group_kind == BUDGET:
            self._budgets[namespace].append(read_budget(raw))
        elif ref.group_kind == NODE:
            self._put_node(read_node(raw))
        elif ref.group_kind == LIMIT_RANGE:
            limits = self._bounds.get(namespace, UNBOUNDED)
            self._bounds[namespace] = limits.joined(of_limit_range(raw))
        elif ref.group_kind in {RESOURCE_CLAIM, RESOURCE_CLAIM_TEMPLATE}:
            is_template = ref.group_kind == RESOURCE_CLAIM_TEMPLATE
            self._claims[namespace, name, is_template] = claimed_devices(raw)

    def _put_node(self, shape: NodeShape) -> None:
        """Take a node in: as it is if it has devices, else as one of its pool."""
        self._pools.put(shape)
        if shape.has_devices:
            self._node_shapes.append(shape)
            self._node_shares = None

    def scalers_on(self, key: WorkloadKey) -> Sequence[Scaler]:
        """All scalers of replicas on a workload."""
        return self._scalers.get(key, ())

    def vpas_on(self, key: WorkloadKey) -> Sequence[Vpa]:
        """All VPAs on a workload."""
        return self._vpas.get(key, ())

    def look_up(self, key: WorkloadKey) -> Workload | None:
        """A workload as it is in this world; None where it is not there, or cannot be read."""
        return self._workloads.get(key)

    def seen(self, key: WorkloadKey) -> Workload | None:
        """A workload, also while it is being deleted; None where nobody has seen it (yet)."""
        return self._supposed[key] if key in self._supposed else self.look_up(key)

    def supposing(self, key: WorkloadKey, workload: Workload | None) -> Self:
        """The same world with another version of a workload; None: as if it were not there."""
        other = copy(self)
        other._supposed = {**self._supposed, key: workload}  # noqa: SLF001 - our own copy
        return other

    def scalers(self, key: WorkloadKey) -> list[Scaler]:
        """Scalers of replicas on a workload that are active."""
        return [scaler for scaler in self.scalers_on(key) if scaler.active]

    def makers(self, key: WorkloadKey) -> list[Scaler]:
        """Those of which operators make HPAs, paused ones too: their HPAs are known by them."""
        return [one for one in self.scalers_on(key) if one.makes is not None]

    def vpas(self, key: WorkloadKey) -> list[Vpa]:
        """VPAs on a workload that are active."""
        return [vpa for vpa in self.vpas_on(key) if vpa.active]

    def is_managed(self, vpa: Vpa) -> bool:
        """Whether a VPA was made by the controller for the workload that it acts on.

        Anybody can write an owner reference, but not the label: it is refused to everybody but the
        controller. So the label, and the owner by uid where both have one, are enough; and where
        nobody knows who the controller is, no VPA is managed.
        """
        if not (self.trusts_label and vpa.labelled) or vpa.owner is None or vpa.target is None:
            return False
        workload = self.workload(vpa.target)
        return workload is not None and vpa.owner.is_object(workload.ref, workload.uid)

    def workload(self, key: WorkloadKey) -> Workload | None:
        """A workload; None where nobody has seen it (yet)."""
        found = self.seen(key)
        return found if found is not None and found.active else None

    def lacks(self, key: WorkloadKey) -> bool:
        """Whether a workload is missing where others of its kind and namespace are known.

        Manifests of a VPA alone say nothing of its workload. Nor does a cluster at the moment in
        which a VPA is written: what is applied together comes in any order.
        """
        return key[:3] in self._kinds_seen and self.seen(key) is None

    def other_names(self, key: WorkloadKey) -> list[WorkloadKey]:
        """The other names of a workload: an Argo Rollout and the Deployment that it refers to."""
        return self._names.get(key, [])

    def containers(self, key: WorkloadKey) -> ContainerSet | None:
        """The containers of a workload, under whichever of its names the template stands."""
        named = (one.containers for one in self._named(key))
        return next((containers for containers in named if containers is not None), None)

    def pods(self, key: WorkloadKey) -> tuple[MadePod, ...]:
        """The pod templates behind these containers; none where they are unknown."""
        return next((one.pods for one in self._named(key) if one.pods), ())

    def _named(self, key: WorkloadKey) -> Iterator[Workload]:
        workloads = (self.workload(name) for name in (key, *self.other_names(key)))
        return (workload for workload in workloads if workload is not None)

    def near(self, key: WorkloadKey) -> list[WorkloadKey]:
        """Other workloads that may select the same pods as a workload."""
        workload = self.workload(key)
        return self._selecting.near(workload) if workload is not None else []

    def owned(self, key: WorkloadKey) -> list[WorkloadKey]:
        """The workloads that a workload controls: the ReplicaSets of a Deployment."""
        return [name for name in self._owned.get(key, ()) if key in self.owners(name)]

    def owners(self, key: WorkloadKey) -> list[WorkloadKey]:
        """The workload that controls another one, as far as VPA's walk would go up to it."""
        workload = self.workload(key)
        owner = workload.owner if workload is not None else None
        if workload is None or owner is None or not self.kinds.scalable(owner.group, owner.kind):
            return []
        key_above = self._owner(workload)
        return [key_above] if key_above is not None else []

    def has_scale(self, kind: GroupKind) -> bool:
        """Whether objects of a kind can be scaled, as far as anybody knows."""
        return self.kinds.scalable(kind.group, kind.kind)

    def above(self, key: WorkloadKey) -> list[WorkloadKey]:
        """What stands above a workload beyond the end of VPA's walk, and may scale its pods.

        VPA's walk ends below an owner that cannot scale: KAITO's Workspace under an InferenceSet.
        None for a workload with an owner that VPA wants named instead: a VPA on it is inert.
        """
        found: list[WorkloadKey] = []
        workload = self.workload(key) if not self.owners(key) else None
        while workload is not None and len(found) < MOST_OWNERS:
            owner = self._owner(workload)
            if owner is None:
                break
            found.append(owner)
            workload = self.workload(owner)
        return found

    def below(self, key: WorkloadKey) -> list[WorkloadKey]:
        """The workloads that a workload stands above in this sense."""
        found: dict[WorkloadKey, None] = {}
        level = dict.fromkeys([key])
        for _ in range(MOST_OWNERS):
            level = dict.fromkeys(one for at in level for one in self._owned.get(at, ()))
            found |= level
        return [one for one in found if key in self.above(one)]

    def _owner(self, workload: Workload) -> WorkloadKey | None:
        """The workload that controls another one, unless that owner is an older one of its name."""
        owner = workload.owner
        if owner is None:
            return None
        key = WorkloadKey(workload.key.namespace, owner.group, owner.kind, owner.name)
        found = self.seen(key)
        return key if found is None or owner.is_object(found.ref, found.uid) else None

    def namespace(self, name: str | None) -> Namespace:
        """A namespace, as far as anybody has seen it."""
        return self._namespaces.get(name or "") or unknown_namespace(name or "")

    def is_ignored(self, namespace: str | None) -> bool:
        """Whether the namespace's label takes it out of all judgement and mutation."""
        return self.namespace(namespace).ignored

    def limits(self, namespace: str) -> Bounds:
        """What the LimitRanges of a namespace say together."""
        return self._bounds.get(namespace, UNBOUNDED)

    def bounds(self, namespace: str) -> Bounds:
        """What a namespace does with pods after us."""
        bounds = self.namespace(namespace).bounds.joined(self.limits(namespace))
        quotas = tuple(self.quotas(namespace))
        return replace(bounds, quotas=quotas) if quotas else bounds

    def quotas(self, namespace: str) -> Sequence[Quota]:
        """The ResourceQuotas of a namespace."""
        return self._quotas.get(namespace, ())

    def budgets(self, namespace: str) -> Sequence[Budget]:
        """The PodDisruptionBudgets of a namespace."""
        return self._budgets.get(namespace, ())

    def services(self, namespace: str) -> Sequence[Service]:
        """The Services and InferencePools of a namespace."""
        return self._routing.services(namespace)

    def has_all_services(self, key: WorkloadKey) -> bool:
        """Whether a Service of a workload would be here if there were one."""
        return self.whole or self._routing.is_complete(key.namespace, self._folders.get(key, set()))

    def node_shapes(self) -> Sequence[NodeShape]:
        """The nodes that have been seen, alike ones once."""
        return self._node_shapes

    def node_shares(self) -> Shares:
        """What these nodes give per device."""
        if self._node_shares is None:
            self._node_shares = smallest_shares(self._node_shapes)
        return self._node_shares

    def largest_nodes(self) -> Sequence[NodeShape]:
        """The largest node of each pool."""
        return self._pools.largest()

    def claim(self, namespace: str, name: str, *, is_template: bool) -> tuple[ClaimedDevice, ...]:
        """What a ResourceClaim or ResourceClaimTemplate asks for; nothing where it is unknown."""
        return self._claims.get((namespace, name, is_template), ())


def _copied(index: Any) -> Any:
    """Copy an index; the records in it never change."""
    if isinstance(index, Pools | Routing | Selecting):
        return index.copy()
    if isinstance(index, defaultdict):
        return defaultdict(index.default_factory, {key: copy(one) for key, one in index.items()})
    return copy(index) if isinstance(index, dict | set | list) else index

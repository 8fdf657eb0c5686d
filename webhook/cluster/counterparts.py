"""The autoscalers that a judgement compares with: as the watches know them, or with corrections."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from webhook.cluster.records import Autoscalers, Brought, Held, Store
from webhook.cluster.resources import (
    HPAS,
    INFERENCE_SERVICES,
    POD_AUTOSCALERS,
    SCALED_OBJECTS,
    VPAS,
    Resource,
)
from webhook.cluster.targets import Targets
from webhook.core.autoscalers.hpa import read_hpa
from webhook.core.autoscalers.kinds import HPA, POD_AUTOSCALER, SCALED_OBJECT, VPA
from webhook.core.autoscalers.pod_autoscaler import read_pod_autoscaler
from webhook.core.autoscalers.scaled_object import read_scaled_object
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa, read_vpa
from webhook.core.decide import Decision
from webhook.core.frozen import frozen
from webhook.core.objects import GroupKind, ObjectRef
from webhook.core.world import Autoscaler

Identity = tuple[GroupKind, str | None, str | None]


class Counterparts(Protocol):
    """Everything that scales something, by what it scales."""

    def scalers_on(self, key: WorkloadKey) -> tuple[Scaler, ...]:
        """What scales the replicas of a workload."""
        ...

    def vpas_on(self, key: WorkloadKey) -> tuple[Vpa, ...]:
        """VPAs on a workload."""
        ...

    def targets(
        self, namespace: str, beginning: str, kind: GroupKind | None = None
    ) -> Iterator[WorkloadKey]:
        """The workloads of a namespace that anything acts on and whose names begin so.

        Of one kind or of any; some more than once.
        """
        ...

    def akin(self, namespace: str, name: str) -> Iterator[WorkloadKey]:
        """The workloads that anything acts on and that have a name, or it and a dash and more."""
        ...

    def vpa_targets(self, namespace: str, beginning: str) -> Iterator[WorkloadKey]:
        """The workloads of a namespace that VPAs act on and whose names begin so."""
        ...


Decide = Callable[[Callable[[], Counterparts]], Decision]
"""Judge a request among counterparts, which are asked for once the judgement needs them."""


@frozen
class Watched:
    """What the watches know."""

    hpas: Autoscalers[Scaler]
    scaled_objects: Autoscalers[Scaler]
    pod_autoscalers: Autoscalers[Scaler]
    inference_services: Brought
    vpas: Autoscalers[Vpa]

    @classmethod
    def none(cls) -> "Watched":
        """Begin with nothing."""
        return cls(
            Autoscalers(read_hpa),
            Autoscalers(read_scaled_object),
            Autoscalers(read_pod_autoscaler),
            Brought(),
            Autoscalers(read_vpa),
        )

    def stores(self) -> tuple[tuple[Resource, Store[Any]], ...]:
        """Each of them with the resource whose objects it holds."""
        return (
            (HPAS, self.hpas),
            (VPAS, self.vpas),
            (SCALED_OBJECTS, self.scaled_objects),
            (POD_AUTOSCALERS, self.pod_autoscalers),
            (INFERENCE_SERVICES, self.inference_services),
        )

    def named(self, ref: ObjectRef) -> Held[Scaler] | Held[Vpa] | None:
        """What is held of one object."""
        return self.of_kind(ref.group_kind).named(ref)

    def of_kind(self, kind: GroupKind) -> Autoscalers[Scaler] | Autoscalers[Vpa]:
        """Where the objects of one of the kinds are held."""
        stores: Mapping[GroupKind, Autoscalers[Scaler] | Autoscalers[Vpa]] = {
            HPA: self.hpas,
            SCALED_OBJECT: self.scaled_objects,
            POD_AUTOSCALER: self.pod_autoscalers,
            VPA: self.vpas,
        }
        return stores[kind]

    def scalers_on(self, key: WorkloadKey) -> tuple[Scaler, ...]:
        """What scales the replicas of a workload."""
        kinds = (self.hpas, self.scaled_objects, self.pod_autoscalers, self.inference_services)
        return tuple(scaler for kind in kinds for scaler in kind.on(key))

    def vpas_on(self, key: WorkloadKey) -> tuple[Vpa, ...]:
        """VPAs on a workload."""
        return self.vpas.on(key)

    def targets(
        self, namespace: str, beginning: str, kind: GroupKind | None = None
    ) -> Iterator[WorkloadKey]:
        """The workloads of a namespace that anything acts on and whose names begin so."""
        for targets in self._targets():
            yield from targets.beginning(namespace, beginning, kind)

    def akin(self, namespace: str, name: str) -> Iterator[WorkloadKey]:
        """The workloads that anything acts on and that have a name, or it and a dash and more."""
        for targets in self._targets():
            yield from targets.akin(namespace, name)

    def _targets(self) -> Iterator[Targets]:
        stores = (self.hpas, self.scaled_objects, self.pod_autoscalers, self.vpas)
        return (store.targets for store in stores)

    def vpa_targets(self, namespace: str, beginning: str) -> Iterator[WorkloadKey]:
        """The workloads of a namespace that VPAs act on and whose names begin so."""
        return self.vpas.targets.beginning(namespace, beginning)

    def all_targets(self) -> list[WorkloadKey]:
        """Every workload that anything acts on, or comes to act on with an object, once."""
        found = (key for targets in self._targets() for key in targets)
        return list(dict.fromkeys([*found, *self.inference_services.targets]))

    def is_target(self, key: WorkloadKey) -> bool:
        """Whether anything acts on a workload."""
        return bool(self.scalers_on(key) or self.vpas_on(key))

    def without_target(self) -> list[Autoscaler]:
        """The autoscalers that name no workload."""
        stores = (self.hpas, self.scaled_objects, self.pod_autoscalers)
        scalers = [one for store in stores for one in store.without_target()]
        return [*scalers, *self.vpas.without_target()]


class Corrected:
    """Others, but for some objects that are known better, and some that are known beside them."""

    def __init__(
        self,
        others: Counterparts,
        corrections: Mapping[Identity, Autoscaler | None],
        added: Iterable[Autoscaler] = (),
    ) -> None:
        self._others = others
        self._corrected = frozenset(corrections)
        self._own = (*(one for one in corrections.values() if one is not None), *added)

    def scalers_on(self, key: WorkloadKey) -> tuple[Scaler, ...]:
        """What scales the replicas of a workload."""
        others = (one for one in self._others.scalers_on(key) if self._counts(one))
        own = (one for one in self._own if isinstance(one, Scaler) and one.target == key)
        return (*others, *own)

    def vpas_on(self, key: WorkloadKey) -> tuple[Vpa, ...]:
        """VPAs on a workload."""
        others = (one for one in self._others.vpas_on(key) if self._counts(one))
        own = (one for one in self._own if isinstance(one, Vpa) and one.target == key)
        return (*others, *own)

    def targets(
        self, namespace: str, beginning: str, kind: GroupKind | None = None
    ) -> Iterator[WorkloadKey]:
        """The workloads that anything acts on; those of what is corrected come first."""
        yield from _targets(self._own, namespace, beginning, kind)
        yield from self._others.targets(namespace, beginning, kind)

    def akin(self, namespace: str, name: str) -> Iterator[WorkloadKey]:
        """The workloads that anything acts on; those of what is corrected come first."""
        for key in _targets(self._own, namespace, name):
            if key.name == name or key.name.startswith(f"{name}-"):
                yield key
        yield from self._others.akin(namespace, name)

    def vpa_targets(self, namespace: str, beginning: str) -> Iterator[WorkloadKey]:
        """The workloads that VPAs act on; those of what is corrected come first."""
        own = (one for one in self._own if isinstance(one, Vpa))
        yield from _targets(own, namespace, beginning)
        yield from self._others.vpa_targets(namespace, beginning)

    def _counts(self, one: Autoscaler) -> bool:
        return one.ref.identity not in self._corrected


def _targets(
    autoscalers: Iterable[Autoscaler], namespace: str, beginning: str, kind: GroupKind | None = None
) -> Iterator[WorkloadKey]:
    for one in autoscalers:
        key = one.target
        if key is None or key.namespace != namespace or not key.name.startswith(beginning):
            continue
        if kind is None or key.group_kind == kind:
            yield key

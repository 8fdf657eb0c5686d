"""What is followed for the scan, beside what VPAs are planned by."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

from webhook.cluster.records import Identity, Store
from webhook.cluster.resources import BUDGETS, RESOURCE_QUOTAS, SERVICES, Resource
from webhook.cluster.surroundings import InNamespaces, NamedRecord, Surroundings
from webhook.controller.notes import NotedRecord, Notes
from webhook.controller.noticing import Noticing, Tell
from webhook.controller.sight import Sight
from webhook.controller.workloads import Workloads
from webhook.core.autoscalers.kinds import AUTOSCALERS
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.fields import Raw
from webhook.core.kinds import Kind, Kinds
from webhook.core.objects import DEFAULT_NAMESPACE, GroupKind


class Feed(Protocol):
    """Is told where things may stand otherwise."""

    def changed(self, keys: Sequence[WorkloadKey]) -> None:
        """Have workloads looked at, and those whose standing they may matter to."""
        ...

    def changed_in(self, namespace: str | None) -> None:
        """Have everything looked at of which anything was told, in a namespace or in all."""
        ...


class ScanStores:
    """The stores of the scan."""

    def __init__(self, feed: Feed, kinds: Kinds, is_at_fault: Callable[[Raw], bool]) -> None:
        """`is_at_fault` tells whether rules may have something to say of what makes no AI pods."""
        self.feed = feed
        self._is_at_fault = is_at_fault
        self.notes: dict[GroupKind, Notes[Any]] = {}
        self._kinds = kinds

    def noted(
        self,
        resource: Resource,
        store: Store[Any],
        identity: Callable[[Any], Identity],
        keys: Callable[[Any], Iterable[WorkloadKey]],
        tell: Tell,
    ) -> Store[Any]:
        """Keep of autoscalers what is recorded of them; one that names no workload is its own."""
        notes = self.notes[resource.group_kind] = Notes(store, identity, self._kinds)

        def about(one: NotedRecord[Any]) -> Iterable[WorkloadKey]:
            found = tuple(keys(one.record))
            if found or resource.group_kind not in AUTOSCALERS:
                return found
            namespace, name = identity(one.record)
            own = WorkloadKey(namespace or DEFAULT_NAMESPACE, *resource.group_kind, name or "")
            return (own,)

        return Noticing(notes, lambda one: identity(one.record), about, tell)

    def homes(self, about: Surroundings) -> Iterator[tuple[Resource, Store[Any]]]:
        """What else of namespaces rules read."""
        quotas: Noticing[Any] = self._home(about.quotas, _without_used)
        yield RESOURCE_QUOTAS, quotas
        yield BUDGETS, self._home(about.budgets)
        yield SERVICES, self._home(about.services)

    def workloads(self, kind: Kind, is_ai: Callable[[Raw], bool], sight: Sight) -> Workloads:
        """The workloads of a kind, of which those are kept that an autoscaler names."""
        return Workloads(
            kind,
            self._kinds,
            is_ai,
            lambda key, raw: sight.is_named(key) or self._is_at_fault(raw),
            lambda key: self.feed.changed([key]),
        )

    def _home(
        self,
        store: InNamespaces[Any],
        content: Callable[[NamedRecord[Any]], object] = lambda one: one,
    ) -> Noticing[NamedRecord[Any]]:
        def tell(keys: Iterable[WorkloadKey]) -> None:
            for namespace in {key.namespace for key in keys}:
                self.feed.changed_in(namespace)

        def home(one: NamedRecord[Any]) -> tuple[WorkloadKey, ...]:
            return (WorkloadKey(one[0], "", "", ""),)

        return Noticing(store, lambda one: one[:2], home, tell, content)


def _without_used(one: NamedRecord[Any]) -> object:
    """What a quota allows: what of it is used, says nothing of what is there already."""
    return *one[:2], replace(one[2], used={})

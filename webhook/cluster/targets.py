"""The workloads that autoscalers act on, in the order of their names.

A judgement looks for those that are called alike, among tens of thousands of others in a namespace.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import takewhile

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.objects import GroupKind

Named = tuple[str, WorkloadKey]


class Targets:
    """One thread adds and removes, many look: tuples are replaced as a whole."""

    def __init__(self, keys: Iterable[WorkloadKey] = ()) -> None:
        self._named: dict[str, dict[GroupKind, tuple[Named, ...]]] = {}
        found: dict[tuple[str, GroupKind], list[Named]] = {}
        for key in keys:
            found.setdefault((key.namespace, key.group_kind), []).append((key.name, key))
        for (namespace, kind), named in found.items():
            self._named.setdefault(namespace, {})[kind] = tuple(sorted(named))

    def __iter__(self) -> Iterator[WorkloadKey]:
        """Yield all of them."""
        for kinds in tuple(self._named.values()):
            for named in tuple(kinds.values()):
                yield from (key for _, key in named)

    def beginning(
        self, namespace: str, name: str, kind: GroupKind | None = None
    ) -> Iterator[WorkloadKey]:
        """Yield those of a namespace whose names begin so, of one kind or of any."""
        kinds = self._named.get(namespace, {})
        for named in (kinds.get(kind, ()),) if kind is not None else tuple(kinds.values()):
            yield from _beginning(named, name)

    def akin(self, namespace: str, name: str) -> Iterator[WorkloadKey]:
        """Yield those of a namespace that have this name, or this and a dash and more."""
        for named in tuple(self._named.get(namespace, {}).values()):
            yield from takewhile(lambda one: one.name == name, _beginning(named, name))
            yield from _beginning(named, f"{name}-")

    def add(self, key: WorkloadKey) -> None:
        """Add one, unless it is there."""
        kinds = self._named.setdefault(key.namespace, {})
        named, one = kinds.get(key.group_kind, ()), (key.name, key)
        at = bisect_left(named, one)
        if named[at : at + 1] != (one,):
            kinds[key.group_kind] = (*named[:at], one, *named[at:])

    def remove(self, key: WorkloadKey) -> None:
        """Remove one, if it is there."""
        kinds = self._named.get(key.namespace, {})
        named, one = kinds.get(key.group_kind, ()), (key.name, key)
        at = bisect_left(named, one)
        if named[at : at + 1] != (one,):
            return
        kinds[key.group_kind] = (*named[:at], *named[at + 1 :])
        if not kinds[key.group_kind]:
            del kinds[key.group_kind]
        if not kinds:
            del self._named[key.namespace]


def _beginning(named: tuple[Named, ...], name: str) -> Iterator[WorkloadKey]:
    for at in range(bisect_left(named, (name,)), len(named)):
        if not named[at][0].startswith(name):
            return
        yield named[at][1]

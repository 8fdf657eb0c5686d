"""Which workloads may select each other's pods, told by single labels before any selector is."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.workload import Workload

_Pair = tuple[str, str, str]
"""Namespace, label, value."""


@dataclass(slots=True)
class Selecting:
    """The workloads of manifests by one label that their selectors ask for, and by those of pods.

    So of thousands of workloads those are compared that have something in common.
    """

    _asking: dict[_Pair, list[WorkloadKey]] = field(default_factory=lambda: defaultdict(list))
    _labelled: dict[_Pair, list[WorkloadKey]] = field(default_factory=lambda: defaultdict(list))

    def copy(self) -> "Selecting":
        """Return the same, to be added to by itself."""
        other = Selecting()
        for pair, keys in self._asking.items():
            other._asking[pair] = list(keys)
        for pair, keys in self._labelled.items():
            other._labelled[pair] = list(keys)
        return other

    def put(self, workload: Workload) -> None:
        """Take a workload in."""
        asked = _asked(workload)
        if asked is not None:
            self._asking[asked].append(workload.key)
        for pair in _labels(workload):
            self._labelled[pair].append(workload.key)

    def near(self, workload: Workload) -> list[WorkloadKey]:
        """The workloads that may select its pods, and those whose pods it may select."""
        asked = _asked(workload)
        found = dict.fromkeys(self._labelled.get(asked, ()) if asked is not None else ())
        for pair in _labels(workload):
            found |= dict.fromkeys(self._asking.get(pair, ()))
        found.pop(workload.key, None)
        return list(found)


def _asked(workload: Workload) -> _Pair | None:
    """One label that every pod must have; none for a selector of expressions alone."""
    equal = workload.selector.equal if workload.selector is not None else {}
    return next(((workload.key.namespace, *pair) for pair in equal.items()), None)


def _labels(workload: Workload) -> Iterator[_Pair]:
    for labels in workload.labels:
        for pair in labels.items():
            yield (workload.key.namespace, *pair)

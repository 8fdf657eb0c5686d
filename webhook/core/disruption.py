"""PodDisruptionBudgets: whether one lets any running pod of a workload be evicted.

Source: k8s.io/kubernetes pkg/controller/disruption/disruption.go (`getExpectedPodCount`) and
pkg/registry/core/pod/storage/eviction.go.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from webhook.core.fields import Raw, integer, mapping, strings
from webhook.core.frozen import frozen
from webhook.core.objects import ObjectRef, reference
from webhook.core.selector import Selector, read_selector

_PERCENT = re.compile(r"([0-9]{1,3})%")

Bound = int | str
"""A number of pods, or a share of them as it is written: `50%`."""


@frozen
class Budget:
    """A PodDisruptionBudget."""

    ref: ObjectRef
    selector: Selector | None
    """None selects no pod; one without requirements selects all of the namespace."""
    min_available: Bound | None
    max_unavailable: Bound | None
    expected: int
    """How many pods its status counts: those of other workloads that it selects are among them."""

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether it counts pods with these labels."""
        return self.selector is not None and self.selector.matches(labels)

    def forbids(self, replicas: int | None) -> str | None:
        """Say by which field it lets no pod go; None where it lets one go, or nobody can tell.

        `replicas` is the most that there may be: with fewer, a share or number keeps no less. Both
        shares are rounded up.
        """
        most = max(replicas, self.expected) if replicas else None
        if self.max_unavailable is not None:
            return (
                f"maxUnavailable {self.max_unavailable}" if _is_none(self.max_unavailable) else None
            )
        if self.min_available is not None and _is_all(self.min_available, most):
            return f"minAvailable {self.min_available}"
        return None


def _is_none(bound: Bound) -> bool:
    return _share(bound) == 0 if isinstance(bound, str) else bound == 0


def _is_all(bound: Bound, most: int | None) -> bool:
    share = _share(bound) if isinstance(bound, str) else None
    if most is None:
        return share is not None and share >= 100  # noqa: PLR2004 - of a hundred
    kept = bound if isinstance(bound, int) else -(-(share or 0) * most // 100)
    return kept >= most


def _share(bound: str) -> int | None:
    match = _PERCENT.fullmatch(bound)
    return int(match[1]) if match is not None else None


def read_budget(raw: Raw) -> Budget:
    """Read a PodDisruptionBudget (policy/v1)."""
    spec = mapping(raw, "spec")
    selector = spec.get("selector")
    return Budget(
        reference(raw),
        read_selector(selector) if isinstance(selector, dict) else None,
        _bound(spec, "minAvailable"),
        _bound(spec, "maxUnavailable"),
        integer(mapping(raw, "status"), "expectedPods") or 0,
    )


def _bound(spec: Raw, name: str) -> Bound | None:
    value = spec.get(name)
    return value if isinstance(value, str) else integer(spec, name)


@frozen
class Obstacle:
    """Why no running pod of a workload can be evicted."""

    budgets: tuple[str, ...]
    why: str
    """The field that forbids it; empty where there are several budgets."""


def obstacle(
    pods: Sequence[Raw], budgets: Iterable[Budget], replicas: int | None
) -> Obstacle | None:
    """Find what keeps the pods of a workload from being evicted, in every version of its template.

    The eviction API refuses a pod that several budgets select, whatever these say.
    """
    labels = [strings(pod, "metadata", "labels") for pod in pods]
    on = [one for one in budgets if labels and all(map(one.selects, labels))]
    on.sort(key=lambda one: one.ref.name or "")
    if len(on) > 1:
        return Obstacle(tuple(one.ref.name or "" for one in on), "")
    why = on[0].forbids(replicas) if on else None
    return Obstacle((on[0].ref.name or "",), why) if why is not None else None

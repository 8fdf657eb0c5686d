"""Gather what the rules need to judge one autoscaler: a small document of resolved facts.

Python resolves here what is hard and fixed in Kubernetes; the rules in `policies/` decide what of
it is wrong. The document's shape is versioned, since people write rules against it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from webhook.core.autoscaler_facts import NOTHING_AROUND, Around, autoscaler_document
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa
from webhook.core.finding import ObjectFix
from webhook.core.frozen import frozen
from webhook.core.generated import judged
from webhook.core.namespace_facts import namespace_document
from webhook.core.objects import DEFAULT_NAMESPACE, ObjectRef
from webhook.core.overlap_documents import (
    Overlap,
    alias_metric_overlap,
    duplicate_scaler_overlaps,
    duplicate_vpa_overlap,
    excess_overlap,
    exempt_from,
    same_metric_overlap,
    scaler_reductions,
    vpa_reductions,
)
from webhook.core.overlaps import Place, alias_metric, same_metric, same_under_another_name
from webhook.core.pod import CPU
from webhook.core.shared_pods import sharing_pods
from webhook.core.vpa_facts import own_fixes
from webhook.core.vpa_limits import excesses
from webhook.core.world import Autoscaler, World, is_same_object

DOCUMENT_VERSION = 1

One = TypeVar("One", Scaler, Vpa)

# What the rules take grows with the square of a document's overlaps: compiled 0.8 ms for one of 16,
# and half a second for one of 512; an OPA server more. An object meets more than a handful only
# where somebody plays with us: the first 512 say enough, and in documents of 16 they take 26 ms of
# an admission's 3 s. To find them takes 60 ms, and 0.15 ms for each that is beyond: which of them
# count is known only when all are found.
OVERLAPS_PER_DOCUMENT = 16
MOST_OVERLAPS = 512


# A fix ends what a VPA has with all scalers of its workload. Two are a mistake, and more than a
# handful a game; each of them is held against each VPA.
MOST_IN_A_FIX = 8

# The rule that the fix is of: those that are exempted from it keep what they share.
SAME_METRIC = "hpa-vpa-same-metric"


@frozen
class Facts:
    """Everything that is known about one autoscaler for its judgement."""

    subject: Autoscaler
    autoscaler: dict[str, Any]
    """What rules read of the subject alone."""
    overlaps: tuple[Overlap, ...]
    exempt: Mapping[str, ObjectRef]
    """Rules from which the subject or its workload is exempted, each with the one that says so."""
    namespace: dict[str, Any] | None
    """What rules read of the namespace."""
    fixes: Mapping[str, ObjectFix]
    """The fixes of what the subject says alone, by the names that rules have for them."""

    def documents(self, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the inputs of the rules: one, or several where there are many overlaps."""
        numbered = [{"id": each, **one.document} for each, one in enumerate(self.overlaps)]
        for start in range(0, max(len(numbered), 1), OVERLAPS_PER_DOCUMENT):
            yield {
                "version": DOCUMENT_VERSION,
                "settings": settings,
                "object": self.subject.ref.as_json() | {"text": str(self.subject.ref)},
                "namespace": self.namespace,
                "autoscaler": self.autoscaler,
                "overlaps": numbered[start : start + OVERLAPS_PER_DOCUMENT],
            }


def gather(subject: Autoscaler, world: World, around: Around = NOTHING_AROUND) -> Facts:
    """Find every meeting of one autoscaler with others of its world, never with itself."""
    # Those without an exemption first: what is beyond the bound never hides a denial behind them.
    meetings = _Meetings(world, around)
    found = sorted(meetings.of(subject), key=_is_let_pass)
    overlaps = tuple(found[:MOST_OVERLAPS])
    document = autoscaler_document(subject, world, around)
    home = namespace_document(subject.ref.namespace or DEFAULT_NAMESPACE, world)
    fixes = own_fixes(subject) if isinstance(subject, Vpa) else {}
    return Facts(subject, document, overlaps, exempt_from(world, subject), home, fixes)


def _is_let_pass(overlap: Overlap) -> bool:
    return bool(overlap.exempt) or overlap.document.get("tolerated", False)


class _Meetings:
    """Who meets whom in a world."""

    def __init__(self, world: World, around: Around) -> None:
        self._world = world
        self._around = around

    def of(self, subject: Autoscaler) -> Iterator[Overlap]:
        """Yield what an autoscaler meets."""
        key, world = subject.target, self._world
        if not subject.active or key is None:
            return
        if isinstance(subject, Vpa):
            for scaler, at in self._scalers(key, *world.owners(key)):
                yield from self._pair(scaler, subject, at, is_scaler=False)
            for scaler, at in self._scalers(*world.other_names(key), *world.above(key)):
                yield from self._alias(scaler, subject, at, is_scaler=False)
            yield from self._other_vpas(subject, key)
            yield from self._limits(subject, key)
        else:
            for vpa in self._vpas(key, *world.owned(key)):
                yield from self._pair(subject, vpa, key, is_scaler=True)
            for vpa in self._vpas(*world.other_names(key), *world.below(key)):
                yield from self._alias(subject, vpa, key, is_scaler=True)
            yield from self._other_scalers(subject, key)

    def _vpas(self, *keys: WorkloadKey) -> Iterator[Vpa]:
        """The VPAs of workloads that stand as they are.

        One that the controller made never blocks a scaler: it gives up what the scaler reads.
        """
        world = self._world
        return (vpa for key in keys for vpa in world.vpas(key) if not world.is_managed(vpa))

    def _scalers(self, *keys: WorkloadKey) -> Iterator[tuple[Scaler, WorkloadKey]]:
        """The scalers of workloads that a finding names: makers, not the HPAs made of them."""
        return ((one, key) for key in keys for one in judged(key, self._world))

    def _other_vpas(self, subject: Vpa, key: WorkloadKey) -> Iterator[Overlap]:
        world = self._world
        for other in self._under_each_name(key, world.vpas):
            gives_way = world.is_managed(other) and not world.is_managed(subject)
            both = other.writes and subject.writes and not is_same_object(other, subject)
            if both and not gives_way:
                yield duplicate_vpa_overlap(subject, other, key, world)

    def _under_each_name(
        self, key: WorkloadKey, on: Callable[[WorkloadKey], Iterable[One]]
    ) -> Iterator[One]:
        """What acts on a workload, by whichever of its names."""
        for name in (key, *self._world.other_names(key)):
            yield from on(name)

    def _limits(self, subject: Vpa, key: WorkloadKey) -> Iterator[Overlap]:
        """Meet what says how much containers and pods may have."""
        world, around = self._world, self._around
        shapes = (*around.shapes, *world.largest_nodes())
        pods = world.pods(key) if subject.policies else ()
        made = [around.fitted(one, key.namespace, world) for one in pods]
        for found in excesses(subject, key, world, shapes, made):
            yield excess_overlap(found, subject, key, world)

    def _other_scalers(self, subject: Scaler, key: WorkloadKey) -> Iterator[Overlap]:
        world = self._world
        for other in self._under_each_name(key, world.scalers):
            if other.part == subject.part and not is_same_object(other, subject):
                yield from duplicate_scaler_overlaps(subject, other, key, world)
        yield from sharing_pods(subject, key, world)

    def _pair(
        self, scaler: Scaler, vpa: Vpa, key: WorkloadKey, *, is_scaler: bool
    ) -> Iterator[Overlap]:
        """Meet on the scaler's workload, or through one that it owns, where the VPA is inert."""
        world = self._world
        at = vpa.target or key
        reductions = scaler_reductions(scaler, key, world) + vpa_reductions(at, world)
        place = self._place(vpa, key)
        others = islice(self._others(scaler, vpa, at), MOST_IN_A_FIX)
        for same in same_metric(scaler, vpa, place, reductions, others):
            yield same_metric_overlap(same, world, is_scaler=is_scaler)
        for alias in alias_metric(scaler, vpa, place):
            yield alias_metric_overlap(alias, world, is_scaler=is_scaler)

    def _others(self, scaler: Scaler, vpa: Vpa, at: WorkloadKey) -> Iterator[Scaler]:
        """The other scalers that a VPA gives way to, unless somebody lets the two share."""
        for other, _ in self._scalers(at, *self._world.owners(at)):
            is_other = not is_same_object(other, scaler)
            if is_other and SAME_METRIC not in exempt_from(self._world, other, vpa):
                yield other

    def _alias(
        self, scaler: Scaler, vpa: Vpa, key: WorkloadKey, *, is_scaler: bool
    ) -> Iterator[Overlap]:
        """Meet on one workload of two names, or on two that stand above each other."""
        world, place = self._world, self._place(vpa, key)
        is_above = vpa.target not in world.other_names(key)
        for alias in (
            *same_under_another_name(scaler, vpa, place, is_above=is_above),
            *alias_metric(scaler, vpa, place),
        ):
            yield alias_metric_overlap(alias, world, is_scaler=is_scaler)

    def _place(self, vpa: Vpa, key: WorkloadKey) -> Place:
        shares_cpu = self._around.shares_cpu and vpa.gke_rightsizing
        containers = self._world.containers(vpa.target or key)
        return Place(key, containers, frozenset({CPU}) if shares_cpu else frozenset())

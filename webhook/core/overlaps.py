"""Where a scaler of replicas and a VPA meet on one workload: resolved facts for the rules to judge.

An overlap is a pair of objects, a resource and the containers on which they meet. What would make
the judgement milder is listed beside it (`reductions`) and never decides here whether it counts.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from webhook.core.autoscalers.scaler import AliasClaim, MetricClaim, Scaler, TargetType
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import ANY_CONTAINER, MODE_OFF, Vpa, resources
from webhook.core.complement import Fix, complement, what_boosts
from webhook.core.frozen import frozen
from webhook.core.pod import COMPUTE_RESOURCES, CPU
from webhook.core.workload import ContainerSet

# A message names this many containers: it is read by people.
MOST_NAMES = 8

ONLY_AT_START = "the VPA raises cpu only at start (startupBoost)"


class Place(NamedTuple):
    """Where a scaler and a VPA meet."""

    workload: WorkloadKey
    """What the scaler acts on."""
    containers: ContainerSet | None
    """Those of the VPA's workload; None while it does not exist."""
    shared: frozenset[str] = frozenset()
    """The resources that the two may share: no conflict to be mended, a fix leaves them."""


@frozen
class Meeting:
    """The containers on which one metric and a VPA meet."""

    claim: MetricClaim
    containers: tuple[str, ...]
    """The containers, as far as they are known; empty: every one the workload may have."""
    reductions: tuple[str, ...] = ()
    boost: bool = False
    """They meet only in what startupBoost writes."""
    other_than: tuple[str, ...] = ()
    """The containers that the VPA leaves alone, where any other that comes would be met."""


@frozen
class SameMetric:
    """A scaler and a VPA act on one resource of one workload."""

    scaler: Scaler
    vpa: Vpa
    workload: WorkloadKey
    resource: str
    claim: MetricClaim
    containers: tuple[str, ...]
    other_than: tuple[str, ...]
    """The containers that the VPA leaves alone, where `containers` are none and not all of them."""
    reductions: tuple[str, ...]
    boosted_by: str | None
    """What of the VPA raises cpu at start, where they meet in nothing else."""
    vpa_path: str
    fix: Fix | None

    @property
    def boost(self) -> bool:
        """Whether they meet only in what startupBoost writes."""
        return self.boosted_by is not None


@frozen
class AliasMetric:
    """A scaler's custom metric, or its target under another name, meets what a VPA writes."""

    scaler: Scaler
    vpa: Vpa
    workload: WorkloadKey
    resource: str
    containers: tuple[str, ...]
    path: str
    vpa_path: str
    expression: str | None
    """The metric or query; None where the workload goes by two names."""
    relative_to: str | None
    """What the metric divides usage by (`request`, `limit`); None where by nothing."""
    is_above: bool = False
    """The scaler's workload stands above the VPA's, as the owner of an owner of the pods."""


def same_metric(
    scaler: Scaler,
    vpa: Vpa,
    place: Place,
    reductions: Iterable[str],
    others: Iterable[Scaler] = (),
) -> Iterator[SameMetric]:
    """Yield an overlap for each resource on which the two act, in the order cpu, memory.

    Of several metrics on one resource the strongest speaks: one without reductions before others,
    Utilization before an average value. `others` that meet the VPA there count for the fix alone,
    which ends all of that at once.
    """
    containers = place.containers
    common = tuple(reductions)
    found = {
        resource: meetings
        for resource in COMPUTE_RESOURCES
        if (meetings := _meetings(scaler, vpa, resource, containers))
    }
    fix = complement(vpa, _contested((scaler, *others), vpa, place), containers) if found else None
    for resource, meetings in found.items():
        first = meetings[0]
        alike = [one for one in meetings if bool(one.reductions) == bool(first.reductions)]
        names = tuple(dict.fromkeys(name for one in alike for name in one.containers))
        anywhere = [one for one in alike if not one.containers]
        yield SameMetric(
            scaler,
            vpa,
            place.workload,
            resource,
            first.claim,
            () if anywhere else names,
            anywhere[0].other_than if anywhere else (),
            (*common, *first.reductions),
            what_boosts(vpa, first.containers) if first.boost else None,
            (boost_path if first.boost else vpa_path)(vpa, first.containers),
            None if first.boost else fix,
        )


def _contested(scalers: Iterable[Scaler], vpa: Vpa, place: Place) -> dict[str, list[MetricClaim]]:
    """The metrics to which the VPA has to leave a resource."""
    among = tuple(scalers)
    return {
        resource: [
            meeting.claim
            for scaler in among
            for meeting in _meetings(scaler, vpa, resource, place.containers)
            if not meeting.boost
        ]
        for resource in COMPUTE_RESOURCES
        if resource not in place.shared
    }


def _meetings(
    scaler: Scaler, vpa: Vpa, resource: str, containers: ContainerSet | None
) -> list[Meeting]:
    # Metrics that ask the same of the same containers meet alike: the first one stands for them.
    different = {
        (claim.container, claim.target_type, claim.dropped): claim
        for claim in reversed(scaler.metrics)
        if claim.resource == resource
    }
    met = [
        meeting
        for claim in reversed(different.values())
        if (meeting := _meet(claim, vpa, containers))
    ]
    # Stable: of equals the metric that is written first comes first.
    return sorted(
        met,
        key=lambda one: (bool(one.reductions), one.claim.target_type is not TargetType.UTILIZATION),
    )


def _meet(claim: MetricClaim, vpa: Vpa, containers: ContainerSet | None) -> Meeting | None:
    if containers is not None:
        meeting = _meet_known(claim, vpa, containers)
    elif claim.container is not None:
        meeting = _meet_known(claim, vpa, ContainerSet((claim.container,)))
    else:
        meeting = _meet_unknown(claim, vpa)
    if meeting is None or not claim.dropped:
        return meeting
    reason = "KEDA drops this container's metric under scalingModifiers"
    return Meeting(claim, meeting.containers, (*meeting.reductions, reason), meeting.boost)


def _meet_known(claim: MetricClaim, vpa: Vpa, containers: ContainerSet) -> Meeting | None:
    """Meet on the containers of a template: VPA leaves init containers and sidecars alone."""
    covered = [name for name in containers.regular if claim.container in {None, name}]
    controlled = tuple(name for name in covered if vpa.controls(name, claim.resource))
    boosted = tuple(name for name in covered if claim.resource == CPU and vpa.boosts_cpu(name))
    if not controlled and not boosted:
        return None
    reductions = []
    relative = claim.target_type is TargetType.UTILIZATION
    if claim.container is None and relative and claim.resource in containers.pod_level:
        reductions.append("the pod's own request (spec.resources) is what the metric divides by")
    if not controlled:
        reductions.append(ONLY_AT_START)
    return Meeting(claim, controlled or boosted, tuple(reductions), boost=not controlled)


def _meet_unknown(claim: MetricClaim, vpa: Vpa) -> Meeting | None:
    """Meet on a workload whose containers nobody knows yet.

    What holds for every template that may come is certain; what needs a further container waits
    for the workload.
    """
    names = [policy.name for policy in vpa.named]
    rest = vpa.controls(ANY_CONTAINER, claim.resource)
    named = [name for name in names if vpa.controls(name, claim.resource)]
    freed = [name for name in names if not vpa.controls(name, claim.resource)]
    if rest and not freed:
        return Meeting(claim, ())
    if rest:
        reason = "holds once the workload has such a container"
        return Meeting(claim, (), (reason,), other_than=tuple(_some(freed)))
    if named:
        listed = " or ".join(_some(named))
        return Meeting(claim, tuple(named), (f"holds once the workload has a container {listed}",))
    boosted = [name for name in (ANY_CONTAINER, *names) if vpa.boosts_cpu(name)]
    if claim.resource == CPU and boosted:
        met = () if ANY_CONTAINER in boosted else tuple(boosted)
        return Meeting(claim, met, (ONLY_AT_START,), boost=True)
    return None


def _some(names: list[str]) -> list[str]:
    """Names as a sentence can show them."""
    more = len(names) - MOST_NAMES
    return names[:MOST_NAMES] + ([f"{more} more"] if more > 0 else [])


def vpa_path(vpa: Vpa, containers: tuple[str, ...]) -> str:
    """Where in a VPA it says (or would say) what it controls of the first of the containers."""
    policy = vpa.policy(containers[0]) if containers else vpa.wildcard
    if policy is None:
        return (
            "spec.resourcePolicy" if not vpa.policies else "spec.resourcePolicy.containerPolicies"
        )
    written = policy.raw.get("controlledResources") is not None
    return f"{policy.path}.controlledResources" if written else policy.path


def boost_path(vpa: Vpa, containers: tuple[str, ...]) -> str:
    """Where in a VPA the first of the containers is boosted: by its policy, or for all of them."""
    policy = vpa.policy(containers[0]) if containers else vpa.wildcard
    if policy is None or policy.boosts is None:
        return "spec.startupBoost"
    return f"{policy.path}.startupBoost"


def alias_metric(scaler: Scaler, vpa: Vpa, place: Place) -> Iterator[AliasMetric]:
    """Yield an overlap for each resource that custom metrics read and the VPA writes."""
    for resource in COMPUTE_RESOURCES:
        claims = [claim for claim in scaler.aliases if claim.resource == resource]
        written = controlled(vpa, resource, place.containers)
        if claims and written is not None:
            claim = _strongest(claims)
            yield AliasMetric(
                scaler,
                vpa,
                place.workload,
                resource,
                written,
                claim.path,
                vpa_path(vpa, written),
                claim.expression,
                claim.relative_to,
            )


def _strongest(claims: list[AliasClaim]) -> AliasClaim:
    return next((claim for claim in claims if claim.relative_to), claims[0])


def same_under_another_name(
    scaler: Scaler, vpa: Vpa, place: Place, *, is_above: bool
) -> Iterator[AliasMetric]:
    """Yield what would be the same metric if both targets were one by name, too."""
    for same in same_metric(scaler, vpa, place, ()):
        yield AliasMetric(
            scaler,
            vpa,
            place.workload,
            same.resource,
            same.containers,
            same.claim.path,
            "spec.targetRef",
            None,
            None,
            is_above=is_above,
        )


def controlled(vpa: Vpa, resource: str, containers: ContainerSet | None) -> tuple[str, ...] | None:
    """The containers whose requests a VPA may write; empty for all of a workload to come.

    None where there is no such container.
    """
    if containers is not None:
        names = tuple(name for name in containers.regular if vpa.controls(name, resource))
        return names or None
    if vpa.mode == MODE_OFF:
        return None
    named = tuple(policy.name for policy in vpa.named if resource in policy.resources)
    return () if resource in resources(vpa.wildcard) else named or None

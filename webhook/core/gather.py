"""Gather what the rules need to judge one autoscaler: a small document of resolved facts.

Python resolves here what is hard and fixed in Kubernetes; the rules in `policies/` decide what of
it is wrong. The document's shape is versioned, since people write rules against it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from webhook.core.autoscaler_facts import NOTHING_AROUND, Around, autoscaler_document
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa
from webhook.core.finding import ObjectFix
from webhook.core.generated import generated, judged, made, maker
from webhook.core.objects import ObjectRef
from webhook.core.overlaps import AliasMetric, SameMetric, alias_metric, same_metric
from webhook.core.vpa_limits import excesses
from webhook.core.world import HPA, SCALED_OBJECT, Autoscaler, World, is_same_object

DOCUMENT_VERSION = 1
LONGEST_QUOTE = 120

# The embedded engine's time grows with the square of a document's overlaps: 0.7 ms each up to 16 of
# them, and 800 in one document took 4.6 s. An object meets more than a handful only where somebody
# plays with us: the first 512 say enough and take 0.4 s of an admission's 3.
OVERLAPS_PER_DOCUMENT = 16
MOST_OVERLAPS = 512


@dataclass(frozen=True, slots=True)
class Overlap:
    """One place where two objects meet: what rules read, and what a finding on it carries."""

    document: dict[str, Any]
    path: str
    resource: str | None
    containers: tuple[str, ...]
    related: tuple[ObjectRef, ...]
    workload: WorkloadKey
    exempt: Mapping[str, ObjectRef]
    """Rules from which the pair is exempted, each with the object that says so."""
    fix: ObjectFix | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is known about one autoscaler for its judgement."""

    subject: Autoscaler
    autoscaler: dict[str, Any]
    """What rules read of the subject alone."""
    overlaps: tuple[Overlap, ...]
    exempt: Mapping[str, ObjectRef]
    """Rules from which the subject or its workload is exempted, each with the one that says so."""

    def documents(self, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the inputs of the rules: one, or several where there are many overlaps."""
        numbered = [{"id": each, **one.document} for each, one in enumerate(self.overlaps)]
        for start in range(0, max(len(numbered), 1), OVERLAPS_PER_DOCUMENT):
            yield {
                "version": DOCUMENT_VERSION,
                "settings": settings,
                "object": self.subject.ref.as_json() | {"text": str(self.subject.ref)},
                "autoscaler": self.autoscaler,
                "overlaps": numbered[start : start + OVERLAPS_PER_DOCUMENT],
            }


def gather(subject: Autoscaler, world: World, around: Around = NOTHING_AROUND) -> Facts:
    """Find every meeting of one autoscaler with others of its world, never with itself."""
    # Those without an exemption first: what is beyond the bound never hides a denial behind them.
    found = sorted(_meetings(subject, world, around), key=_is_let_pass)
    overlaps = tuple(found[:MOST_OVERLAPS])
    document = autoscaler_document(subject, world, around)
    return Facts(subject, document, overlaps, _exempt(world, subject))


def _is_let_pass(overlap: Overlap) -> bool:
    return bool(overlap.exempt) or overlap.document.get("tolerated", False)


def _meetings(subject: Autoscaler, world: World, around: Around) -> Iterator[Overlap]:
    if not subject.active or subject.target is None:
        return
    if isinstance(subject, Vpa):
        yield from _vpa_meetings(subject, subject.target, world)
        yield from _vpa_limits(subject, subject.target, world, around)
    else:
        yield from _scaler_meetings(subject, subject.target, world)


def _scaler_meetings(subject: Scaler, key: WorkloadKey, world: World) -> Iterator[Overlap]:
    for at in (key, *world.owned(key)):
        for vpa in world.vpas(at):
            yield from _pair(subject, vpa, key, world, is_scaler=True)
    for name in world.other_names(key):
        for vpa in world.vpas(name):
            yield from _two_names(subject, vpa, key, world, is_scaler=True)
    for other in world.scalers(key):
        if not is_same_object(other, subject):
            yield from _duplicate_scaler(subject, other, key, world)


def _vpa_meetings(subject: Vpa, key: WorkloadKey, world: World) -> Iterator[Overlap]:
    for at in (key, *world.owners(key)):
        for scaler in judged(at, world):
            yield from _pair(scaler, subject, at, world, is_scaler=False)
    for name in world.other_names(key):
        for scaler in judged(name, world):
            yield from _two_names(scaler, subject, name, world, is_scaler=False)
    for other in world.vpas(key):
        if other.writes and subject.writes and not is_same_object(other, subject):
            yield _duplicate_vpa(subject, other, key, world)


def _vpa_limits(subject: Vpa, key: WorkloadKey, world: World, around: Around) -> Iterator[Overlap]:
    """Meet what says how much containers and pods may have."""
    shapes = (*around.shapes, *world.largest_nodes())
    exempt = _exempt(world, subject)
    pods = world.pods(key) if subject.policies else ()
    made = [around.fitted(one, key.namespace, world) for one in pods]
    for found in excesses(subject, key, world, shapes, made):
        parties = {"workload": _workload(key), "vpa": _object(subject.ref) | {"mode": subject.mode}}
        yield Overlap(
            found.document() | parties,
            found.path,
            found.limit.resource,
            found.containers,
            (found.limit.ref,) if found.limit.ref is not None else (),
            key,
            exempt,
            ObjectFix(subject.ref, list(found.patch)) if found.patch else None,
        )


def _exempt(world: World, *objects: Autoscaler) -> Mapping[str, ObjectRef]:
    """Rules from which an object of the pair or its workload is exempted: it covers both."""
    workloads = (world.workload(one.target) for one in objects if one.target is not None)
    exempted = (*objects, *(workload for workload in workloads if workload is not None))
    return {rule: one.ref for one in reversed(exempted) for rule in one.exempt}


def _scaler_reductions(scaler: Scaler, key: WorkloadKey, world: World) -> list[str]:
    reductions = []
    if scaler.inert is not None:
        reductions.append(
            f"{scaler.ref.kind} {scaler.ref.name} has no effect now: {scaler.inert.reason}"
        )
    made_by = maker(scaler, key, world)
    if made_by is not None:
        reductions.append(f"generated by {made_by.ref}, which is judged itself")
    return reductions


def _vpa_reductions(key: WorkloadKey, world: World) -> list[str]:
    """Say why a VPA on this target writes nothing: its target has an owner that it should name."""
    return [
        f"the VPA is inert: {key.kind} {key.name} is owned by {owner.kind} {owner.name}"
        for owner in world.owners(key)
    ]


def _pair(
    scaler: Scaler, vpa: Vpa, key: WorkloadKey, world: World, *, is_scaler: bool
) -> Iterator[Overlap]:
    """Meet on the scaler's workload, or through one that it owns, where the VPA is inert."""
    at = vpa.target or key
    containers = world.containers(at)
    reductions = _scaler_reductions(scaler, key, world) + _vpa_reductions(at, world)
    for same in same_metric(scaler, vpa, key, containers, reductions):
        yield _same_metric(same, world, is_scaler=is_scaler)
    for alias in alias_metric(scaler, vpa, key, containers):
        yield _alias_metric(alias, world, is_scaler=is_scaler)


def _two_names(
    scaler: Scaler, vpa: Vpa, key: WorkloadKey, world: World, *, is_scaler: bool
) -> Iterator[Overlap]:
    """Meet under two names of one workload: what would be a conflict is an alias."""
    for same in same_metric(scaler, vpa, key, world.containers(key), ()):
        alias = AliasMetric(
            scaler,
            vpa,
            key,
            same.resource,
            same.containers,
            same.claim.path,
            "spec.targetRef",
            None,
            False,  # noqa: FBT003
        )
        yield _alias_metric(alias, world, is_scaler=is_scaler)


def _same_metric(same: SameMetric, world: World, *, is_scaler: bool) -> Overlap:
    scaler, vpa, claim = same.scaler, same.vpa, same.claim
    document = {
        "type": "same-metric",
        "workload": _workload(same.workload),
        "resource": same.resource,
        "containers": list(same.containers),
        "scaler": _object(scaler.ref),
        "vpa": _object(vpa.ref) | {"mode": vpa.mode, "gkeRightsizing": vpa.gke_rightsizing},
        "metric": {
            "path": claim.path,
            "container": claim.container,
            "target": claim.target,
            "targetType": claim.target_type.value,
            "defaulted": claim.defaulted,
        },
        "boost": same.boost,
        "reductions": list(same.reductions),
        "fix": same.fix.summary if same.fix is not None else None,
    }
    return Overlap(
        document,
        claim.path if is_scaler else same.vpa_path,
        same.resource,
        same.containers,
        _related(scaler, vpa, same.workload, world, is_scaler=is_scaler),
        same.workload,
        _exempt(world, scaler, vpa),
        ObjectFix(vpa.ref, same.fix.patch) if same.fix is not None else None,
    )


def _alias_metric(alias: AliasMetric, world: World, *, is_scaler: bool) -> Overlap:
    scaler, vpa = alias.scaler, alias.vpa
    document = {
        "type": "alias-metric",
        "workload": _workload(alias.workload),
        "resource": alias.resource,
        "containers": list(alias.containers),
        "scaler": _object(scaler.ref),
        "vpa": _object(vpa.ref) | {"mode": vpa.mode, "target": str(vpa.target)},
        "expression": _shortened(alias.expression),
        "requestRelative": alias.request_relative,
        "path": alias.path,
    }
    return Overlap(
        document,
        alias.path if is_scaler else alias.vpa_path,
        alias.resource,
        alias.containers,
        _related(scaler, vpa, alias.workload, world, is_scaler=is_scaler),
        alias.workload,
        _exempt(world, scaler, vpa),
    )


def _related(
    scaler: Scaler, vpa: Vpa, key: WorkloadKey, world: World, *, is_scaler: bool
) -> tuple[ObjectRef, ...]:
    """The counterpart first; then what belongs to the scaler: its generated HPA, or its maker."""
    counterpart = vpa.ref if is_scaler else scaler.ref
    made_by = maker(scaler, key, world)
    makers = [made_by.ref] if made_by is not None else []
    return counterpart, *generated(scaler, key, world), *makers


def _duplicate_scaler(
    subject: Scaler, other: Scaler, key: WorkloadKey, world: World
) -> Iterator[Overlap]:
    """Meet another scaler of the same replicas, unless KEDA knows both as one."""
    made_by, others_maker = maker(subject, key, world), maker(other, key, world)
    if others_maker is not None or any(
        made(one, two) or _takes_over(one, two) for one, two in ((subject, other), (other, subject))
    ):
        return
    tolerated = any(
        one.tolerates_scaled_objects and two.ref.group_kind == SCALED_OBJECT
        for one, two in ((subject, other), (other, subject))
    )
    document = {
        "type": "duplicate-scaler",
        "workload": _workload(key),
        "scaler": _object(subject.ref),
        "other": _object(other.ref),
        "tolerated": tolerated,
        "reductions": [f"generated by {made_by.ref}, which is judged itself"] if made_by else [],
    }
    yield Overlap(
        document,
        "spec.scaleTargetRef",
        None,
        (),
        (other.ref, *generated(other, key, world)),
        key,
        _exempt(world, subject, other),
    )


def _takes_over(scaled_object: Scaler, hpa: Scaler) -> bool:
    """Whether an HPA is about to become a ScaledObject's own."""
    return hpa.ref.group_kind == HPA and scaled_object.takes_over == hpa.ref.name is not None


def _duplicate_vpa(subject: Vpa, other: Vpa, key: WorkloadKey, world: World) -> Overlap:
    document = {
        "type": "duplicate-vpa",
        "workload": _workload(key),
        "vpa": _object(subject.ref) | {"mode": subject.mode},
        "other": _object(other.ref) | {"mode": other.mode},
        "reductions": _vpa_reductions(key, world),
    }
    related, exempt = (other.ref,), _exempt(world, subject, other)
    return Overlap(document, "spec.targetRef", None, (), related, key, exempt)


def _shortened(expression: str | None) -> str | None:
    """Cut a query to what a message can show."""
    if expression is None or len(expression) <= LONGEST_QUOTE:
        return expression
    return expression[: LONGEST_QUOTE - 1] + "…"


def _object(ref: ObjectRef) -> dict[str, Any]:
    return ref.as_json() | {"text": str(ref)}


def _workload(key: WorkloadKey) -> dict[str, str]:
    return key._asdict() | {"text": f"{key.kind} {key.name}"}

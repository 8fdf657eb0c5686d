"""Whether a workload can be the target of a VPA that is made for it."""

from collections.abc import Iterator

from webhook.core.autoscalers.target import WELL_KNOWN
from webhook.core.fields import Raw
from webhook.core.kinds import Kind, Kinds
from webhook.core.objects import GroupKind, Owner, controller
from webhook.core.pod import has_pod_level_resources
from webhook.core.workload import Workload
from webhook.core.world import World


def no_target(raw: Raw, workload: Workload, kind: Kind, world: World) -> str | None:
    """Say why no VPA is made for a workload by what it is; None where one may be.

    A VPA names the topmost owner that VPA finds pods by: a well-known kind or one with /scale.
    """
    return next(_reasons(raw, workload, kind, world), None)


def _reasons(raw: Raw, workload: Workload, kind: Kind, world: World) -> Iterator[str]:
    for above in world.owners(workload.key):
        yield f"its owner {above.kind} {above.name} is planned for"
    yield from _of_kind(kind)
    owner = controller(raw)
    if owner is not None and _is_gang(owner, world.kinds):
        yield f"its owner {owner.kind} {owner.name} runs its pods as a gang"
    if owner is not None and _is_unknown_target(owner, world):
        yield (
            f"its owner {owner.kind} {owner.name} can be scaled: VPA wants that one named, and "
            f"what its pods are for is not known: list {owner.kind} of {owner.group} under "
            "workloads in the configuration"
        )
    for other in world.other_names(workload.key):
        yield f"its pods also belong to {other.kind} {other.name}"
    if any(has_pod_level_resources(made.pod) for made in workload.pods):
        yield "its pods have resources as a whole (spec.resources), which VPA does not support"


def _of_kind(kind: Kind) -> Iterator[str]:
    group, name = kind.group_kind
    if WELL_KNOWN.get(name, group) != group:
        yield f"VPA takes each {name} for the built-in one, and would miss the pods of {group}'s"
    if not kind.scalable:
        yield f"{name} has no scale subresource: VPA cannot find its pods"
    if kind.no_vpa:
        yield kind.no_vpa


def _is_unknown_target(owner: Owner, world: World) -> bool:
    """Whether VPA's walk goes on to an owner of a kind that nobody here knows.

    Source: VPA pkg/target/controller_fetcher (`FindTopMostWellKnownOrScalable`).
    """
    kind = GroupKind(owner.group, owner.kind)
    return world.kinds.get(kind) is None and world.has_scale(kind)


def _is_gang(owner: Owner, kinds: Kinds) -> bool:
    """Whether an owner runs what it makes as one: nothing of it is fitted by itself."""
    kind = kinds.get(GroupKind(owner.group, owner.kind))
    return kind is not None and kind.gang

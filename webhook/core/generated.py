"""The HPAs that operators make of other objects: judged at their makers, not themselves."""

from webhook.core.autoscalers.kinds import HPA
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.objects import ObjectRef
from webhook.core.world import World


def is_hpa(scaler: Scaler) -> bool:
    """Whether it is the HPA controller that computes the replicas."""
    return scaler.ref.group_kind == HPA or (
        scaler.makes is not None and scaler.makes.group_kind == HPA
    )


def maker(scaler: Scaler, key: WorkloadKey, world: World) -> Scaler | None:
    """Return what a scaler was generated from; None for everybody else's."""
    # Most HPAs are somebody's own: they are told by having no owner, without a search.
    candidates = world.makers(key) if scaler.owner is not None else ()
    return next((one for one in candidates if made(one, scaler)), None)


def judged(key: WorkloadKey, world: World) -> list[Scaler]:
    """The scalers of a workload that a finding names: makers, not the HPAs made of them."""
    return [scaler for scaler in world.scalers(key) if maker(scaler, key, world) is None]


def made(one: Scaler, other: Scaler) -> bool:
    """Whether the second was generated from the first.

    Anybody can write an ownerReference: it must have the maker's uid where both have one, the maker
    must expect an object of that kind and name, and both must target the same workload.
    """
    return (
        one.makes == (other.ref.group_kind, other.ref.name)
        and other.owner is not None
        and other.owner.is_object(one.ref, one.uid)
        and one.target == other.target
    )


def judged_maker(scaler: Scaler, key: WorkloadKey, world: World) -> Scaler | None:
    """Return the maker that is judged in a scaler's place.

    What comes with an object that says nothing of scaling (KServe's) is judged like a user's.
    """
    found = maker(scaler, key, world)
    return found if found is not None and not found.implied else None


def root(scaler: Scaler, key: WorkloadKey, world: World) -> Scaler:
    """Return the first of those of which one was made of the other: KServe, KEDA, HPA."""
    above = maker(scaler, key, world)
    return scaler if above is None else root(above, key, world)


def generated(scaler: Scaler, key: WorkloadKey, world: World) -> list[ObjectRef]:
    """What was made of a scaler, and of that in turn, where it is there already."""
    if scaler.makes is None:
        return []
    found = [other for other in world.scalers(key) if made(scaler, other)]
    return [ref for one in found for ref in (one.ref, *generated(one, key, world))]

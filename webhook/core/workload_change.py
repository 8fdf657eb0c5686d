"""What another version of a workload means to the autoscalers on it: what it adds, as warnings.

A workload is updated all day, by pipelines that no warning stops. So only that is said which its
former version did not bring about, and it is never denied: who changes a workload did not write the
autoscalers.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from webhook.core.autoscalers.vpa import Vpa
from webhook.core.conclude import is_kept
from webhook.core.finding import Action, Finding, weaker
from webhook.core.frozen import frozen
from webhook.core.gather import OVERLAPS_PER_DOCUMENT, Facts
from webhook.core.generated import judged
from webhook.core.kinds import Kinds
from webhook.core.objects import POD, reference
from webhook.core.review import Request
from webhook.core.workload import Workload, read_workload
from webhook.core.world import Autoscaler, World

# Scalers and VPAs of one workload that are looked at, of either as many, each with one document of
# meetings for each version. More than one or two of them are refused. Were they there all the same,
# the rules would take 8 * 2 versions * 0.8 ms; VPAs, which are judged alone, take next to nothing.
MOST_AUTOSCALERS = 8


@frozen
class Judging:
    """How an autoscaler is judged."""

    gather: Callable[[Autoscaler, World], Facts]
    conclude: Callable[[Facts], list[Finding]]


def brought(request: Request, world: World, kinds: Kinds, judging: Judging) -> list[Finding]:
    """Find what a request for a workload brings about, on the autoscalers that act on it.

    Nothing is read or judged where its templates stay as they were, or nothing acts on it. On a pod
    nothing can act, whoever names it: it has no scale.
    """
    ref = reference(request.object)
    kind = kinds.get(ref.group_kind)
    if kind is None or ref.name is None or ref.group_kind == POD:
        return []
    new = _version(read_workload(request.object, kind))
    is_update = request.operation == "UPDATE"
    old = _version(read_workload(request.old_object, kind)) if is_update else None
    if old is not None and _is_alike(old, new):
        return []
    before, after = world.supposing(new.key, old), world.supposing(new.key, new)
    return [
        replace(
            finding,
            action=weaker(finding.action, Action.WARN),
            would=weaker(finding.would, Action.WARN) if finding.would is not None else None,
            message=f"{finding.message}; it comes with this version of {ref}",
            related=(subject.ref, *finding.related),
        )
        for subject in _autoscalers(new, after)
        for finding in _added(judging, subject, before, after)
    ]


def _version(workload: Workload) -> Workload:
    """A workload as far as its author decides it: a person or the HPA itself scales it to zero."""
    return replace(workload, replicas=None)


def _is_alike(old: Workload, new: Workload) -> bool:
    return old == new and old.pods == new.pods


def _autoscalers(workload: Workload, world: World) -> Iterator[Autoscaler]:
    """What acts on a workload, under each of its names."""
    for key in (workload.key, *world.other_names(workload.key)):
        yield from islice(judged(key, world), MOST_AUTOSCALERS)
        yield from islice(world.vpas(key), MOST_AUTOSCALERS)


def _added(judging: Judging, subject: Autoscaler, before: World, after: World) -> Iterator[Finding]:
    """Yield the findings on an autoscaler that it did not have, or had milder or on less."""
    had, has = judging.gather(subject, before), judging.gather(subject, after)
    had, has = _apart_from(had, has), _apart_from(has, had)
    if had == has:
        return
    old = judging.conclude(had)
    for finding in judging.conclude(has):
        if not any(is_kept(finding, one) for one in old):
            yield finding


def _apart_from(facts: Facts, others: Facts) -> Facts:
    """Leave out meetings that are the same in another version: what is said of them is, too.

    A meeting of a scaler and a VPA is told once, of the scaler.
    """
    is_vpa = isinstance(facts.subject, Vpa)
    changed = () if is_vpa else (one for one in facts.overlaps if one not in others.overlaps)
    return replace(facts, overlaps=tuple(islice(changed, OVERLAPS_PER_DOCUMENT)))

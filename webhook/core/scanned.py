"""How things stand with what exists: judged as requests are, recorded as they are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.decide import Judge
from webhook.core.fields import Raw
from webhook.core.finding import Action
from webhook.core.frozen import frozen
from webhook.core.kinds import Kinds
from webhook.core.mutations import ANNOTATIONS
from webhook.core.objects import ObjectRef, controller, reference
from webhook.core.patch import dotted
from webhook.core.pod_facts import PodSubject
from webhook.core.record import OwnerRef, Record, RecordKind
from webhook.core.recorded import of_finding, of_patch, owner_of, short
from webhook.core.recorded_fields import recorded_fields
from webhook.core.scrub import scrubbed_all
from webhook.core.standing import Standing
from webhook.core.verdict import CannotJudge
from webhook.core.who_scales import Judged, acting_by, judged_at
from webhook.core.world import Autoscaler, World

# More than a few are told of a workload only where somebody plays with us. With some 10 kB each a
# standing stays far below what a delivery holds, and a look takes seconds at the most.
MOST_RECORDS = 128


@frozen
class Written:
    """What is recorded of an object whatever is found on it."""

    owner: OwnerRef | None = None
    fields: Raw = field(default_factory=dict)


def written_in(raw: Raw, kinds: Kinds) -> Written:
    """Read it from an object."""
    return Written(owner_of(raw), recorded_fields(raw, kinds))


@frozen
class Existing:
    """What is known of a workload and its autoscalers beside the world that they are in."""

    raw: Raw | None
    """The workload; None where it is not there, or nothing of it is known."""
    written: Callable[[ObjectRef], Written]
    """What is recorded of an autoscaler."""
    alone: Autoscaler | None = None
    """The autoscaler that names no workload, where the standing is of that one."""


def standing_of(key: WorkloadKey, existing: Existing, judge: Judge, world: World) -> Standing:
    """Say how things stand with a workload; raises `CannotJudge`.

    A conflict is told of each of its two objects, as a request for either would have been answered.
    """
    if world.is_ignored(key.namespace):
        return Standing(key)
    judged = judged_at(key, existing.raw, judge, world, MOST_RECORDS)
    if existing.alone is not None:
        found = tuple(judge.findings(existing.alone, world))
        judged = Judged(((existing.alone, found),), ())
    records = [
        *_of_autoscalers(judged, existing, judge, world),
        *_of_pods(existing.raw, judged.pods, judge, world),
    ]
    if (why := judge.unheard()) is not None:
        raise CannotJudge(why)  # what these rules found before would seem to be over
    told = existing.alone is None and _is_told(judged)
    return Standing(
        key,
        tuple(sorted(records, key=_place)[:MOST_RECORDS]),
        scrubbed_all(acting_by(key, judged, world).as_json()) if told else None,
    )


def _is_told(judged: Judged) -> bool:
    """Whether anything scales a workload, or it makes AI pods."""
    return bool(judged.findings) or any(pod.ai_pod is not None for pod in judged.pods)


def _of_autoscalers(
    judged: Judged, existing: Existing, judge: Judge, world: World
) -> Iterator[Record]:
    for subject, findings in judged.findings:
        if findings:
            plain = _plain(subject.ref, existing.written(subject.ref), judge, world)
            yield from (of_finding(plain, finding) for finding in findings)


def _of_pods(
    raw: Raw | None, pods: Sequence[PodSubject], judge: Judge, world: World
) -> Iterator[Record]:
    """Yield what is found on the pods of a workload, and what they lack until the webhook adds it.

    What was made of a workload that is judged itself is judged there.
    """
    owner = controller(raw) if raw is not None else None
    is_made = owner is not None and judge.knowledge.kinds.scalable(owner.group, owner.kind)
    if raw is None or is_made or not pods:
        return
    plain = _plain(reference(raw), written_in(raw, judge.knowledge.kinds), judge, world)
    mode = judge.settings_in(plain.object.namespace, world).mode
    for pod in pods:
        for finding in judge.pod_findings(pod, world, is_new=False):
            yield of_finding(plain, finding)
        if lacks := _lacks(pod):
            yield replace(of_patch(plain, lacks, mode), path=dotted(pod.path))


def _lacks(pod: PodSubject) -> list[str]:
    """What pods of a template get from the webhook that matters to where and how they run."""
    fitting = pod.fitting
    if fitting is None or not any(one.path[0] == "spec" for one in fitting.additions):
        return []
    return [said for said in fitting.brief if not said.startswith(ANNOTATIONS)]


def _plain(ref: ObjectRef, written: Written, judge: Judge, world: World) -> Record:
    """What all records of an object have: nobody asks for it, and nothing is done to it."""
    mode = judge.settings_in(ref.namespace, world).mode.value
    return Record(
        RecordKind.SCAN,
        "",
        Action.AUDIT.value,
        "",
        mode,
        "",
        short(ref),
        "",
        "",
        owner=written.owner,
        fields=written.fields,
    )


def _place(record: Record) -> tuple[object, ...]:
    """The strongest first, in an order that hangs on nothing but what is told."""
    by_strength = {action.value: -action.strength for action in Action}
    related = str(record.related[0]) if record.related else ""
    what = record.rule, record.resource, related, record.path, record.message
    return by_strength.get(record.action, 0), str(record.object), *what

"""Who acts on what: replicas, cpu, memory and nodes of each workload, and where two meet."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from webhook.core.ai_workload import may_make_ai_pods
from webhook.core.autoscalers.scaler import Scaler, Source
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import MODE_OFF, Vpa
from webhook.core.decide import Judge
from webhook.core.fields import Raw, mapping, members, text
from webhook.core.finding import Finding
from webhook.core.frozen import frozen
from webhook.core.generated import maker
from webhook.core.objects import DEFAULT_NAMESPACE, ObjectRef, controller, reference
from webhook.core.overlaps import controlled
from webhook.core.patch import applied
from webhook.core.pod import COMPUTE_RESOURCES
from webhook.core.pod_facts import PodSubject
from webhook.core.scrub import scrubbed
from webhook.core.world import Autoscaler, World, read_autoscalers

# More is read by nobody; so many names take 4 kB.
MOST_READ = 32

_NAME = re.compile(r"[\w.:|/@-]{1,100}", re.ASCII)


@frozen
class ReplicasBy:
    """What scales the replicas of a workload."""

    ref: ObjectRef
    least: int | None
    most: int | None
    reads: tuple[str, ...]
    """What it scales on, in words."""
    rests: str | None
    """Why it does nothing now; None where it acts."""

    def as_json(self) -> dict[str, Any]:
        """A member of `replicas.by`."""
        bounds = {"minReplicas": self.least, "maxReplicas": self.most}
        return {"object": self.ref.as_json(), **bounds, "on": list(self.reads), "rests": self.rests}


@frozen
class RequestBy:
    """A VPA that sets, or recommends, a request of the pods."""

    ref: ObjectRef
    mode: str
    containers: tuple[str, ...]
    """Those whose request it sets; empty for all."""
    managed: bool

    @property
    def writes(self) -> bool:
        """Whether it does more than recommend."""
        return self.mode != MODE_OFF

    def as_json(self) -> dict[str, Any]:
        """A member of `cpu.by` or `memory.by`."""
        return {
            "object": self.ref.as_json(),
            "mode": self.mode,
            "containers": list(self.containers),
            "managed": self.managed,
        }


@frozen
class Nodes:
    """What decides which nodes the pods get, and whether some are made for them."""

    workload_class: str | None
    accelerators: Mapping[str, int | str]
    tolerations: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The member `nodes`."""
        return {
            "class": self.workload_class,
            "accelerators": dict(self.accelerators),
            "tolerations": list(self.tolerations),
        }


@frozen
class Meeting:
    """Two that act on the same thing, as a rule says it."""

    finding: Finding
    ref: ObjectRef

    def as_json(self) -> dict[str, Any]:
        """A member of `meet`."""
        return {"object": self.ref.as_json(), **self.finding.as_json()}


@frozen
class Acting:
    """Everything that acts on one workload."""

    key: WorkloadKey
    replicas: int | None
    replicas_by: tuple[ReplicasBy, ...]
    requests_by: Mapping[str, tuple[RequestBy, ...]]
    nodes: Nodes
    meet: tuple[Meeting, ...]

    def as_json(self) -> dict[str, Any]:
        """A member of `workloads`."""
        return {
            "workload": self.key.as_json(),
            "replicas": {
                "now": self.replicas,
                "by": [one.as_json() for one in self.replicas_by],
            },
            **{
                resource: {"by": [one.as_json() for one in self.requests_by[resource]]}
                for resource in COMPUTE_RESOURCES
            },
            "nodes": self.nodes.as_json(),
            "meet": [one.as_json() for one in self.meet],
        }


def who_scales(objects: Iterable[Raw], judge: Judge, world: World) -> list[Acting]:
    """Tell of every workload that anything scales or that makes AI pods, in a fixed order.

    Raises `CannotJudge` where the rules give no answer.
    """
    raws: dict[WorkloadKey, Raw] = {}
    keys: set[WorkloadKey] = set()
    for raw in objects:
        keys.update(one.target for one in read_autoscalers(raw) if one.target is not None)
        ref = reference(raw)
        if judge.knowledge.kinds.get(ref.group_kind) is None or ref.name is None:
            continue
        key = WorkloadKey(ref.namespace or DEFAULT_NAMESPACE, *ref.group_kind, ref.name)
        raws[key] = raw
        owner = controller(raw)
        is_made = owner is not None and judge.knowledge.kinds.scalable(owner.group, owner.kind)
        if not is_made and may_make_ai_pods(raw, judge.knowledge):
            keys.add(key)
    return [acting(key, raws.get(key), judge, world) for key in sorted(keys)]


@frozen
class Judged:
    """What rules say of each autoscaler of one workload, and the pods that it makes."""

    findings: tuple[tuple[Autoscaler, tuple[Finding, ...]], ...]
    pods: tuple[PodSubject, ...]


def judged_at(
    key: WorkloadKey, raw: Raw | None, judge: Judge, world: World, most: int | None = None
) -> Judged:
    """Judge every autoscaler of a workload; `raw` is None where that is not known.

    With `most` only so many of them, and no more of these once they have so many findings: of n
    that meet each other there are n times n.
    """
    autoscalers: list[Autoscaler] = [*world.scalers_on(key), *world.vpas_on(key)]
    judged: list[tuple[Autoscaler, tuple[Finding, ...]]] = []
    count = 0
    for one in autoscalers[:most]:
        found = tuple(judge.findings(one, world)) if most is None or count < most else ()
        judged.append((one, found))
        count += len(found)
    return Judged(tuple(judged), tuple(judge.pods(raw, world)) if raw is not None else ())


def acting(key: WorkloadKey, raw: Raw | None, judge: Judge, world: World) -> Acting:
    """Tell who acts on one workload; `raw` is None where it is not known."""
    return acting_by(key, judged_at(key, raw, judge, world), world)


def acting_by(key: WorkloadKey, judged: Judged, world: World) -> Acting:
    """Tell who acts on one workload of which all is judged.

    What an operator made of a scaler is left out: it is that one.
    """
    told = [
        (one, found)
        for one, found in judged.findings
        if isinstance(one, Vpa) or maker(one, key, world) is None
    ]
    scalers = [one for one, _ in told if not isinstance(one, Vpa)]
    vpas = [one for one, _ in told if isinstance(one, Vpa)]
    workload = world.workload(key)
    return Acting(
        key,
        workload.replicas if workload is not None else None,
        tuple(_replicas_by(scaler) for scaler in scalers),
        {resource: tuple(_requests_by(vpas, resource, world)) for resource in COMPUTE_RESOURCES},
        _nodes(judged.pods),
        tuple(_meetings(told)),
    )


def _replicas_by(scaler: Scaler) -> ReplicasBy:
    reads = [f"{claim.resource} {claim.target}" for claim in scaler.metrics]
    reads += [f"{alias.resource} under another name ({alias.path})" for alias in scaler.aliases]
    reads += sorted({_in_words(source) for source in scaler.sources})
    if len(reads) > MOST_READ:
        reads[MOST_READ:] = [f"{len(reads) - MOST_READ} more"]
    rests = None
    if not scaler.active:
        rests = "paused" if not scaler.implied else "not made yet"
    elif scaler.inert is not None:
        rests = scaler.inert.reason
    return ReplicasBy(scaler.ref, scaler.least, scaler.most, tuple(reads), rests)


def _in_words(source: Source) -> str:
    """Tell the type of a metric, and as much of its name as is plainly one.

    Whole queries are written as names as well, with tokens among what they select.
    """
    name = scrubbed(source.name)
    plain = _NAME.match(name)
    if plain is None:
        return source.type
    return f"{source.type} {plain[0]}{'' if plain[0] == name else '…'}"


def _requests_by(vpas: Iterable[Vpa], resource: str, world: World) -> Iterator[RequestBy]:
    for vpa in vpas:
        if not vpa.active:
            continue
        known = world.containers(vpa.target) if vpa.target is not None else None
        names = controlled(vpa, resource, known) if vpa.mode != MODE_OFF else ()
        if names is not None:
            some = () if known is not None and names == known.regular else names
            yield RequestBy(vpa.ref, vpa.mode, some, world.is_managed(vpa))


def _nodes(pods: Iterable[PodSubject]) -> Nodes:
    """Read the first AI pod with accelerators, or the first AI pod, as it will be."""
    found = [
        (one.ai_pod, applied(one.pod, one.fitting.patch))
        for one in pods
        if one.ai_pod is not None and one.fitting is not None
    ]
    if not found:
        return Nodes(None, {}, ())
    ai_pod, pod = min(found, key=lambda one: not one[0].accelerators)
    tolerated = members(mapping(pod, "spec"), "tolerations")
    keys = dict.fromkeys(text(toleration, "key") or "*" for _, toleration in tolerated)
    return Nodes(ai_pod.workload_class.value, ai_pod.totals, tuple(keys))


def _meetings(judged: Iterable[tuple[Autoscaler, tuple[Finding, ...]]]) -> Iterator[Meeting]:
    """What rules say of two objects, once: it stands at both."""
    told: set[object] = set()
    for subject, findings in judged:
        for finding in findings:
            if not finding.related:
                continue
            both = frozenset((subject.ref, finding.related[0]))
            what = finding.rule, finding.resource_name, both
            if what not in told:
                told.add(what)
                yield Meeting(finding, subject.ref)

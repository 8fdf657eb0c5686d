"""Judge a set of manifests as one world, alone or in that of a cluster."""

from collections.abc import Callable, Iterable

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.decide import Judge
from webhook.core.exemptions import unknown_exemptions
from webhook.core.fields import Raw
from webhook.core.objects import DEFAULT_NAMESPACE, controller, reference
from webhook.core.world import World
from webhook.manifests.entries import Document, Skipped, Unreadable
from webhook.offline.results import FittedPod, Result, Review
from webhook.offline.worlds import Subject, subjects


def review(
    entries: Iterable[Document | Skipped | Unreadable],
    judge: Judge,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    running: Iterable[Raw] = (),
    *,
    whole: bool = False,
) -> Review:
    """Judge every object against all others; `progress` is told (done, all) after each.

    `running` are the objects of a cluster: judged against, and not judged themselves. `whole` says
    that what brings traffic to pods is all there: a scan has read it. Raises `CannotJudge` when
    the rules give no answer.
    """
    read = list(entries)
    documents = [entry for entry in read if isinstance(entry, Document)]
    results = []
    for subject in subjects(documents, running, judge.knowledge.kinds, whole=whole):
        if subject.world.is_ignored(subject.ref.namespace):
            results.append(Result(subject.document, subject.ref))
        else:
            results.append(_judged(subject, judge))
        progress(len(results), len(documents))
    return Review(
        tuple(results),
        tuple(entry for entry in read if isinstance(entry, Skipped)),
        tuple(entry for entry in read if isinstance(entry, Unreadable)),
    )


def _judged(subject: Subject, judge: Judge) -> Result:
    document, world = subject.document, subject.world
    notes = unknown_exemptions(document.raw, judge.settings.rules)
    findings = [found for one in subject.autoscalers for found in judge.findings(one, world)]
    pods = judge.pods(document.raw, world)
    findings += [
        finding
        for pod in pods
        if not _is_made(document.raw, world)
        for finding in judge.pod_findings(pod, world, is_new=not subject.runs)
    ]
    fitted = [
        FittedPod(pod.template, pod.ai_pod, pod.fitting)
        for pod in pods
        if pod.ai_pod is not None and pod.fitting is not None
    ]
    plan = judge.plan(document.raw, world)
    mode = judge.settings_in(subject.ref.namespace, world).mode
    return Result(document, subject.ref, tuple(findings), tuple(fitted), notes, plan, mode)


def _is_made(raw: Raw, world: World) -> bool:
    """Whether an object was made from one of this world, which is judged in its place."""
    owner, namespace = controller(raw), reference(raw).namespace or DEFAULT_NAMESPACE
    if owner is None:
        return False
    return world.seen(WorkloadKey(namespace, owner.group, owner.kind, owner.name)) is not None

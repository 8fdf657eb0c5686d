"""Judge a set of manifests as one world."""

import posixpath
from collections.abc import Callable, Iterable

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.decide import Judge
from webhook.core.exemptions import unknown_exemptions
from webhook.core.fields import Raw
from webhook.core.objects import DEFAULT_NAMESPACE, controller, reference
from webhook.core.world import Autoscaler, World
from webhook.manifests.entries import Document, Skipped, Unreadable
from webhook.offline.results import FittedPod, Result, Review


def review(
    entries: Iterable[Document | Skipped | Unreadable],
    judge: Judge,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    *,
    whole: bool = False,
) -> Review:
    """Judge every object against all others; `progress` is told (done, all) after each.

    `whole` says that what brings traffic to pods is all there: a scan has read it.

    Raises `CannotJudge` when the rules give no answer.
    """
    read = list(entries)
    documents = [entry for entry in read if isinstance(entry, Document)]
    world = World(judge.knowledge.kinds, whole=whole)
    # The record that stands in the world is the one that is judged: two versions of one object
    # (overlays) are never each other's counterpart, nor is an object without a name its own.
    autoscalers = [world.put(one.raw, posixpath.dirname(one.source.file)) for one in documents]
    results = []
    for document, autoscaler in zip(documents, autoscalers, strict=True):
        result = Result(document, reference(document.raw))
        if not world.is_ignored(result.ref.namespace):
            result = _judged(document, autoscaler, judge, world)
        results.append(result)
        progress(len(results), len(documents))
    return Review(
        tuple(results),
        tuple(entry for entry in read if isinstance(entry, Skipped)),
        tuple(entry for entry in read if isinstance(entry, Unreadable)),
    )


def _judged(
    document: Document, autoscaler: Autoscaler | None, judge: Judge, world: World
) -> Result:
    ref = reference(document.raw)
    notes = unknown_exemptions(document.raw, judge.settings.rules)
    if autoscaler is not None:
        return Result(document, ref, tuple(judge.findings(autoscaler, world)), notes=notes)
    subjects = judge.pods(document.raw, world)
    findings = [
        finding
        for subject in subjects
        if not _is_made(document.raw, world)
        for finding in judge.pod_findings(subject, world, is_new=True)
    ]
    fitted = [
        FittedPod(subject.template, subject.ai_pod, subject.fitting)
        for subject in subjects
        if subject.ai_pod is not None and subject.fitting is not None
    ]
    return Result(document, ref, tuple(findings), tuple(fitted), notes)


def _is_made(raw: Raw, world: World) -> bool:
    """Whether an object was made from one of this world, which is judged in its place."""
    owner, namespace = controller(raw), reference(raw).namespace or DEFAULT_NAMESPACE
    if owner is None:
        return False
    return world.seen(WorkloadKey(namespace, owner.group, owner.kind, owner.name)) is not None

"""Judge a set of manifests as one world."""

from collections.abc import Callable, Iterable, Sequence

from webhook.core.classify import Maker
from webhook.core.decide import POD, Judge
from webhook.core.fields import strings
from webhook.core.kinds import templates
from webhook.core.objects import DEFAULT_NAMESPACE, GroupKind, controller, reference
from webhook.core.world import World
from webhook.manifests.entries import Document, Skipped, Unreadable
from webhook.offline.results import FittedPod, Result, Review


def review(
    entries: Iterable[Document | Skipped | Unreadable],
    judge: Judge,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Review:
    """Judge every object against all others; `progress` is told (done, all) after each.

    Raises `CannotJudge` when the rules give no answer.
    """
    read = list(entries)
    documents = [entry for entry in read if isinstance(entry, Document)]
    world = World(judge.knowledge.kinds)
    # The record that stands in the world is the one that is judged: two versions of one object
    # (overlays) are never each other's counterpart, nor is an object without a name its own.
    autoscalers = [world.put(document.raw) for document in documents]
    results = []
    for document, autoscaler in zip(documents, autoscalers, strict=True):
        result = Result(document, reference(document.raw))
        if not world.is_ignored(result.ref.namespace):
            findings = judge.findings(autoscaler, world) if autoscaler is not None else ()
            pods = () if autoscaler is not None else _pods(document, judge, world)
            result = Result(document, result.ref, tuple(findings), tuple(pods))
        results.append(result)
        progress(len(results), len(documents))
    return Review(
        tuple(results),
        tuple(entry for entry in read if isinstance(entry, Skipped)),
        tuple(entry for entry in read if isinstance(entry, Unreadable)),
    )


def _pods(document: Document, judge: Judge, world: World) -> Sequence[FittedPod]:
    """Fit the pod that an object is, or those that would be made from its templates."""
    raw, ref = document.raw, reference(document.raw)
    kind = judge.knowledge.kinds.get(ref.group_kind)
    if kind is None:
        return ()
    if ref.group_kind == POD:
        owner = controller(raw)
        maker = Maker(GroupKind(owner.group, owner.kind)) if owner is not None else None
    else:
        maker = Maker(ref.group_kind, tuple(strings(raw, "metadata", "labels").items()))
    found = []
    for template in templates(kind, raw):
        fitted = judge.fitted(template.raw, maker, ref.namespace or DEFAULT_NAMESPACE, world)
        if fitted is not None:
            found.append(FittedPod(template.path, *fitted))
    return found

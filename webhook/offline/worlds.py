"""Which objects a review judges against which others."""

import posixpath
from collections.abc import Iterable, Iterator, Sequence

from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.fields import Raw
from webhook.core.frozen import frozen
from webhook.core.generated import made
from webhook.core.kinds import Kinds
from webhook.core.objects import ObjectRef, reference
from webhook.core.world import Autoscaler, World, read_autoscalers
from webhook.manifests.entries import Document


@frozen
class Subject:
    """An object that is judged, and the world that it is judged in."""

    document: Document
    ref: ObjectRef
    autoscalers: tuple[Autoscaler, ...]
    """The records that stand in the world of the autoscalers that the object is or brings along."""
    world: World
    runs: bool
    """Whether the cluster has a version of it."""


def subjects(
    documents: Sequence[Document], running: Iterable[Raw], kinds: Kinds, *, whole: bool = False
) -> list[Subject]:
    """Put every object into its world.

    Plain files are one world with all that is there. What a chart or a kustomization renders meets
    the plain files and not what others render: two overlays are rarely in one cluster. Of what
    runs, that counts which stays beside the documents.
    """
    refs = [reference(document.raw) for document in documents]
    base, all_running = World(kinds, whole=whole), list(running)
    known = {reference(raw).identity for raw in all_running}
    for raw in _staying(all_running, [document.raw for document in documents]):
        base.put(raw)
    # The record that stands in the world is the one that is judged: two versions of one object
    # (overlays) are never each other's counterpart, nor is an object without a name its own.
    records = {
        index: base.put(document.raw, _folder(document))
        for index, document in enumerate(documents)
        if document.source.rendered is None
    }
    roots = dict.fromkeys(document.source.rendered for document in documents)
    roots.pop(None, None)
    worlds = {None: base.copy() if roots else base} | {root: base.copy() for root in roots}
    for index, document in enumerate(documents):
        root = document.source.rendered
        if root is not None:
            worlds[None].put(document.raw, _folder(document))
            records[index] = worlds[root].put(document.raw, _folder(document))
    found = []
    for index, (document, ref) in enumerate(zip(documents, refs, strict=True)):
        world, runs = worlds[document.source.rendered], ref.identity in known
        found.append(Subject(document, ref, records[index], world, runs))
    return found


def _staying(running: Sequence[Raw], documents: Sequence[Raw]) -> Iterator[Raw]:
    """Yield what no document is a version of, nor was made of what one is a version of.

    What an operator made of that goes with it, unless the same is made of the new version: KEDA
    renames its HPA, and points it elsewhere, with its ScaledObject.
    """
    given = {reference(raw).identity for raw in documents}
    before = _makers(raw for raw in running if reference(raw).identity in given)
    after = _makers(documents) if before else {}
    for raw in running:
        goes = before and _is_made(raw, before) and not _is_made(raw, after)
        if reference(raw).identity not in given and not goes:
            yield raw


_Makers = dict[WorkloadKey | None, list[Scaler]]


def _makers(raws: Iterable[Raw]) -> _Makers:
    """Those of which operators make something, by their targets."""
    found: _Makers = {}
    for one in (one for raw in raws for one in read_autoscalers(raw)):
        if isinstance(one, Scaler) and one.makes is not None:
            found.setdefault(one.target, []).append(one)
    return found


def _is_made(raw: Raw, makers: _Makers) -> bool:
    scalers = (one for one in read_autoscalers(raw) if isinstance(one, Scaler))
    return any(made(maker, one) for one in scalers for maker in makers.get(one.target, ()))


def _folder(document: Document) -> str:
    """Where an object is written, or what renders it: what belongs together stands there."""
    return document.source.rendered or posixpath.dirname(document.source.file)

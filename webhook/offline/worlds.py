"""Which objects a review judges against which others."""

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webhook.core.fields import Raw
from webhook.core.kinds import Kinds
from webhook.core.objects import ObjectRef, reference
from webhook.core.world import Autoscaler, World
from webhook.manifests.entries import Document


@dataclass(frozen=True, slots=True)
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
    runs, those objects count that none of the documents is a version of.
    """
    refs = [reference(document.raw) for document in documents]
    given = {ref.identity for ref in refs}
    base, known = World(kinds, whole=whole), set()
    for raw in running:
        identity = reference(raw).identity
        known.add(identity)
        if identity not in given:
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


def _folder(document: Document) -> str:
    """Where an object is written, or what renders it: what belongs together stands there."""
    return document.source.rendered or posixpath.dirname(document.source.file)

"""Gather what the rules need to judge one pod or template: as it will be, after our patch."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from webhook.core.accelerators import EXTENDED_RESOURCE_PREFIX, Catalogue, Counts
from webhook.core.ai_pod import UNREADABLE, AiPod
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.classify import made_by
from webhook.core.container_facts import container_documents
from webhook.core.eviction import evicts, node_evictors
from webhook.core.fields import Raw, integer, mapping, strings
from webhook.core.fit import Fitting
from webhook.core.frameworks.places import Template
from webhook.core.frozen import frozen
from webhook.core.gather import DOCUMENT_VERSION
from webhook.core.kinds import WorkloadClass
from webhook.core.kueue import is_admitted, queue_of
from webhook.core.mutations import ANNOTATIONS
from webhook.core.namespace_facts import namespace_document
from webhook.core.nearly import misspelt
from webhook.core.nodes import NodeShape
from webhook.core.objects import (
    DEFAULT_NAMESPACE,
    GroupKind,
    ObjectRef,
    exemptions,
    reference,
)
from webhook.core.overlap_documents import Overlap
from webhook.core.patch import Segment, applied, dotted, operations
from webhook.core.pod import claim_names
from webhook.core.quota import refusals
from webhook.core.schedule import best_misfits
from webhook.core.squatting import accelerator_taints
from webhook.core.world import World

DAEMON_SET = GroupKind("apps", "DaemonSet")

# What rules take grows with the square of what they find; a person mends one after the other, and
# those that are left are told with the next write.
MOST_SQUATS = 16


@frozen
class PodSubject:
    """A pod, or a template in an object that a person wrote, with what was found and made of it."""

    raw: Raw
    """The object."""
    template: Template
    """Where the pod or its template stands in it."""
    ai_pod: AiPod | None
    fitting: Fitting | None

    @property
    def ref(self) -> ObjectRef:
        """The object."""
        return reference(self.raw)

    @property
    def path(self) -> tuple[Segment, ...]:
        """Where its template stands; empty for a pod."""
        return self.template.path

    @property
    def pod(self) -> Raw:
        """The pod or template as it is written."""
        return self.template.raw

    @property
    def is_training(self) -> bool:
        """Whether it is part of a training run."""
        return self.ai_pod is not None and self.ai_pod.workload_class is WorkloadClass.TRAINING

    def at(self, *path: Segment) -> str:
        """A field of the pod as a path of the object; of an assembled pod what describes it."""
        parts = self.template.parts
        if self.template.assembled:
            return dotted(self.path)
        if parts is not None and path:
            return dotted((*parts[str(path[0])], *path[1:]))
        return dotted((*self.path, *path))


@frozen
class PodFacts:
    """Everything that is known about one pod or template for its judgement."""

    ref: ObjectRef
    pod: dict[str, Any]
    """What rules read of it."""
    overlaps: tuple[Overlap, ...]
    exempt: Mapping[str, ObjectRef]
    """Rules from which the object is exempted, each with the one that says so."""
    namespace: dict[str, Any] | None

    def documents(self, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the input of the rules."""
        numbered = [{"id": each, **one.document} for each, one in enumerate(self.overlaps)]
        yield {
            "version": DOCUMENT_VERSION,
            "settings": settings,
            "object": self.ref.as_json() | {"text": str(self.ref)},
            "namespace": self.namespace,
            "pod": self.pod,
            "overlaps": numbered,
        }


@frozen
class PodContext:
    """What is known beside the world of a request."""

    catalogue: Catalogue
    shapes: Sequence[NodeShape]
    templates_fitted: bool = False
    """Whether the templates of what waits in a queue of Kueue are fitted as well as pods."""


def gather_pod(
    subject: PodSubject, world: World, context: PodContext, *, is_new: bool
) -> PodFacts | None:
    """Gather the facts of one pod or template; None where no rule has anything to say of it.

    That is a pod that is no AI pod, tolerates no accelerator's taint and means no accelerator.
    """
    catalogue, shapes = context.catalogue, context.shapes
    squats, meant = squats_of(subject, catalogue), misspelt(subject.pod, catalogue)
    if subject.ai_pod is None and not squats and not meant:
        return None
    pod = subject.pod
    if subject.fitting is not None:
        pod = applied(subject.pod, subject.fitting.patch)
    told, left_out = container_documents(pod, catalogue, subject.at)
    document = {
        "text": str(subject.ref) if not subject.path else f"the pods of {subject.ref}",
        "path": subject.at(),
        "specPath": subject.at("spec"),
        **_identity(subject.ai_pod),
        "replicas": integer(mapping(subject.raw, "spec"), "replicas"),
        "containers": told,
        "containersLeftOut": left_out,
        "squats": squats,
        "misspelt": _misspelt(meant, shapes),
        "unschedulable": _unschedulable(subject.ai_pod, pod, context),
        "evictable": node_evictors(strings(pod, "metadata", "annotations"))
        if subject.is_training
        else [],
        "quota": _quota(subject, pod, world, is_new=is_new),
        "kueue": _kueue(subject, templates_fitted=context.templates_fitted),
    }
    overlaps = tuple(_evicting(subject, world)) if subject.is_training else ()
    home = namespace_document(subject.ref.namespace, world)
    return PodFacts(subject.ref, document, overlaps, _exempt(subject), home)


def _identity(ai_pod: AiPod | None) -> dict[str, Any]:
    if ai_pod is None:
        return {"class": None, "why": None, "guessed": False, "accelerators": {}}
    return {
        "class": ai_pod.workload_class.value,
        "why": ai_pod.evidence.why,
        "guessed": ai_pod.evidence.guessed,
        "accelerators": dict(ai_pod.totals),
    }


def squats_of(subject: PodSubject, catalogue: Catalogue) -> list[dict[str, str]]:
    """The accelerator taints that are tolerated for nothing; a DaemonSet belongs on every node."""
    maker = made_by(subject.raw)
    if maker is not None and maker.group_kind == DAEMON_SET:
        return []
    return [
        {"path": subject.at("spec", "tolerations", index), "taint": taint}
        for index, taint in islice(accelerator_taints(subject.pod, catalogue), MOST_SQUATS)
    ]


def _misspelt(meant: Mapping[str, str], shapes: Sequence[NodeShape]) -> list[dict[str, str]]:
    """The resources that nobody gives since they are called otherwise."""
    return [
        {"name": name, "meant": other}
        for name, other in meant.items()
        if not any(shape.allocatable.get(name) for shape in shapes)
    ]


def _unschedulable(ai_pod: AiPod | None, pod: Raw, context: PodContext) -> str | None:
    """Why no node that is known takes the pod; None where one does, or none can be told.

    Devices by DRA, under whatever name, are not among what nodes are known to give, nor are amounts
    of devices that a scheduler of their own counts. Where no node with an accelerator is known,
    they may all be at zero.
    """
    if ai_pod is None or next(claim_names(pod), None) is not None:
        return None
    shares = _amounts_of_devices(ai_pod)
    asked = [
        name
        for name, count in ai_pod.totals.items()
        if count != UNREADABLE
        and name not in shares
        and not name.startswith(EXTENDED_RESOURCE_PREFIX)
    ]
    if not asked:
        return None
    shapes = context.shapes
    carrying = [shape for shape in shapes if any(shape.allocatable.get(name) for name in asked)]
    if carrying:
        return best_misfits(pod, carrying, shares)
    if any(context.catalogue.resource(name) for shape in shapes for name in shape.allocatable):
        return f"no known node gives {', '.join(asked)}"
    return None


def _amounts_of_devices(ai_pod: AiPod) -> frozenset[str]:
    """The resources of a pod that are amounts of memory and cores of shared devices."""
    return frozenset(
        device.resource
        for _, devices in ai_pod.containers
        for device in devices
        if device.accelerator.counts is Counts.SHARES
    )


def _quota(subject: PodSubject, pod: Raw, world: World, *, is_new: bool) -> list[dict[str, str]]:
    """What quotas would refuse an AI pod for; what is in no namespace meets none."""
    namespace = subject.ref.namespace
    if subject.ai_pod is None or namespace is None:
        return []
    quotas, limits = world.quotas(namespace), world.limits(namespace)
    return [one.as_json() for one in refusals(pod, quotas, limits, is_new=is_new)]


def _evicting(subject: PodSubject, world: World) -> Iterator[Overlap]:
    """Meet the VPAs on a training workload that evict its pods."""
    ref = subject.ref
    key = WorkloadKey(ref.namespace or DEFAULT_NAMESPACE, *ref.group_kind, ref.name or "")
    for vpa in filter(evicts, world.vpas(key)):
        document = {
            "type": "evicting-vpa",
            "workload": key._asdict() | {"text": f"{key.kind} {key.name}"},
            "vpa": vpa.ref.as_json() | {"text": str(vpa.ref), "mode": vpa.mode},
        }
        exempt = {**dict.fromkeys(vpa.exempt, vpa.ref), **_exempt(subject)}
        yield Overlap(document, subject.at("spec"), None, (), (vpa.ref,), key, exempt)


def _exempt(subject: PodSubject) -> Mapping[str, ObjectRef]:
    return dict.fromkeys(exemptions(subject.raw), subject.ref)


def _kueue(subject: PodSubject, *, templates_fitted: bool) -> dict[str, Any] | None:
    """What the template of a queued workload lacks for Kueue to find a flavour and count it.

    The patch is for the object, and None where there is no place in it for what is missing; where
    templates are fitted as well as pods, what has a place is not missing.
    """
    queue = queue_of(subject.raw)
    if not queue or not subject.path or subject.fitting is None or is_admitted(subject.pod):
        return None
    spec = [one for one in subject.fitting.additions if one.path[0] == "spec"]
    if not spec:
        return None
    patch = subject.template.placed(operations(subject.pod, spec))
    if patch and templates_fitted:
        return None
    brief = [said for said in subject.fitting.brief if not said.startswith(ANNOTATIONS)]
    return {
        "queue": queue,
        "missing": "; ".join(brief),
        "patch": json.dumps(patch, separators=(",", ":")) if patch else None,
    }

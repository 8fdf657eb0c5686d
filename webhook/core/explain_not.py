"""Why a pod is no AI pod, in the order in which that is found out."""

import json
from collections.abc import Iterator

from webhook.core.accelerators import Catalogue
from webhook.core.ai_pod import Knowledge
from webhook.core.amounts import HUGE_PAGES
from webhook.core.classify import CLASS_KEY, by_image, is_opted_out, undeclared
from webhook.core.fields import Raw, annotation, mapping
from webhook.core.frozen import frozen
from webhook.core.kinds import Kinds
from webhook.core.nearly import nearly
from webhook.core.objects import DEFAULT_NAMESPACE, controller
from webhook.core.pod import (
    COMPUTE_RESOURCES,
    EPHEMERAL_STORAGE,
    MIRROR_ANNOTATION,
    claim_names,
    containers,
)
from webhook.core.pod_facts import PodSubject
from webhook.core.world import World

# What every node gives.
_OF_EVERY_NODE = (*COMPUTE_RESOURCES, EPHEMERAL_STORAGE, HUGE_PAGES)


@frozen
class Step:
    """One thing that was looked at, and what was found."""

    looked_at: str
    says: str

    def as_json(self) -> dict[str, str]:
        """A member of `whyNot`."""
        return {"lookedAt": self.looked_at, "says": self.says}


def why_not(subject: PodSubject, knowledge: Knowledge, world: World) -> Iterator[Step]:
    """Yield why nothing makes a pod an AI pod; what takes it out altogether stands alone."""
    pod = subject.pod
    if annotation(pod, MIRROR_ANNOTATION) is not None:
        yield Step("pod", "a mirror pod of a static manifest: the kubelet refuses changes to it")
        return
    if is_opted_out(pod):
        yield Step("class", f"{CLASS_KEY}: none takes it out altogether")
        return
    yield Step("class", _class(pod))
    namespace = subject.ref.namespace or DEFAULT_NAMESPACE
    details = (*_no_accelerators(pod, knowledge.catalogue), *_claims(pod, namespace, world))
    yield Step("accelerators", "; ".join(("no container asks for one", *details)))
    yield Step("owner", _owner(subject))
    yield Step("labels", "none of an AI framework")
    yield Step("image", _image(pod, knowledge.kinds, by_itself=knowledge.detect_by_image))


def _class(pod: Raw) -> str:
    return "; ".join(undeclared(pod)) or f"no annotation or label {CLASS_KEY}"


def _no_accelerators(pod: Raw, catalogue: Catalogue) -> Iterator[str]:
    """Say of each resource that looks like a device why it makes no AI pod."""
    asked: dict[str, object] = {}
    for container in containers(pod):
        for kind in ("requests", "limits"):
            asked |= mapping(container.raw, "resources", kind)
    for name in sorted(name for name in asked if isinstance(name, str)):
        if name.startswith(_OF_EVERY_NODE):
            continue
        if catalogue.resource(name) is not None:
            yield f"{name}: {json.dumps(asked[name])} asks for none"
        elif (meant := nearly(name, catalogue)) is not None:
            yield f"{name} is none, did you mean {meant}?"
        else:
            yield f"{name} is none that is known"


def _claims(pod: Raw, namespace: str, world: World) -> Iterator[str]:
    for _, name, is_template in claim_names(pod):
        kind = "ResourceClaimTemplate" if is_template else "ResourceClaim"
        asked = world.claim(namespace, name, is_template=is_template)
        classes = ", ".join(dict.fromkeys(device.device_class for device in asked))
        yield (
            f"{kind} {name} asks for {classes}, which is no class of accelerators"
            if classes
            else f"what {kind} {name} asks for is not known here"
        )


def _owner(subject: PodSubject) -> str:
    """Say what makes the pod; were it of an AI kind, this would be an AI pod."""
    owner = controller(subject.raw)
    if subject.path:
        return f"{subject.ref.kind}: its pods may be for anything"
    if owner is None:
        return "nothing owns it"
    return f"{owner.kind} {owner.name}: its pods may be for anything"


def _image(pod: Raw, kinds: Kinds, *, by_itself: bool) -> str:
    found = by_image(containers(pod), kinds)
    if found is not None:
        return (
            f"{found.why} looks like {found.workload_class}: weak evidence, which makes a pod "
            "an AI pod only with detection.byImage"
        )
    return "none names AI software" + ("" if by_itself else "; detection.byImage is off anyway")

"""Whether a pod is an AI pod, of which class, and which devices each of its containers uses."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from webhook.core import classify
from webhook.core.accelerators import Accelerator, Catalogue
from webhook.core.amounts import summed
from webhook.core.classify import Evidence, Maker
from webhook.core.fields import Raw, annotation
from webhook.core.frozen import frozen
from webhook.core.kinds import Kinds, WorkloadClass
from webhook.core.pod import (
    MIRROR_ANNOTATION,
    ClaimedDevice,
    Container,
    Device,
    Role,
    claimed_requests,
    containers,
    counted,
    devices,
)

UNREADABLE = "unreadable"
"""In place of the number of a device that is written as no number."""


@frozen
class Knowledge:
    """What is known of accelerators and of kinds of workloads, and how bold detection is."""

    catalogue: Catalogue
    kinds: Kinds
    detect_by_image: bool = False


@frozen
class AiPod:
    """A pod that is one of ours, with what each container asks for."""

    evidence: Evidence
    containers: tuple[tuple[Container, tuple[Device, ...]], ...]
    accelerators: tuple[Accelerator, ...]
    """Every accelerator of the pod, resource claims that no container uses included."""
    totals: Mapping[str, int | str]
    """Devices by resource or DeviceClass, as the scheduler sums them; text where unreadable."""
    notes: tuple[str, ...] = ()
    """What a person should know who wrote the pod."""

    @property
    def workload_class(self) -> WorkloadClass:
        """What the pod is for."""
        return self.evidence.workload_class

    def as_json(self) -> dict[str, Any]:
        """The `workload` of a review."""
        return {
            "class": self.workload_class.value,
            "why": self.evidence.why,
            "accelerators": dict(self.totals),
        }


def recognise(
    pod: Raw,
    maker: Maker | None,
    claims: Mapping[str, tuple[ClaimedDevice, ...]],
    knowledge: Knowledge,
) -> AiPod | None:
    """Say whether a pod (or template) is an AI pod; None where it is not, or has opted out.

    `claims` tells what each entry of `spec.resourceClaims` asks for. Mirror pods of static
    manifests are never ours: the kubelet refuses changes to them.
    """
    if annotation(pod, MIRROR_ANNOTATION) is not None or classify.is_opted_out(pod):
        return None
    listed = containers(pod)
    used, unused = _with_claims(listed, claims, knowledge.catalogue)
    found = [device for _, own in used for device in own] + unused
    evidence = classify.declared(pod) or classify.by_framework(pod, maker, knowledge.kinds)
    if evidence is None and (found or knowledge.detect_by_image):
        accelerated = [container for container, own in used if own]
        evidence = classify.by_image(accelerated or listed, knowledge.kinds)
    if evidence is None and found:
        evidence = classify.by_kind(pod, maker, knowledge.kinds)
    if evidence is None:
        return None
    accelerators = tuple(dict.fromkeys(device.accelerator for device in found))
    notes = classify.undeclared(pod)
    return AiPod(evidence, tuple(used), accelerators, _totals(used, unused), notes)


def device_totals(
    listed: Iterable[Container],
    claims: Mapping[str, tuple[ClaimedDevice, ...]],
    catalogue: Catalogue,
) -> dict[str, int | str]:
    """Sum the accelerators of any pod, also of one that has opted out of being an AI pod."""
    return _totals(*_with_claims(listed, claims, catalogue))


def _with_claims(
    listed: Iterable[Container],
    claims: Mapping[str, tuple[ClaimedDevice, ...]],
    catalogue: Catalogue,
) -> tuple[list[tuple[Container, tuple[Device, ...]]], list[Device]]:
    """Pair containers with their devices, and list those of claims that no container uses.

    A claim's devices belong to its first container, or each to the first that names its request.
    """
    left = dict(claims)
    pairs = []
    for container in listed:
        own = devices(container, catalogue)
        for entry, request in sorted(claimed_requests(container)) if left else ():
            claimed = left.get(entry, ())
            taken = [one for one in claimed if request in {"", one.request}]
            left[entry] = tuple(one for one in claimed if request not in {"", one.request})
            own += _claimed(taken, catalogue)
        pairs.append((container, tuple(own)))
    return pairs, [device for rest in left.values() for device in _claimed(rest, catalogue)]


def _claimed(claimed: Iterable[ClaimedDevice], catalogue: Catalogue) -> list[Device]:
    """List the accelerators of a claim.

    Of alternatives one is given: the first accelerator among them counts, the others count zero
    devices and still tell which nodes the pod may meet.
    """
    found = []
    counted = False
    for device in claimed:
        counted = counted and device.alternative
        accelerator = catalogue.device_class(device.device_class)
        if accelerator is not None:
            found.append(Device(accelerator, device.device_class, 0 if counted else device.count))
            counted = True
    return found


def _totals(
    used: Collection[tuple[Container, tuple[Device, ...]]], unused: Iterable[Device]
) -> dict[str, int | str]:
    """Sum devices as the scheduler does; those that no container uses are there all the time."""
    asked = [(container.role, counted(own)) for container, own in used]
    counts = summed([*asked, (Role.REGULAR, counted(unused))])
    totals: dict[str, int | str] = {name: count for name, count in counts.items() if count > 0}
    for _, own in used:
        totals |= {device.resource: UNREADABLE for device in own if device.count is None}
    return dict(sorted(totals.items()))

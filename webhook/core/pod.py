"""What scaleguard reads of a pod or pod template: containers, devices, classes of devices."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import field
from enum import StrEnum
from typing import Any

from webhook.core import quantity
from webhook.core.accelerators import Accelerator, Catalogue, Counts
from webhook.core.fields import Raw, integer, mapping, members, sequence, text
from webhook.core.frozen import frozen
from webhook.core.patch import Segment

CPU = "cpu"
MEMORY = "memory"
EPHEMERAL_STORAGE = "ephemeral-storage"
COMPUTE_RESOURCES = (CPU, MEMORY)

MIRROR_ANNOTATION = "kubernetes.io/config.mirror"


class Role(StrEnum):
    """How a container runs."""

    REGULAR = "regular"
    SIDECAR = "sidecar"
    """A native sidecar: an init container with restartPolicy Always."""
    INIT = "init"


@frozen
class Container:
    """One container as it is written, and where."""

    name: str
    role: Role
    path: tuple[Segment, ...]
    raw: Raw

    @property
    def image(self) -> str:
        """The image, empty where there is none."""
        return text(self.raw, "image")

    def request(self, resource: str) -> Any:
        """The container's request for a resource as it is written, None where there is none.

        A limit without a request is one too: the API server copies it before webhooks run
        (k8s.io/kubernetes pkg/apis/core/v1/defaults.go, SetDefaults_Pod). It reads null as zero.
        """
        resources = mapping(self.raw, "resources")
        for listed in (mapping(resources, kind) for kind in ("requests", "limits")):
            if resource in listed:
                return 0 if listed[resource] is None else listed[resource]
        return None

    def limit(self, resource: str) -> Any:
        """The container's limit for a resource as it is written, None where there is none."""
        listed = mapping(self.raw, "resources", "limits")
        return None if resource not in listed else listed[resource] or 0


@frozen
class Device:
    """A kind of accelerator that a container asks for."""

    accelerator: Accelerator
    resource: str
    """The extended resource, or the DeviceClass of a resource claim."""
    count: int | None
    """How many; None where nobody can tell: `${GPU_COUNT}`, or a claim for all of a node."""


@frozen
class ClaimedDevice:
    """What a resource claim of a pod asks for: a DeviceClass and how many devices."""

    device_class: str
    count: int | None
    """None for all that a node has (`allocationMode: All`)."""
    alternative: bool = False
    """Given only where nothing listed before it in the same request (`firstAvailable`) can be."""
    request: str = field(default="", compare=False)
    """The name of that request, by which a container may use it alone."""


def containers(pod: Raw) -> list[Container]:
    """List a pod's containers: the regular ones first, then init containers and native sidecars."""
    spec = mapping(pod, "spec")
    found = [
        Container(text(raw, "name"), Role.REGULAR, ("spec", "containers", index), raw)
        for index, raw in members(spec, "containers")
    ]
    for index, raw in members(spec, "initContainers"):
        role = Role.SIDECAR if raw.get("restartPolicy") == "Always" else Role.INIT
        found.append(Container(text(raw, "name"), role, ("spec", "initContainers", index), raw))
    return found


def devices(container: Container, catalogue: Catalogue) -> list[Device]:
    """List the accelerators that a container asks for as extended resources, by name.

    A limit is what the scheduler counts; a quantity of zero asks for nothing.
    """
    resources = mapping(container.raw, "resources")
    asked = {
        resource: value
        for kind in ("requests", "limits")
        for resource, value in mapping(resources, kind).items()
        if isinstance(resource, str) and value is not None
    }
    found = []
    for resource in sorted(asked):
        accelerator = catalogue.resource(resource)
        if accelerator is None:
            continue
        nanos = quantity.parse(asked[resource])
        if nanos is None:
            found.append(Device(accelerator, resource, None))
        elif nanos > 0:
            # Extended resources are integers; a fraction is refused later and counts as one here.
            found.append(Device(accelerator, resource, -(-nanos // quantity.NANOS_PER_UNIT)))
    return found


def resource_names(pod: Raw) -> list[str]:
    """The resources that containers of a pod ask for, each once, whatever amount."""
    return list(
        dict.fromkeys(
            name
            for container in containers(pod)
            for kind in ("requests", "limits")
            for name in mapping(container.raw, "resources", kind)
            if isinstance(name, str)
        )
    )


def claim_names(pod: Raw) -> Iterator[tuple[str, str, bool]]:
    """Yield (entry, object name, is a template) for each resource claim of a pod (DRA)."""
    for _, claim in members(mapping(pod, "spec"), "resourceClaims"):
        entry = text(claim, "name")
        # Up to Kubernetes 1.30 (v1alpha2) both names stood one step deeper.
        for where in (claim, mapping(claim, "source")):
            if name := text(where, "resourceClaimName"):
                yield entry, name, False
            elif name := text(where, "resourceClaimTemplateName"):
                yield entry, name, True


def claimed_requests(container: Container) -> set[tuple[str, str]]:
    """What a container uses of the pod's resource claims: (entry, request), "" for all of it."""
    resources = mapping(container.raw, "resources")
    listed = members(resources, "claims")
    return {(text(claim, "name"), text(claim, "request")) for _, claim in listed}


def claimed_devices(claim: Raw) -> tuple[ClaimedDevice, ...]:
    """Read the requests of a ResourceClaim, or of the spec in a ResourceClaimTemplate.

    v1 and v1beta2 nest them (`exactly`, `firstAvailable[]`), v1beta1 writes them on the request.
    With `adminAccess` a request only looks at devices, which stay free for others.
    """
    spec = mapping(claim, "spec")
    if text(claim, "kind") == "ResourceClaimTemplate":
        spec = mapping(spec, "spec")
    found = []
    for _, request in members(mapping(spec, "devices"), "requests"):
        name = text(request, "name")
        alternatives = [alternative for _, alternative in members(request, "firstAvailable")]
        named = [
            choice
            for choice in (mapping(request, "exactly"), request, *alternatives)
            if text(choice, "deviceClassName") and choice.get("adminAccess") is not True
        ]
        for position, choice in enumerate(named):
            device_class = text(choice, "deviceClassName")
            found.append(ClaimedDevice(device_class, _how_many(choice), position > 0, name))
    return tuple(found)


def _how_many(request: Raw) -> int | None:
    """How many devices a request is for: one unless it says otherwise, None for all of a node."""
    if text(request, "allocationMode") == "All":
        return None
    return max(integer(request, "count") or 1, 1)


def has_pod_level_resources(pod: Raw) -> bool:
    """Whether the pod sets resources for all of its containers together (`spec.resources`)."""
    resources = mapping(pod, "spec", "resources")
    return any(mapping(resources, kind) for kind in ("requests", "limits"))


def pod_level_requests(pod: Raw) -> frozenset[str]:
    """The resources that a pod requests as a whole; a limit without a request is one.

    Source: k8s.io/kubernetes pkg/controller/podautoscaler/replica_calculator.go
    (`calculatePodLevelRequests`).
    """
    resources = mapping(pod, "spec", "resources")
    return frozenset(
        name
        for kind in ("requests", "limits")
        for name, value in mapping(resources, kind).items()
        if value is not None
    )


def tolerations(pod: Raw) -> list[Raw]:
    """The pod's tolerations as they are written."""
    listed = sequence(mapping(pod, "spec"), "tolerations")
    return [toleration for toleration in listed if isinstance(toleration, dict)]


def counted(found: Iterable[Device]) -> Counter[str]:
    """Count devices by their resource; what nobody can tell counts as none."""
    counts = Counter[str]()
    for device in found:
        counts[device.resource] += device.count or 0
    return counts


def is_shared(found: Iterable[Device]) -> bool:
    """Whether amounts of memory or cores make a container's devices shared ones."""
    return any(device.accelerator.counts is Counts.SHARES for device in found)

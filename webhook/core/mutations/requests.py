"""Default cpu and memory requests, so that autoscalers and the scheduler know what a pod needs."""

from collections.abc import Iterable, Iterator

from webhook.core import quantity
from webhook.core.accelerators import Counts
from webhook.core.ai_pod import AiPod
from webhook.core.fields import Raw
from webhook.core.mutations import Mutation
from webhook.core.patch import Addition
from webhook.core.pod import (
    COMPUTE_RESOURCES,
    CPU,
    MEMORY,
    Container,
    Device,
    Role,
    has_pod_level_resources,
    is_shared,
)
from webhook.core.profile import Figures, NodeShape, Profile

_WRITE = {CPU: quantity.cpu, MEMORY: quantity.memory}

# Defaults are cut to steps that people write: a clamped figure is rounded down to whole steps.
_STEP = {CPU: quantity.NANOS_PER_MILLI, MEMORY: 2**20 * quantity.NANOS_PER_UNIT}


def request(
    pod: Raw, ai_pod: AiPod, profile: Profile, filled_by_limit_range: frozenset[str]
) -> Mutation:
    """Add the requests that containers of an accelerator pod lack; nothing else is touched.

    No limit is ever added, so a pod never becomes Guaranteed by us. A resource that a LimitRange
    of the namespace fills in is left to it. Pod-level resources speak for all containers.
    """
    if not ai_pod.accelerators or has_pod_level_resources(pod):
        return Mutation()
    additions: list[Addition] = []
    brief: list[str] = []
    notes: list[str] = []
    for container, devices in ai_pod.containers:
        figures = _figures(container, devices, ai_pod, profile)
        if figures is None:
            unread = ", ".join(device.resource for device in devices if device.count is None)
            notes.append(f"no requests for {container.name}: its {unread} cannot be read")
            continue
        missing = [
            (resource, _WRITE[resource](figures.of(resource)))
            for resource in COMPUTE_RESOURCES
            if resource not in filled_by_limit_range and not container.asks_for(resource)
        ]
        additions += [
            Addition((*container.path, "resources", "requests", resource), value)
            for resource, value in missing
        ]
        if missing:
            values = " ".join(f"{resource}={value}" for resource, value in missing)
            brief.append(f"{container.name} {values}")
    text = f"requests: {', '.join(brief)}" if brief else ""
    return Mutation(tuple(additions), text, tuple(notes))


def _figures(
    container: Container, devices: tuple[Device, ...], ai_pod: AiPod, profile: Profile
) -> Figures | None:
    """What one container is given; None where the number of its devices cannot be read."""
    if any(device.count is None for device in devices):
        return None
    if not devices or container.role is Role.INIT:
        return profile.sidecar
    parts = list(_parts(devices, profile.per_device[ai_pod.workload_class], profile))
    return Figures(sum(part.cpu for part in parts), sum(part.memory for part in parts))


def _parts(devices: tuple[Device, ...], whole: Figures, profile: Profile) -> Iterator[Figures]:
    """Figures of each accelerator of a container, times the devices, within the nodes' shapes."""
    shared = is_shared(devices)
    counted = [device for device in devices if device.accelerator.counts is not Counts.SHARES]
    if not counted:
        yield profile.per_slice
    for device in counted:
        sliced = shared or device.accelerator.counts is Counts.SLICES
        count = device.count or 0
        figures = profile.per_slice if sliced else whole
        shapes = [shape for shape in profile.node_shapes if shape.allocatable.get(device.resource)]
        yield Figures(
            count * _within(shapes, device.resource, CPU, figures.cpu),
            count * _within(shapes, device.resource, MEMORY, figures.memory),
        )


def _within(shapes: Iterable[NodeShape], device: str, resource: str, figure: int) -> int:
    """Cut a figure to what every known node shape gives per device of that accelerator."""
    shares = [
        shape.allocatable[resource] * quantity.NANOS_PER_UNIT // shape.allocatable[device]
        for shape in shapes
        if resource in shape.allocatable
    ]
    smallest = min((share - share % _STEP[resource] for share in shares), default=figure)
    return min(figure, smallest)

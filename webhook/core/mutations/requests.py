"""Default cpu and memory requests, so that autoscalers and the scheduler know what a pod needs."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from webhook.core import quantity
from webhook.core.accelerators import Counts
from webhook.core.ai_pod import AiPod
from webhook.core.bounds import Bounds
from webhook.core.fields import Raw
from webhook.core.mutations import Mutation
from webhook.core.nodes import NodeShape
from webhook.core.patch import Addition, Segment, can_take
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
from webhook.core.profile import Figures, Profile

_WRITE = {CPU: quantity.cpu, MEMORY: quantity.memory}

# Defaults are cut to steps that people write: a clamped figure is rounded down to whole steps.
_STEP = {CPU: quantity.NANOS_PER_MILLI, MEMORY: 2**20 * quantity.NANOS_PER_UNIT}


class _Default(NamedTuple):
    """A request that a container lacks."""

    container: Container
    resource: str
    nanos: int

    @property
    def path(self) -> tuple[Segment, ...]:
        return (*self.container.path, "resources", "requests", self.resource)

    @property
    def value(self) -> str:
        return _WRITE[self.resource](self.nanos)


def request(pod: Raw, ai_pod: AiPod, profile: Profile, bounds: Bounds) -> Mutation:
    """Add the requests that containers of an accelerator pod lack; nothing else is touched.

    No limit is ever added, so a pod never becomes Guaranteed by us. A resource that a LimitRange
    of the namespace fills in is left to it. Pod-level resources speak for all containers.
    """
    if not ai_pod.accelerators or has_pod_level_resources(pod):
        return Mutation()
    notes: list[str] = []
    defaults: list[_Default] = []
    for container, devices in ai_pod.containers:
        missing = [each for each in COMPUTE_RESOURCES if _lacks(pod, container, each, bounds)]
        figures = _figures(container, devices, ai_pod, profile)
        if figures is None and missing:
            unread = ", ".join(device.resource for device in devices if device.count is None)
            notes.append(f"no requests for {container.name}: its {unread} cannot be read")
        elif figures is not None:
            defaults += [_Default(container, each, figures.of(each)) for each in missing]
    for resource in _too_much(defaults, ai_pod, bounds):
        defaults = [default for default in defaults if default.resource != resource]
        notes.append(f"no {resource} requests: they would exceed the LimitRange's maximum per pod")
    written = [default for default in defaults if default.value != "0"]
    additions = tuple(Addition(default.path, default.value) for default in written)
    return Mutation(additions, _brief(written), tuple(notes))


def _lacks(pod: Raw, container: Container, resource: str, bounds: Bounds) -> bool:
    """Whether a container has no request for a resource, will get none, and can be given one."""
    if resource in bounds.filled or container.request(resource) is not None:
        return False
    return can_take(pod, (*container.path, "resources", "requests", resource))


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


def _too_much(defaults: Iterable[_Default], ai_pod: AiPod, bounds: Bounds) -> Iterator[str]:
    """Yield the resources of which the pod would ask for more than a LimitRange lets pass.

    Init containers are left out: they run before the others, with the smallest figure.
    """
    running = [container for container, _ in ai_pod.containers if container.role is not Role.INIT]
    for resource, most in bounds.most_per_pod.items():
        had = sum(quantity.parse(container.request(resource)) or 0 for container in running)
        added = sum(
            default.nanos
            for default in defaults
            if default.resource == resource and default.container.role is not Role.INIT
        )
        if had + added > most:
            yield resource


def _brief(defaults: Iterable[_Default]) -> str:
    named: dict[str, list[str]] = {}
    for default in defaults:
        named.setdefault(default.container.name, []).append(f"{default.resource}={default.value}")
    texts = (" ".join((name, *values)) for name, values in named.items())
    return f"requests: {', '.join(texts)}" if named else ""

"""Default cpu and memory requests, so that autoscalers and the scheduler know what a pod needs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from webhook.core.accelerators import Counts
from webhook.core.ai_pod import AiPod
from webhook.core.bounds import Bounds
from webhook.core.fields import Raw
from webhook.core.mutations import REQUESTS, Mutation
from webhook.core.mutations.admittable import admittable
from webhook.core.mutations.defaults import Default, within_nodes
from webhook.core.nodes import Shares
from webhook.core.patch import Addition, can_take
from webhook.core.pod import (
    COMPUTE_RESOURCES,
    Container,
    Device,
    Role,
    has_pod_level_resources,
    is_shared,
)
from webhook.core.profile import Figures, Profile


def request(
    pod: Raw,
    ai_pod: AiPod,
    profile: Profile,
    bounds: Bounds,
    shares: Sequence[Shares] = (),
) -> Mutation:
    """Add the requests that containers of an AI pod lack; nothing else is touched.

    No limit is ever added, so a pod never becomes Guaranteed by us. A resource that a LimitRange
    of the namespace fills in is left to it. Pod-level resources speak for all containers. Pods
    without accelerators are given something only by a profile that says so. What Kueue has counted
    is never raised.
    """
    if has_pod_level_resources(pod):
        return Mutation()
    if not ai_pod.accelerators and profile.cpu_only is None:
        return Mutation()
    notes: list[str] = []
    defaults: list[Default] = []
    for container, devices in ai_pod.containers:
        missing = [each for each in COMPUTE_RESOURCES if _lacks(pod, container, each, bounds)]
        figures = _figures(container, devices, ai_pod, profile)
        if figures is None and missing:
            unread = ", ".join(device.resource for device in devices if device.count is None)
            notes.append(f"no requests for {container.name}: its {unread} cannot be counted")
        elif figures is not None:
            defaults += [
                Default(container, devices, each, figures.of(each), figures.source)
                for each in missing
            ]
    defaults, full = within_nodes(defaults, pod, ai_pod, shares)
    written = [default for default in defaults if default.value != "0"]
    admitted, withdrawn = admittable(pod, written, bounds)
    additions = tuple(Addition(one.path, one.value, one.why) for one in admitted)
    return Mutation(additions, _brief(admitted), (*notes, *full, *withdrawn))


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
    if container.role is Role.INIT:
        return _said(profile.sidecar, "for an init container")
    if not devices:
        if profile.cpu_only and not ai_pod.accelerators and container.role is Role.REGULAR:
            return _said(profile.cpu_only, "for a pod without accelerators")
        return _said(profile.sidecar, "for a container without devices")
    parts = list(_parts(devices, profile.per_device[ai_pod.workload_class], profile))
    sources = ", ".join(dict.fromkeys(part.source for part in parts))
    return Figures(sum(part.cpu for part in parts), sum(part.memory for part in parts), sources)


def _said(figures: Figures, what_for: str) -> Figures:
    return replace(figures, source=f"{figures.source}, {what_for}")


def _parts(devices: tuple[Device, ...], whole: Figures, profile: Profile) -> Iterator[Figures]:
    """Yield the figures of each accelerator of a container, times its devices."""
    shared = is_shared(devices)
    counted = [device for device in devices if device.accelerator.counts is not Counts.SHARES]
    if not counted:
        yield _times(profile.per_slice, 1, "slice")
    for device in counted:
        sliced = shared or device.accelerator.counts is Counts.SLICES
        yield _times(
            profile.per_slice if sliced else whole,
            device.count or 0,
            "slice" if sliced else "device",
        )


def _times(figures: Figures, count: int, unit: str) -> Figures:
    what_for = f"for a {unit}" if count == 1 else f"for each of {count} {unit}s"
    return _said(Figures(count * figures.cpu, count * figures.memory, figures.source), what_for)


def _brief(defaults: Iterable[Default]) -> str:
    named: dict[str, list[str]] = {}
    for default in defaults:
        named.setdefault(default.container.name, []).append(f"{default.resource}={default.value}")
    texts = (" ".join((name, *values)) for name, values in named.items())
    return f"{REQUESTS}{', '.join(texts)}" if named else ""

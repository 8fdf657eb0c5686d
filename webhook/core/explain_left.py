"""What is left alone of an AI pod, and why: read off the pod, its bounds and what was added."""

from collections.abc import Iterator, Sequence
from typing import Any

from webhook.core.ai_pod import AiPod
from webhook.core.bounds import UNBOUNDED, WHITELIST_ANNOTATION, Bounds
from webhook.core.classify import CLASS_KEY
from webhook.core.fields import Raw, mapping, strings, text
from webhook.core.frozen import frozen
from webhook.core.kinds import WorkloadClass
from webhook.core.kueue import is_admitted
from webhook.core.mutations.protection import DO_NOT_DISRUPT, SAFE_TO_EVICT
from webhook.core.mutations.shared_memory import SHARED_MEMORY_PATH
from webhook.core.mutations.tolerations import tolerate
from webhook.core.patch import END, Addition, Segment, can_take, dotted
from webhook.core.pod import (
    COMPUTE_RESOURCES,
    Container,
    Device,
    Role,
    has_pod_level_resources,
    tolerations,
)
from webhook.core.profile import Profile
from webhook.core.toleration import covers


@frozen
class LeftAlone:
    """Something that is not added."""

    path: tuple[Segment, ...]
    field: str
    reason: str
    wanted: Any = None
    """The member of a list that was to be added; None for everything else."""

    def is_of(self, addition: Addition) -> bool:
        """Whether it is what an addition is about."""
        return self.path == addition.path and self.wanted in (None, addition.value)

    def as_json(self) -> dict[str, Any]:
        """A member of `leftAlone`."""
        return {"field": self.field, "wanted": self.wanted, "reason": self.reason}


def field_of(pod: Raw, path: Sequence[Segment]) -> str:
    """Write the path of a pod's field with the names of containers, and keys as people quote them.

    `spec.containers[main].resources.requests.cpu`, `metadata.labels[example.com/team]`.
    """
    written = ""
    for depth, step in enumerate(path, start=1):
        if isinstance(step, int):
            written += f"[{text(mapping(value_at(pod, path[:depth])), 'name') or step}]"
        elif step != END:
            written += f"[{step}]" if "/" in step else f".{step}"
    return written.removeprefix(".")


def value_at(raw: Any, path: Sequence[Segment]) -> Any:
    """Return what stands at a path whose lists are there; None where nothing does."""
    for step in path:
        raw = raw[step] if isinstance(step, int) else mapping(raw).get(step)
    return raw


def left_alone(
    pod: Raw, ai_pod: AiPod, profile: Profile, bounds: Bounds, additions: Sequence[Addition]
) -> tuple[LeftAlone, ...]:
    """List what might have been added to a pod beside the additions, each with its reason."""
    added = {addition.path for addition in additions}
    return (
        *_requests(pod, ai_pod, profile, bounds, added),
        *_tolerations(pod, ai_pod, profile, bounds, additions),
        *_shared_memory(pod, ai_pod, profile, added),
        *_protection(pod, ai_pod, profile, added),
    )


def _requests(
    pod: Raw, ai_pod: AiPod, profile: Profile, bounds: Bounds, added: set[tuple[Segment, ...]]
) -> Iterator[LeftAlone]:
    for container, devices in ai_pod.containers:
        for resource in COMPUTE_RESOURCES:
            path = (*container.path, "resources", "requests", resource)
            if path not in added:
                reason = _written(container, resource) or next(
                    reason
                    for holds, reason in _no_request(pod, ai_pod, profile, bounds, path, devices)
                    if holds
                )
                yield LeftAlone(path, field_of(pod, path), reason)


def _written(container: Container, resource: str) -> str:
    """Say what a container asks for by itself; empty where it asks for nothing."""
    value = container.request(resource)
    if value is None:
        return ""
    if resource in mapping(container.raw, "resources", "requests"):
        return f"set to {value}"
    return f"the limit of {value} counts as a request"


def _no_request(  # noqa: PLR0913, PLR0917 - all that a reason can lie in
    pod: Raw,
    ai_pod: AiPod,
    profile: Profile,
    bounds: Bounds,
    path: tuple[Segment, ...],
    devices: tuple[Device, ...],
) -> Iterator[tuple[bool, str]]:
    """Yield what may keep a request away, the reasons that speak for the whole pod first."""
    resource = path[-1]
    unread = ", ".join(device.resource for device in devices if device.count is None)
    yield has_pod_level_resources(pod), "spec.resources speaks for all containers of the pod"
    yield (
        not ai_pod.accelerators and profile.cpu_only is None,
        "the pod has no accelerator, and requests.cpuOnly is not configured",
    )
    yield is_admitted(pod), "Kueue has counted what the pod asks for"
    yield resource in bounds.filled, "a LimitRange of the namespace fills it in"
    yield not can_take(pod, path), f"{dotted(path[:-2])} is not written as Kubernetes reads it"
    yield bool(unread), f"the number of {unread} cannot be read"
    yield (
        resource in bounds.most_per_pod,
        "it would exceed the maximum of the namespace's LimitRange per pod",
    )
    yield True, f"{profile.said} gives none"


def _tolerations(
    pod: Raw, ai_pod: AiPod, profile: Profile, bounds: Bounds, additions: Sequence[Addition]
) -> Iterator[LeftAlone]:
    """Compare with what the pod would get if it tolerated nothing yet and all were accepted."""
    bare = {**pod, "spec": {**mapping(pod, "spec"), "tolerations": []}}
    added = [one.value for one in additions if one.path[:2] == ("spec", "tolerations")]
    for wanted in tolerate(bare, ai_pod, profile, UNBOUNDED).additions:
        if wanted.value in added:
            continue
        by = next((one for one in tolerations(pod) if covers(one, wanted.value)), None)
        if by is not None:
            reason = f"covered by {_flow(by)} that the pod has"
        elif bounds.tolerations:
            reason = f"the namespace's {WHITELIST_ANNOTATION} leaves it out"
        else:
            reason = "spec.tolerations is no list"
        yield LeftAlone(wanted.path, "spec.tolerations", reason, wanted.value)


def _shared_memory(
    pod: Raw, ai_pod: AiPod, profile: Profile, added: set[tuple[Segment, ...]]
) -> Iterator[LeftAlone]:
    if profile.shared_memory is None:
        return
    for container, devices in ai_pod.containers:
        path = (*container.path, "volumeMounts", END)
        if devices and container.role is not Role.INIT and path not in added:
            reason = f"something is mounted at {SHARED_MEMORY_PATH} already"
            yield LeftAlone(path, field_of(pod, path), reason)


def _protection(
    pod: Raw, ai_pod: AiPod, profile: Profile, added: set[tuple[Segment, ...]]
) -> Iterator[LeftAlone]:
    is_training = ai_pod.workload_class is WorkloadClass.TRAINING
    annotations = strings(pod, "metadata", "annotations")
    written = [key for key in (SAFE_TO_EVICT, DO_NOT_DISRUPT) if key in annotations]
    for key in written:
        path = ("metadata", "annotations", key)
        yield LeftAlone(path, field_of(pod, path), f"set to {annotations[key]}")
    path = ("metadata", "annotations", SAFE_TO_EVICT)
    if is_training and not written and path not in added:
        reason = (
            f"protectFromEviction is off in {profile.said}"
            if profile.protect is not None
            else f"the class is a guess; {CLASS_KEY}: training on the pod makes it certain"
        )
        yield LeftAlone(path, field_of(pod, path), reason)


def _flow(value: Raw) -> str:
    """Write a small mapping as YAML does in one line."""
    return "{" + ", ".join(f"{key}: {one}" for key, one in value.items()) + "}"

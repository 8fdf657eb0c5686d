"""How small and how large the requests may become that a planned VPA writes."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from webhook.core import quantity
from webhook.core.ai_pod import AiPod
from webhook.core.bounds import Bounds
from webhook.core.frozen import frozen
from webhook.core.nodes import NodeShape
from webhook.core.pod import CPU, MEMORY, Role, counted
from webhook.core.profile import Profile

_MIB = 2**20 * quantity.NANOS_PER_UNIT

# Steps that people write. VPA's webhook wants whole millicores and whole bytes
# (vertical-pod-autoscaler pkg/admission-controller/resource/vpa/validation.go).
_STEP = {CPU: quantity.NANOS_PER_MILLI, MEMORY: _MIB}
_WRITE = {CPU: quantity.cpu, MEMORY: quantity.memory}


class Bound(NamedTuple):
    """An upper bound of what one container may be given, in nanos, and who sets it."""

    nanos: int
    source: str


@frozen
class Allowed:
    """minAllowed and maxAllowed of a policy as they are written, and why the latter."""

    least: dict[str, str]
    most: dict[str, str]
    why: str


def allowed(
    resources: Iterable[str],
    ai_pods: Sequence[AiPod],
    profile: Profile,
    limits: Bounds,
    shapes: Sequence[NodeShape],
) -> Allowed:
    """Bound the resources that a VPA controls.

    The policy is for every container, sidecars too, so minAllowed is their figure, and maxAllowed
    leaves room for one of it beside each container. Of what is not known nothing is said.
    """
    least, most, sources = {}, {}, []
    for resource in resources:
        step, write = _STEP[resource], _WRITE[resource]
        small = profile.vpa.least.get(resource, profile.sidecar.of(resource))
        bounds = list(_bounds(resource, small, ai_pods, profile, limits, shapes))
        if bounds:
            bound = min(bounds)
            small = min(small, bound.nanos)
            # At least one step: VPA refuses a maximum below the minimum.
            rest = max(step, bound.nanos - bound.nanos % step)
            most[resource] = write(rest)
            small = min(small, rest)
            sources.append(f"{resource} up to {most[resource]} ({bound.source})")
        least[resource] = write(max(step, small - small % step))
    return Allowed(least, most, ", ".join(sources))


def _bounds(  # noqa: PLR0913, PLR0917 - everything that bounds
    resource: str,
    small: int,
    ai_pods: Sequence[AiPod],
    profile: Profile,
    limits: Bounds,
    shapes: Sequence[NodeShape],
) -> Iterable[Bound]:
    beside = small * (max(map(_running, ai_pods), default=1) - 1)
    if resource in profile.vpa.most:
        yield Bound(profile.vpa.most[resource], f"{profile.said}, vpa.maxAllowed")
    if resource in limits.most_per_pod:
        room = max(limits.most_per_pod[resource] - beside, small)
        yield Bound(room, "a LimitRange's maximum per pod")
    # The pods of one workload differ (leader and workers): each must fit a node of its own.
    for ai_pod in ai_pods:
        share = _largest_share(resource, ai_pod, shapes)
        if share is not None:
            yield Bound(max(share.nanos - beside, small), share.source)


def _running(ai_pod: AiPod) -> int:
    return sum(container.role is not Role.INIT for container, _ in ai_pod.containers)


def _largest_share(resource: str, ai_pod: AiPod, shapes: Sequence[NodeShape]) -> Bound | None:
    """What the largest node gives to a pod with as many devices; None where no such node is known.

    Beside each other as many of these pods fit on a node as there are devices for.
    """
    running = (own for container, own in ai_pod.containers if container.role is not Role.INIT)
    counts = {
        name: count for name, count in counted(d for own in running for d in own).items() if count
    }
    found = []
    for shape in shapes:
        total = shape.allocatable.get(resource)
        devices = [(shape.allocatable.get(name, 0), count) for name, count in counts.items()]
        if not counts or total is None or any(there <= 0 for there, _ in devices):
            continue
        # In nanos of a device; a pod for more devices than the node has fits none of it.
        pods = min(there // (count * quantity.NANOS_PER_UNIT) for there, count in devices)
        if pods:
            found.append(Bound(total // pods, f"node {shape.name}, one of {pods} such pods on it"))
    return max(found, default=None)

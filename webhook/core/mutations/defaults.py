"""Default requests before they are written, and how they are cut to the nodes that there are."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from webhook.core import quantity
from webhook.core.ai_pod import AiPod
from webhook.core.amounts import pod_requests, read_amounts
from webhook.core.fields import Raw, mapping
from webhook.core.nodes import Share, Shares
from webhook.core.patch import Addition, Segment, applied, operations
from webhook.core.pod import COMPUTE_RESOURCES, CPU, MEMORY, Container, Device, Role, counted

_WRITE = {CPU: quantity.cpu, MEMORY: quantity.memory}

# Defaults are cut to steps that people write: a cut figure is rounded down to whole steps.
_STEP = {CPU: quantity.NANOS_PER_MILLI, MEMORY: 2**20 * quantity.NANOS_PER_UNIT}


class Default(NamedTuple):
    """A request that a container lacks."""

    container: Container
    devices: tuple[Device, ...]
    resource: str
    nanos: int
    source: str
    node: str = ""
    """The node that it was cut for."""

    @property
    def path(self) -> tuple[Segment, ...]:
        """Where it is written."""
        return (*self.container.path, "resources", "requests", self.resource)

    @property
    def value(self) -> str:
        """How it is written."""
        return _WRITE[self.resource](self.nanos)

    @property
    def why(self) -> str:
        """Where the figure comes from."""
        return f"{self.source}, cut to what node {self.node} gives" if self.node else self.source

    @property
    def is_per_device(self) -> bool:
        """Whether it was made of the figures of devices: these are cut, small ones never."""
        return bool(self.devices) and self.container.role is not Role.INIT

    def cut(self, nanos: int, node: str) -> "Default":
        """Return it cut to `nanos` for a node; as it is where it is no larger.

        One step is left at least: a pod that fits no node anyway still says what it asks for.
        """
        step = _STEP[self.resource]
        rest = max(step, nanos - nanos % step)
        if self.nanos <= rest:
            return self
        return self._replace(nanos=rest, node=node)


def within_nodes(
    defaults: Sequence[Default], pod: Raw, ai_pod: AiPod, known: Sequence[Shares]
) -> tuple[list[Default], list[str]]:
    """Cut defaults to what the smallest node with the pod's accelerators gives for as many devices.

    Two bounds: a container's default never exceeds the share of its own devices, and all requests
    of the pod together, those that somebody wrote included, fit into the share of the pod's
    devices. So a pod that would fit without the defaults fits with them, and as many pods as there
    are devices fit beside each other. Where nothing is left the defaults of a resource are left
    out, and a note says so.
    """
    if not any(known):
        return list(defaults), []
    running = [one for one in ai_pod.containers if one[0].role is not Role.INIT]
    counts = counted(device for _, devices in running for device in devices)
    overhead = read_amounts(mapping(pod, "spec", "overhead"))
    cut, notes = list(defaults), []
    for resource in COMPUTE_RESOURCES:
        share = _share(known, resource, counts)
        if share is None:
            continue
        others = [one for one in cut if one.resource != resource]
        own = [_within_own(one, known) for one in cut if one.resource == resource]
        written = overhead.get(resource, 0)
        written += sum(quantity.parse(one.request(resource)) or 0 for one, _ in running)
        fitted = _within(own, share, written)
        if fitted is not None and _is_over(pod, fitted, share):
            fitted = None
        if fitted is None:
            notes.append(f"no {resource} requests: node {share.node} has no room for them")
        cut = [*others, *(fitted or ())]
    order = {one.path: position for position, one in enumerate(defaults)}
    return sorted(cut, key=lambda one: order[one.path]), notes


def _is_over(pod: Raw, defaults: Sequence[Default], share: Share) -> bool:
    """Whether a pod fits into a share by itself and not with its defaults.

    That is for what runs before the others: an init container beside a sidecar.
    """
    if not defaults:
        return False
    resource = defaults[0].resource
    additions = [Addition(one.path, one.value) for one in defaults if one.value != "0"]
    after = pod_requests(applied(pod, operations(pod, additions))).get(resource, 0)
    return after > share.nanos >= pod_requests(pod).get(resource, 0)


def _within_own(default: Default, known: Sequence[Shares]) -> Default:
    """Cut a default to the share of its container's own devices."""
    share = _share(known, default.resource, counted(default.devices))
    return default if share is None or not default.is_per_device else default.cut(*share)


def _within(defaults: list[Default], share: Share, written: int) -> list[Default] | None:
    """Cut the defaults of one resource to what is left of the pod's share; None: nothing is.

    Those of devices give way first, small ones only where these are not enough. A pod that asks for
    more than the share by itself is for other nodes: nothing is cut for this one.
    """
    left = share.nanos - written
    running = [one for one in defaults if one.container.role is not Role.INIT]
    small = sum(one.nanos for one in running if not one.is_per_device)
    total = sum(one.nanos for one in running)
    if left < 0 or total <= left:
        return defaults
    room, over = (left - small, total - small) if small < left else (left, total)
    cut = [
        one.cut(one.nanos * room // over, share.node)
        if one in running and (one.is_per_device or small >= left)
        else one
        for one in defaults
    ]
    after = sum(one.nanos for one in cut if one.container.role is not Role.INIT)
    return cut if after <= left else None


def _share(known: Sequence[Shares], resource: str, counts: Counter[str]) -> Share | None:
    """What nodes give of a resource for a number of devices; None where no node is known.

    Devices of several kinds may be one node's: the kind that has most decides for all of them.
    """
    found = [
        Share(min(shares).nanos * count, min(shares).node)
        for device, count in counts.items()
        if count and (shares := _smallest(known, device, resource))
    ]
    return max(found, default=None)


def _smallest(known: Sequence[Shares], device: str, resource: str) -> list[Share]:
    listed = (shares.get(device, {}).get(resource) for shares in known)
    return [share for share in listed if share is not None]

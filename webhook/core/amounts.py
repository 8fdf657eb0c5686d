"""What a pod asks for and may use in all, as the scheduler and quotas sum it up."""

import operator
from collections.abc import Callable, Iterable, Mapping

from webhook.core import quantity
from webhook.core.fields import Raw, mapping
from webhook.core.pod import COMPUTE_RESOURCES, Role, containers

HUGE_PAGES = "hugepages-"

Amounts = Mapping[str, int]
"""How much by the name of the resource: nanos of a quantity, or whole devices."""


def pod_requests(pod: Raw) -> dict[str, int]:
    """What a pod asks a node for in all, in nanos; zeros and what cannot be read are left out.

    Amounts of the pod as a whole replace the sums of its containers (`summed`), and its overhead
    comes on top. Overhead that a RuntimeClass would add is not known here. Source:
    k8s.io/component-helpers resource/helpers.go (`PodRequests`).
    """
    spec = mapping(pod, "spec")
    total = _by_pod(mapping(spec, "resources"), _by_containers(pod, "limits", "requests"))
    total = _merged(operator.add, total, read_amounts(mapping(spec, "overhead")))
    return {name: nanos for name, nanos in total.items() if nanos > 0}


def pod_limits(pod: Raw) -> dict[str, int]:
    """What a pod may use in all, in nanos; overhead counts where there is a limit (`PodLimits`)."""
    spec = mapping(pod, "spec")
    whole = _supported(read_amounts(mapping(spec, "resources", "limits")))
    overhead = read_amounts(mapping(spec, "overhead"))
    return {
        name: nanos + overhead.get(name, 0)
        for name, nanos in {**_by_containers(pod, "limits"), **whole}.items()
        if nanos > 0
    }


def is_best_effort(pod: Raw) -> bool:
    """Whether a pod asks for neither cpu nor memory.

    Source: k8s.io/kubernetes pkg/apis/core/v1/helper/qos/qos.go (`ComputePodQOS`).
    """
    asked = {**pod_requests(pod), **pod_limits(pod)}
    return not any(resource in asked for resource in COMPUTE_RESOURCES)


def _by_containers(pod: Raw, *kinds: str) -> Amounts:
    """Sum what containers ask for, each by the last of these kinds that names the resource."""
    return summed(
        (
            container.role,
            read_amounts(
                {
                    name: value
                    for kind in kinds
                    for name, value in mapping(container.raw, "resources", kind).items()
                }
            ),
        )
        for container in containers(pod)
    )


def summed(asked: Iterable[tuple[Role, Amounts]]) -> Amounts:
    """Sum what the containers of a pod ask for, init containers and sidecars in their order.

    Regular containers and sidecars run together, each init container beside the sidecars started
    before it. Source: k8s.io/component-helpers resource/helpers.go (`PodRequests`).
    """
    running: Amounts = {}
    starting: Amounts = {}
    sidecars: Amounts = {}
    for role, own in asked:
        if role is Role.INIT:
            starting = _merged(max, starting, _merged(operator.add, sidecars, own))
        else:
            running = _merged(operator.add, running, own)
        if role is Role.SIDECAR:
            sidecars = _merged(operator.add, sidecars, own)
    return _merged(max, running, starting)


def _by_pod(resources: Raw, sums: Amounts) -> Amounts:
    """Lay what a pod requests as a whole over the sums of its containers.

    A limit is a request where there is none: of cpu and memory only where no container requests
    any. Source: k8s.io/kubernetes pkg/api/pod/util.go (`DefaultPodLevelResources`).
    """
    limits = {
        name: nanos
        for name, nanos in read_amounts(mapping(resources, "limits")).items()
        if name not in sums or name.startswith(HUGE_PAGES)
    }
    return {**sums, **_supported({**limits, **read_amounts(mapping(resources, "requests"))})}


def _supported(amounts: Amounts) -> Amounts:
    """Leave what a pod can have as a whole."""
    return {
        name: nanos
        for name, nanos in amounts.items()
        if name in COMPUTE_RESOURCES or name.startswith(HUGE_PAGES)
    }


def read_amounts(listed: Raw) -> Amounts:
    """Read quantities; null is zero, and what is no quantity is left out."""
    read = {
        name: 0 if value is None else quantity.parse(value)
        for name, value in listed.items()
        if isinstance(name, str)
    }
    return {name: nanos for name, nanos in read.items() if nanos is not None}


def _merged(combine: Callable[[int, int], int], one: Amounts, other: Amounts) -> Amounts:
    return {name: combine(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}

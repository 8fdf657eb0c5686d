"""Nodes as the scheduler sees them empty: what they can give, their labels, their taints."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import NamedTuple

from webhook.core import quantity
from webhook.core.fields import Raw, mapping, members, strings, text
from webhook.core.frozen import frozen
from webhook.core.objects import reference
from webhook.core.pod import COMPUTE_RESOURCES

HOSTNAME_LABEL = "kubernetes.io/hostname"

# Labels whose values differ from node to node, and that nobody selects a pool by.
_OF_ONE_NODE = frozenset(
    {
        HOSTNAME_LABEL,
        "alpha.eksctl.io/instance-id",
        "node.kubernetes.io/instance-id",
        "nvidia.com/gfd.timestamp",
    }
)

COMING_OR_GOING = (
    r"node\.cloudprovider\.kubernetes\.io/.*|karpenter\.sh/.*|readiness\.k8s\.io/.*|.*/agent-not-ready"
    r"|.*-taint\.cluster-autoscaler\.kubernetes\.io/.*"
    r"|(ToBeDeletedBy|DeletionCandidateOf)ClusterAutoscaler"
)
"""Keys of taints that a node carries while it starts, or before it is taken away."""

# Beside those: what Kubernetes puts on a node by its conditions (k8s.io/api core/v1
# well_known_taints.go) and by `kubectl cordon`, and what platforms and add-ons do alike. Not all of
# `node.kubernetes.io/`: that of GKE's Windows nodes (`os`) stays for good.
_TRANSIENT = re.compile(
    COMING_OR_GOING + r"|.*/(not-ready|unschedulable|uninitialized)"
    r"|node\.kubernetes\.io/(unreachable|out-of-service|network-unavailable|[a-z]+-pressure)"
    r"|cloud\.google\.com/impending-node-termination|aws-node-termination-handler/.*"
)


class Taint(NamedTuple):
    """A taint of a node."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        """The taint as kubectl writes it: `key=value:effect`."""
        return (
            f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"
        )


@frozen
class NodeShape:
    """What one node of a pool can give to pods (allocatable, in nanos), and whom it lets in."""

    name: str
    allocatable: Mapping[str, int]
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()

    @property
    def has_devices(self) -> bool:
        """Whether the node gives anything but what every node gives: all devices have a domain."""
        return any("/" in name and nanos > 0 for name, nanos in self.allocatable.items())


def read_taints(listed: Raw, name: str) -> tuple[Taint, ...]:
    """Read the taints in a list `name` of an object."""
    return tuple(
        Taint(text(taint, "key"), text(taint, "value"), text(taint, "effect"))
        for _, taint in members(listed, name)
    )


def read_node(node: Raw) -> NodeShape:
    """Read a Node; what it cannot be read to give (`status.allocatable`) it does not give.

    Taints that come and go are left out, and so is `spec.unschedulable`: a shape stands for every
    node of its pool at any time, the one that an autoscaler makes next included.
    """
    spec = mapping(node, "spec")
    amounts = {
        name: quantity.parse(value)
        for name, value in mapping(node, "status", "allocatable").items()
    }
    return NodeShape(
        reference(node).name or "",
        {name: nanos for name, nanos in amounts.items() if nanos is not None},
        strings(node, "metadata", "labels"),
        tuple(taint for taint in read_taints(spec, "taints") if not is_transient(taint.key)),
    )


def is_transient(key: str) -> bool:
    """Whether a taint says how a node is just now, and nothing of the pool that it belongs to."""
    return _TRANSIENT.fullmatch(key) is not None


def pool_labels(shape: NodeShape) -> frozenset[tuple[str, str]]:
    """The labels that a node shares with others of its pool."""
    return frozenset(item for item in shape.labels.items() if item[0] not in _OF_ONE_NODE)


def distinct(shapes: Iterable[NodeShape]) -> tuple[NodeShape, ...]:
    """Leave one of those that differ in nothing but their names."""
    found: dict[object, NodeShape] = {}
    for shape in shapes:
        found.setdefault(likeness(shape), shape)
    return tuple(found.values())


def likeness(shape: NodeShape) -> object:
    """What nodes have in common that differ in nothing but their names; hashable."""
    return pool_labels(shape), shape.taints, frozenset(shape.allocatable.items())


class Share(NamedTuple):
    """What a node gives of a resource for each of its devices, in nanos."""

    nanos: int
    node: str


Shares = Mapping[str, Mapping[str, Share]]
"""By the device, then by the resource: the share of the smallest node with that device."""


def smallest_shares(shapes: Iterable[NodeShape]) -> Shares:
    """Work out once what every pod with devices is cut to."""
    found: dict[str, dict[str, Share]] = {}
    for shape in shapes:
        for device, count in shape.allocatable.items():
            if "/" not in device or count <= 0:
                continue
            known = found.setdefault(device, {})
            for resource in COMPUTE_RESOURCES:
                total = shape.allocatable.get(resource)
                if total is not None:
                    share = Share(total * quantity.NANOS_PER_UNIT // count, shape.name)
                    known[resource] = min(share, known.get(resource, share))
    return found

from typing import Any

import pytest

from webhook.core.nodes import (
    NodeShape,
    Share,
    Taint,
    distinct,
    is_transient,
    read_node,
    smallest_shares,
)
from webhook.core.quantity import NANOS_PER_UNIT
from webhook.core.world import World
from webhook.knowledge import knowledge

GPU = "nvidia.com/gpu"


def shape(name: str, labels: dict[str, str] | None = None, **amounts: int) -> NodeShape:
    """A node that gives whole amounts; `gpu` is short for the resource."""
    given = {GPU if key == "gpu" else key: n * NANOS_PER_UNIT for key, n in amounts.items()}
    return NodeShape(name, given, labels or {})


def node(*taints: Any, **status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1", "labels": {"pool": "gpu", "odd": 1}},
        "spec": {"taints": list(taints), "unschedulable": True},
        "status": status,
    }


def test_a_node_is_read() -> None:
    taint = {"key": GPU, "value": "present", "effect": "NoSchedule", "timeAdded": "2026-01-01"}
    given = {"cpu": "3920m", GPU: "1", "odd": "many"}
    found = read_node(node(taint, "odd", allocatable=given, capacity={GPU: "2"}))
    assert found.name == "n1"
    assert found.allocatable == {"cpu": 3_920_000_000, GPU: NANOS_PER_UNIT}
    assert found.labels == {"pool": "gpu"}
    assert found.taints == (Taint(GPU, "present", "NoSchedule"),)


def test_a_node_without_anything() -> None:
    assert read_node({}) == NodeShape("", {})


def test_taints_are_written_as_kubectl_does() -> None:
    assert str(Taint(GPU, "present", "NoSchedule")) == "nvidia.com/gpu=present:NoSchedule"
    assert str(Taint("dedicated", "", "NoExecute")) == "dedicated:NoExecute"


@pytest.mark.parametrize(
    "key",
    [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/unschedulable",
        "node.kubernetes.io/memory-pressure",
        "node.kubernetes.io/disk-pressure",
        "node.kubernetes.io/pid-pressure",
        "node.kubernetes.io/network-unavailable",
        "node.kubernetes.io/out-of-service",
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node.cloudprovider.kubernetes.io/shutdown",
        "node.cluster.x-k8s.io/uninitialized",
        "node.cilium.io/agent-not-ready",
        "ebs.csi.aws.com/agent-not-ready",
        "cni.istio.io/not-ready",
        "karpenter.sh/disrupted",
        "karpenter.sh/unregistered",
        "startup-taint.cluster-autoscaler.kubernetes.io/gpu",
        "ToBeDeletedByClusterAutoscaler",
        "DeletionCandidateOfClusterAutoscaler",
        "readiness.k8s.io/gpu",
        "cloud.google.com/impending-node-termination",
        "aws-node-termination-handler/spot-itn",
        "remediator.kubernetes.azure.com/unschedulable",
    ],
)
def test_taints_that_come_and_go_are_no_part_of_a_shape(key: str) -> None:
    stays = {"key": GPU, "effect": "NoSchedule"}
    goes = {"key": key, "effect": "NoSchedule"}
    assert is_transient(key)
    assert read_node(node(goes, stays)).taints == (Taint(GPU, "", "NoSchedule"),)


@pytest.mark.parametrize(
    "key",
    [
        GPU,
        "sku",
        "node.kubernetes.io/os",
        "node-role.kubernetes.io/control-plane",
        "kubernetes.azure.com/scalesetpriority",
        "cloud.google.com/gke-spot",
    ],
)
def test_taints_of_pools_stay(key: str) -> None:
    assert not is_transient(key)
    assert read_node(node({"key": key, "effect": "NoSchedule"})).taints


def test_devices_have_a_domain() -> None:
    assert shape("a", cpu=4, gpu=1).has_devices
    assert not shape("a", cpu=4, gpu=0).has_devices
    assert not shape("a", cpu=4, pods=110).has_devices


def test_a_world_holds_nodes_with_devices_alone() -> None:
    plain, gpu = node(allocatable={"cpu": "4"}), node(allocatable={"cpu": "4", GPU: "1"})
    world = World.of([plain, gpu], knowledge().kinds)
    assert [one.allocatable[GPU] for one in world.node_shapes()] == [NANOS_PER_UNIT]


def test_nodes_of_one_kind_are_one_shape() -> None:
    first = shape("a", {"kubernetes.io/hostname": "a", "pool": "x"}, cpu=4)
    same = shape("b", {"kubernetes.io/hostname": "b", "pool": "x"}, cpu=4)
    other_pool = shape("c", {"pool": "y"}, cpu=4)
    larger = shape("d", {"pool": "x"}, cpu=8)
    assert distinct([first, same, other_pool, larger, same]) == (first, other_pool, larger)


def test_shares_are_those_of_the_smallest_node_with_the_device() -> None:
    shapes = [
        shape("large", cpu=96, memory=1024, gpu=8),
        shape("small", cpu=4, memory=256, gpu=1),
        shape("unknown", cpu=1, gpu=1),
        shape("none", cpu=1, memory=1, gpu=0),
    ]
    assert smallest_shares(shapes) == {
        GPU: {
            "cpu": Share(NANOS_PER_UNIT, "unknown"),
            "memory": Share(128 * NANOS_PER_UNIT, "large"),
        }
    }

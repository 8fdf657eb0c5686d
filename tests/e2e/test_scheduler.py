"""The real scheduler before accelerator nodes as clouds taint them: with the webhook and without.

What stays Pending is proven by what the scheduler says of it, never by time that went by.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.guard import Guard
from tests.e2e.kubectl import apply, found, pods, wait_until
from tests.e2e.manifests import Raw, deployment

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

NVIDIA = "nvidia.com/gpu"
GUARDED, IGNORED, CROWD = "guarded", "ignored", "crowd"
POOL = "pool"
SKU = {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}


@dataclass(frozen=True)
class Node:
    """A node of a pool: what it gives, and the taints that keep other pods away."""

    pool: str
    resource: str
    count: int
    taints: dict[str, str] = field(default_factory=dict)
    """Values by key; the effect is always NoSchedule."""

    def add(self, plane: ControlPlane) -> None:
        plane.add_node(
            self.pool,
            allocatable={self.resource: str(self.count)},
            labels={POOL: self.pool},
            taints=[
                {"key": key, "value": value, "effect": "NoSchedule"}
                for key, value in self.taints.items()
            ],
        )

    def deployment(self, namespace: str, quantity: int = 1) -> Raw:
        """As its author writes it: the limit, the pool, and no toleration."""
        name = self.pool if quantity else f"{self.pool}-zero"
        made = deployment(name, namespace=namespace)
        spec = made["spec"]["template"]["spec"]
        spec["nodeSelector"] = {POOL: self.pool}
        spec["containers"][0]["resources"] = {"limits": {self.resource: quantity}}
        return made


NODES = (
    Node("gke", NVIDIA, 8, {NVIDIA: "present"}),
    Node("eks", NVIDIA, 8, {NVIDIA: "true"}),
    Node("eks-bare-key", NVIDIA, 8, {NVIDIA: ""}),
    Node("aks", NVIDIA, 8, {"sku": "gpu"}),
    Node("mig", "nvidia.com/mig-1g.5gb", 7, {NVIDIA: "present", "nvidia.com/mig-1g.5gb": ""}),
    Node("tpu", "google.com/tpu", 4, {"google.com/tpu": "present"}),
    Node("neuron", "aws.amazon.com/neuron", 16, {"aws.amazon.com/neuron": "true"}),
    Node("neuron-core", "aws.amazon.com/neuroncore", 32, {"aws.amazon.com/neuron": "true"}),
    Node("amd", "amd.com/gpu", 8, {"amd.com/gpu": ""}),
)
BY_POOL = [pytest.param(node, id=node.pool) for node in NODES]

CROWD_PODS, SMALL_CPUS = 20, 4


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Nodes, the webhook before some of the namespaces, and all deployments at once."""
    config = tmp_path_factory.mktemp("scheduler") / "config.yaml"
    config.write_text(json.dumps({"extraTolerations": [SKU]}), encoding="utf-8")
    with ControlPlane(kwok=True) as running:
        for node in NODES:
            node.add(running)
        running.add_node("small", allocatable={"cpu": str(SMALL_CPUS), "memory": "16Gi"})
        # Until then they carry a taint of Kubernetes' own, and everybody stays away.
        running.kubectl("wait", "--for=condition=Ready", "--timeout=30s", "nodes", "--all")
        namespaces(running)
        with guarded(running, config):
            apply(running, *deployments())
            yield running


def guarded(plane: ControlPlane, config: Path) -> Guard:
    return Guard(plane, arguments=["--config", str(config)])


def namespaces(plane: ControlPlane) -> None:
    for name in (GUARDED, IGNORED, CROWD):
        labels = {"scaleguard.io/ignore": "true"} if name == IGNORED else {}
        metadata = {"name": name, "labels": labels}
        apply(plane, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    for name in (GUARDED, IGNORED, CROWD):
        wait_until(partial(found, plane, "serviceaccount", name, "default"))


def deployments() -> Iterator[Raw]:
    for node in NODES:
        yield node.deployment(GUARDED)
        yield node.deployment(IGNORED)
        yield node.deployment(GUARDED, quantity=0)
    crowd = deployment("web", replicas=CROWD_PODS, namespace=CROWD)
    (container,) = crowd["spec"]["template"]["spec"]["containers"]
    container["resources"] = {"requests": {"cpu": "1"}}
    yield crowd


def of(plane: ControlPlane, namespace: str, name: str) -> list[Raw]:
    """The pods of a deployment."""
    return [raw for raw in pods(plane, namespace) if raw["metadata"]["labels"]["app"] == name]


def scheduled(pod: Raw) -> Raw:
    """What the scheduler says of a pod, nothing as long as it says nothing."""
    conditions = pod["status"].get("conditions", [])
    return next((one for one in conditions if one["type"] == "PodScheduled"), {})


def judged(plane: ControlPlane, namespace: str, name: str, count: int = 1) -> list[Raw]:
    """The pods of a deployment, once the scheduler has said something of each."""

    def all_are() -> bool:
        listed = of(plane, namespace, name)
        return len(listed) == count and all(scheduled(pod) for pod in listed)

    wait_until(all_are)
    return of(plane, namespace, name)


def tolerated_keys(pod: Raw) -> set[str]:
    """What is tolerated beside what the API server adds to every pod."""
    keys = {one.get("key", "") for one in pod["spec"].get("tolerations", [])}
    return {key for key in keys if not key.startswith("node.kubernetes.io/")}


@pytest.mark.parametrize("node", BY_POOL)
def test_a_pod_with_a_limit_alone_is_bound(plane: ControlPlane, node: Node) -> None:
    (pod,) = judged(plane, GUARDED, node.pool)
    assert scheduled(pod)["status"] == "True", scheduled(pod)
    assert pod["spec"]["nodeName"] == node.pool
    assert tolerated_keys(pod) >= set(node.taints)


@pytest.mark.parametrize("node", BY_POOL)
def test_without_the_webhook_it_stays_pending_for_the_taint(
    plane: ControlPlane, node: Node
) -> None:
    (pod,) = judged(plane, IGNORED, node.pool)
    assert_kept_away(pod)
    assert tolerated_keys(pod) == set()


@pytest.mark.parametrize("node", BY_POOL)
def test_a_quantity_of_zero_is_tolerated_nowhere(plane: ControlPlane, node: Node) -> None:
    (pod,) = judged(plane, GUARDED, f"{node.pool}-zero")
    assert_kept_away(pod)
    assert tolerated_keys(pod) == set()


def assert_kept_away(pod: Raw) -> None:
    condition = scheduled(pod)
    assert condition["status"] == "False"
    assert condition["reason"] == "Unschedulable"
    # All of them, the pool's own among them: a node is asked for its taints before its labels.
    assert f" {len(NODES)} node(s) had untolerated taint" in condition["message"]
    assert "nodeName" not in pod["spec"]


def test_other_pods_wait_rather_than_squat_on_accelerator_nodes(plane: ControlPlane) -> None:
    listed = judged(plane, CROWD, "web", CROWD_PODS)
    bound = [pod["spec"]["nodeName"] for pod in listed if "nodeName" in pod["spec"]]
    assert bound == ["small"] * SMALL_CPUS
    waiting = [scheduled(pod) for pod in listed if "nodeName" not in pod["spec"]]
    assert len(waiting) == CROWD_PODS - SMALL_CPUS
    for condition in waiting:
        assert condition["reason"] == "Unschedulable"
        assert f"{len(NODES)} node(s) had untolerated taint" in condition["message"]
        assert "1 Insufficient cpu" in condition["message"]
    assert all(tolerated_keys(pod) == set() for pod in listed)

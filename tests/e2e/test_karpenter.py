"""Pods that a real node autoscaler is asked to make a machine for, with the webhook and without.

No node is there at the start. Karpenter answers for each pending pod whether one of its pools would
hold it, by an event on the pod: that answer, and not mere time, says that there will be no node.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane.build import binary
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.karpenter import Karpenter, Pool
from tests.e2e.guard import Guard
from tests.e2e.kubectl import GPU, apply, found, phase, pods, wait_until
from tests.e2e.manifests import deployment

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

GPU_POOL = Pool(
    "gpu",
    resources={"cpu": "16", "memory": "64Gi", GPU: "1"},
    # The cheaper one: if other pods stay away from it, then because of the taint.
    price=0.5,
    taints=[{"key": GPU, "value": "true", "effect": "NoSchedule"}],
)
CPU_POOL = Pool("cpu", resources={"cpu": "16", "memory": "64Gi"}, price=1.0)
POOL_LABEL = "karpenter.sh/nodepool"
NODE_WITHIN_SECONDS = 30.0


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane without any node; that of the other tests has some."""
    binary("karpenter")
    with ControlPlane(kwok=True) as running:
        yield running


@pytest.fixture(scope="module")
def karpenter(plane: ControlPlane) -> Iterator[Karpenter]:
    with Karpenter(plane, GPU_POOL, CPU_POOL) as running:
        assert items(plane, "nodes") == []
        yield running


@pytest.fixture(scope="module")
def guard(plane: ControlPlane) -> Iterator[Guard]:
    with Guard(plane) as running:
        yield running


@pytest.fixture
def ignored(plane: ControlPlane) -> str:
    """A namespace without the webhook from its first moment: a label set later is seen later."""
    metadata = {"name": "ignored", "labels": {"scaleguard.io/ignore": "true"}}
    apply(plane, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    wait_until(lambda: found(plane, "serviceaccount", "ignored", "default"))
    return "ignored"


@pytest.fixture(autouse=True)
def _state_of_a_failed_test(
    plane: ControlPlane, karpenter: Karpenter, guard: Guard
) -> Iterator[None]:
    """What pytest shows of a test that fails: the cluster, and what both programs said last."""
    yield
    listed = plane.kubectl("get", "nodes,nodeclaims,pods", "-A", "-o", "wide", check=False)
    events = plane.kubectl("get", "events", "-A", check=False)
    print(listed.stdout, events.stdout, karpenter.tail(), "".join(guard.log[-15:]), sep="\n")


def test_a_gpu_pod_is_given_a_node_that_nobody_wrote_a_toleration_for(
    plane: ControlPlane, namespace: str
) -> None:
    apply(plane, gpu_pod(namespace), deployment("llama", gpus=1, namespace=namespace))
    wait_until(lambda: len(bound(plane, namespace)) == 2, NODE_WITHIN_SECONDS)
    nodes = {pod["spec"]["nodeName"] for pod in pods(plane, namespace)}
    assert len(nodes) == 2, "each has one GPU, and each pod wants one"
    for name in nodes:
        node = json.loads(plane.kubectl("get", "node", name, "-o", "json").stdout)
        assert node["metadata"]["labels"][POOL_LABEL] == GPU_POOL.name
        assert node["status"]["allocatable"][GPU] == "1"
        assert GPU in [taint["key"] for taint in node["spec"]["taints"]]
    for pod in pods(plane, namespace):
        assert "FailedScheduling" not in answers(plane, pod)


def test_the_same_pod_without_the_webhook_is_given_none(plane: ControlPlane, ignored: str) -> None:
    before = names(items(plane, "nodeclaims"))
    apply(plane, gpu_pod(ignored))
    said = refusal(plane, ignored)
    assert f"did not tolerate taint (taint={GPU}=true:NoSchedule)" in said
    assert phase(pods(plane, ignored)[0]) == "Pending"
    assert names(items(plane, "nodeclaims")) == before


def test_a_pod_larger_than_every_machine_is_given_none(plane: ControlPlane, namespace: str) -> None:
    before = names(items(plane, "nodeclaims"))
    apply(plane, gpu_pod(namespace, cpu="17"))
    said = refusal(plane, namespace)
    # The taint is no longer the reason: the pod tolerates it, and the machine is too small.
    assert "did not tolerate taint" not in said
    assert "no instance type has enough resources" in said
    assert phase(pods(plane, namespace)[0]) == "Pending"
    assert names(items(plane, "nodeclaims")) == before


def test_a_pod_without_gpu_is_given_a_node_without_gpu(plane: ControlPlane, namespace: str) -> None:
    apply(plane, deployment("web", namespace=namespace))
    wait_until(lambda: len(bound(plane, namespace)) == 1, NODE_WITHIN_SECONDS)
    name = pods(plane, namespace)[0]["spec"]["nodeName"]
    node = json.loads(plane.kubectl("get", "node", name, "-o", "json").stdout)
    assert node["metadata"]["labels"][POOL_LABEL] == CPU_POOL.name
    assert GPU not in node["status"]["allocatable"]


def gpu_pod(namespace: str, *, cpu: str | None = None) -> Raw:
    """A pod as its author writes it: the GPU, perhaps processors, and no toleration."""
    resources: Raw = {"limits": {GPU: "1"}}
    if cpu is not None:
        resources["requests"] = {"cpu": cpu}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "train", "namespace": namespace},
        "spec": {"containers": [{"name": "app", "image": "app", "resources": resources}]},
    }


def items(plane: ControlPlane, kind: str, *arguments: str) -> list[Raw]:
    listed: list[Raw] = json.loads(plane.kubectl("get", kind, *arguments, "-o", "json").stdout)[
        "items"
    ]
    return listed


def names(listed: list[Raw]) -> set[str]:
    return {each["metadata"]["name"] for each in listed}


def bound(plane: ControlPlane, namespace: str) -> list[Raw]:
    """The pods that are on a node and run."""
    return [pod for pod in pods(plane, namespace) if phase(pod) == "Running"]


def answers(plane: ControlPlane, pod: Raw) -> dict[str, str]:
    """What Karpenter said about a pod, by reason; the scheduler's events are not its own."""
    where = ("-n", pod["metadata"]["namespace"])
    only = f"--field-selector=involvedObject.uid={pod['metadata']['uid']}"
    return {
        event["reason"]: event["message"]
        for event in items(plane, "events", *where, only)
        if event["source"].get("component") == "karpenter"
    }


def refusal(plane: ControlPlane, namespace: str) -> str:
    """Wait until Karpenter has judged the only pod here; return why it makes no node for it."""
    pod = pods(plane, namespace)[0]
    wait_until(lambda: bool(answers(plane, pod)), NODE_WITHIN_SECONDS)
    said = answers(plane, pod)
    assert list(said) == ["FailedScheduling"], said
    return said["FailedScheduling"]

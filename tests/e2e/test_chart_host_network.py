"""The webhook in the network of nodes, placed and replaced by real scheduler and controllers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.chart import NAMESPACE, RELEASE, Helm, eventually

pytestmark = [pytest.mark.controlplane]

NODES = ("one", "two")
WEBHOOK = "app.kubernetes.io/component=webhook"
PORTS = ("--set", "hostNetwork.enabled=true,port=9643,metrics.port=9644,drainSeconds=0")
Document = dict[str, Any]


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Two nodes, for two replicas."""
    with ControlPlane(kwok=True) as running:
        for node in NODES:
            running.add_node(node)
        running.kubectl("create", "namespace", NAMESPACE)
        yield running


def pods(plane: ControlPlane) -> list[Document]:
    found = plane.kubectl("-n", NAMESPACE, "get", "pods", "-l", WEBHOOK, "-o", "json")
    items: list[Document] = json.loads(found.stdout)["items"]
    return items


def rolled_out(plane: ControlPlane) -> bool:
    status = ("rollout", "status", "deployment", RELEASE, "--watch=false")
    return "successfully rolled out" in plane.kubectl("-n", NAMESPACE, *status).stdout


def test_each_node_takes_one_and_an_update_comes_through(
    plane: ControlPlane, tmp_path: Path
) -> None:
    helm = Helm(tmp_path, plane.kubeconfig)
    helm.install(*PORTS)
    eventually(lambda: rolled_out(plane), "the first pods")
    before = {pod["metadata"]["uid"] for pod in pods(plane)}
    helm.upgrade(*PORTS, "--set-string", r"podAnnotations.example\.com/round=2")
    eventually(lambda: rolled_out(plane), "the update")
    eventually(lambda: len(pods(plane)) == len(NODES), "the end of the old ones")
    after = pods(plane)
    assert not before & {pod["metadata"]["uid"] for pod in after}
    assert {pod["spec"]["nodeName"] for pod in after} == {*NODES}
    for pod in after:
        assert (pod["spec"]["hostNetwork"], pod["spec"]["dnsPolicy"]) == (
            True,
            "ClusterFirstWithHostNet",
        )
        (container,) = pod["spec"]["containers"]
        assert {port["hostPort"] for port in container["ports"]} == {9643, 9644}


def test_one_more_than_there_are_nodes_waits_for_its_port(
    plane: ControlPlane, tmp_path: Path
) -> None:
    """So a surge would: the scheduler knows of the ports, and no update could come through."""

    def reasons() -> list[str]:
        told = [pod["status"].get("conditions", []) for pod in pods(plane)]
        return [one.get("message", "") for conditions in told for one in conditions]

    Helm(tmp_path, plane.kubeconfig).upgrade(*PORTS, "--set", "replicas=3")
    eventually(lambda: any("free ports" in reason for reason in reasons()), "the third pod")
    assert len(pods(plane)) == len(NODES) + 1


def test_controller_stays_in_the_network_of_pods(plane: ControlPlane) -> None:
    name = f"{RELEASE}-controller"
    found = plane.kubectl("-n", NAMESPACE, "get", "deployment", name, "-o", "json").stdout
    assert "hostNetwork" not in json.loads(found)["spec"]["template"]["spec"]

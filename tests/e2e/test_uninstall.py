"""What `helm uninstall` takes away first, and what is left: nobody has to wait for who is gone.

No webhook runs here, as in a cluster that cannot pull its image.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import free_ports
from tests.e2e.chart import (
    NAMESPACE,
    RELEASE,
    Controller,
    Helm,
    ca_bundles,
    eventually,
    everything,
)
from tests.e2e.kubectl import apply
from tests.e2e.manifests import hpa, stream
from tests.e2e.rights import AuditLog

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "alone", "namespace": "default"},
    "spec": {"containers": [{"name": "app", "image": "app"}]},
}
FAIL = ("--set", "webhooks.autoscalers.failurePolicy=Fail,webhooks.podValidation.enabled=true")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> AuditLog:
    return AuditLog(tmp_path_factory.mktemp("audit"), NAMESPACE, users=["admin"])


@pytest.fixture(scope="module")
def plane(log: AuditLog) -> Iterator[ControlPlane]:
    with ControlPlane(arguments={"kube-apiserver": log.arguments}) as running:
        running.install_crds("vpa")
        running.kubectl("create", "namespace", NAMESPACE)
        yield running


def deleted(log: AuditLog) -> list[str]:
    """The resources of what helm deleted, in order."""
    entries = (one for one in log.entries("admin") if "Helm" in one.get("userAgent", ""))
    return [one["objectRef"]["resource"] for one in entries if one["verb"] == "delete"]


def test_the_webhook_configurations_go_first_and_then_nobody_is_in_the_way(
    plane: ControlPlane, log: AuditLog, tmp_path: Path
) -> None:
    def is_refused() -> bool:
        return "failed calling webhook" in apply(plane, hpa("web", "web"), check=False)

    helm = Helm(tmp_path, plane.kubeconfig)
    before = everything(plane)
    helm.install(*FAIL, "--set", "audit.enabled=true")
    eventually(is_refused, "the API server's look at the configurations")
    # It has Leases and Secrets to look after, and goes on while helm deletes them.
    with Controller(plane, tmp_path, free_ports(1)[0]):
        eventually(lambda: "" not in ca_bundles(plane), "the authority")
        helm.uninstall()
    assert deleted(log)[:2] == ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"]
    eventually(lambda: not is_refused(), "the API server's look at what is gone", seconds=5)
    apply(plane, POD)
    plane.kubectl("delete", "-f", "-", input=stream(hpa("web", "web"), POD))
    eventually(lambda: everything(plane) == before, "the garbage collector")


def test_pods_start_without_anybody_who_answers(plane: ControlPlane, tmp_path: Path) -> None:
    """With the defaults, also where nothing of the release ever ran."""
    helm = Helm(tmp_path, plane.kubeconfig)
    helm.install()
    for path in ("mutatingwebhookconfiguration", "validatingwebhookconfiguration"):
        assert plane.kubectl("get", path, RELEASE).stdout
    apply(plane, POD, hpa("web", "web"))
    plane.kubectl("delete", "-f", "-", input=stream(hpa("web", "web"), POD))
    helm.uninstall()

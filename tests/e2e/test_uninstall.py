"""What `helm uninstall` takes away first, and what is left: nobody has to wait for who is gone.

No webhook runs here, as in a cluster that cannot pull its image.
"""

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
from tests.e2e.kubectl import GPU, apply
from tests.e2e.manifests import hpa, stream
from tests.e2e.rights import AuditLog

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "alone", "namespace": "default"},
    "spec": {"containers": [{"name": "app", "image": "app"}]},
}
_PODS = "webhooks.podValidation.enabled=true,webhooks.podValidation.failurePolicy=Fail"
FAIL = ("--set", f"webhooks.autoscalers.failurePolicy=Fail,{_PODS}")


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


def _nothing(_plane: ControlPlane) -> None:
    """Webhook and controller never answered."""


def _secrets_are_gone(plane: ControlPlane) -> None:
    names = [f"{RELEASE}-{what}" for what in ("authority", "certificate", "path")]
    plane.kubectl("-n", NAMESPACE, "delete", "secret", *names)


def _crds_are_gone(plane: ControlPlane) -> None:
    """With them a VPA that the release has."""
    plane.kubectl("delete", "crd", "verticalpodautoscalers.autoscaling.k8s.io")


def _service_and_accounts_are_gone(plane: ControlPlane) -> None:
    plane.kubectl("-n", NAMESPACE, "delete", "service,serviceaccount,deployment", "--all")


@pytest.mark.parametrize(
    "breaks", [_nothing, _secrets_are_gone, _service_and_accounts_are_gone, _crds_are_gone]
)
def test_what_is_broken_is_uninstalled_and_pods_start(
    breaks: Callable[[ControlPlane], None], plane: ControlPlane, tmp_path: Path
) -> None:
    helm = Helm(tmp_path, plane.kubeconfig)
    before = everything(plane)
    helm.install(*FAIL, "--set", "verticalPodAutoscaler.enabled=true")
    eventually(lambda: is_refused(plane), "the API server's look at the configurations")
    breaks(plane)
    helm.uninstall()
    eventually(lambda: not is_refused(plane), "the API server's look at what is gone", seconds=5)
    plane.install_crds("vpa")
    eventually(lambda: everything(plane) == before, "the garbage collector")


def is_refused(plane: ControlPlane) -> bool:
    """Whether a pod is that would be asked about, and nobody answers."""
    container = POD["spec"]["containers"][0] | {"resources": {"limits": {GPU: 1}}}
    pod = POD | {"spec": {"containers": [container]}}
    said = plane.kubectl("create", "--dry-run=server", "-f", "-", input=stream(pod), check=False)
    assert said.returncode == 0 or "failed calling webhook" in said.stderr, said.stderr
    return said.returncode != 0


def test_where_its_namespace_is_deleted_one_command_takes_away_the_rest(
    plane: ControlPlane, tmp_path: Path
) -> None:
    """And helm's own records with it: helm knows of no release any more."""
    before = everything(plane)
    helm = Helm(tmp_path, plane.kubeconfig)
    helm.install(*FAIL)
    eventually(lambda: is_refused(plane), "the API server's look at the configurations")
    finalizer = {"metadata": {"finalizers": ["example.com/stays"]}}
    kept = ("-n", NAMESPACE, "configmap", "kept")
    plane.kubectl("-n", NAMESPACE, "create", "configmap", "kept")
    plane.kubectl("patch", *kept, "-p", json.dumps(finalizer))
    plane.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    eventually(lambda: not kept_by_helm(plane), "the end of what is in it")
    with pytest.raises(AssertionError, match="not found"):
        helm.uninstall()
    assert is_refused(plane)
    plane.kubectl(*documented("kubectl delete validatingwebhookconfigurations,"))
    eventually(lambda: not is_refused(plane), "the API server's look at what is gone", seconds=5)
    plane.kubectl(
        "patch", *kept, "--type=merge", "-p", json.dumps({"metadata": {"finalizers": []}})
    )
    plane.kubectl("wait", "--for=delete", f"namespace/{NAMESPACE}", "--timeout=30s")
    plane.kubectl("create", "namespace", NAMESPACE)
    eventually(lambda: everything(plane) == before, "the garbage collector")


def kept_by_helm(plane: ControlPlane) -> str:
    """Helm's records of the release."""
    return plane.kubectl("-n", NAMESPACE, "get", "secret", "-l", "owner=helm", "-o", "name").stdout


def documented(begin: str) -> list[str]:
    """The arguments of a command of docs/install.md for kubectl."""
    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8").replace("\\\n", "")
    (line,) = (one for one in text.splitlines() if one.startswith(begin) and "--selector" in one)
    return shlex.split(line)[1:]

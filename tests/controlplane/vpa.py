"""The Vertical Pod Autoscaler beside the control plane: all three of its programs, sped up.

The recommender reads the simulated load of ``MetricsApi``, the updater evicts, the admission
controller is asked by the API server for each pod. Each acts as its own ServiceAccount, with the
roles of its own release.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Self

from tests.controlplane.clocks import QUICK_RECOMMENDER, QUICK_UPDATER
from tests.controlplane.components import LOOPBACK
from tests.controlplane.process import Child, free_ports
from tests.controlplane.toolchain import module_dir

if TYPE_CHECKING:
    from tests.controlplane.cluster import ControlPlane

_STOP_SECONDS = 0.5
_NAMESPACE, _WEBHOOK = "kube-system", "vpa-webhook-config"
_RECOMMENDER, _UPDATER = "vpa-recommender", "vpa-updater"
_ADMISSION = "vpa-admission-controller"

# As it is written by people who leave the mode out.
_PROBE = {
    "apiVersion": "autoscaling.k8s.io/v1",
    "kind": "VerticalPodAutoscaler",
    "metadata": {"name": "probe", "namespace": "default"},
    "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "probe"}},
}


class VpaComponents:
    """Recommender, updater and admission controller; a context manager.

    Further arguments go by ControlPlane's ``arguments``: the last of a flag counts. The admission
    controller's port is open on every address of the machine while it runs: the program has no
    option for the host. It answers reviews and changes nothing.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._children: list[Child] = []

    def start(self) -> Self:
        """Install CRDs and roles, start all three, return when the updater may evict."""
        plane = self._plane
        plane.install_crds("vpa")
        roles = module_dir("vpa") / "deploy" / "vpa-rbac.yaml"
        plane.kubectl("apply", "--server-side", "-f", str(roles))
        webhook, *metrics = free_ports(4)
        certificate, key = plane.layout.serving(_ADMISSION, LOOPBACK)
        serving = [
            f"--port={webhook}",
            f"--client-ca-file={plane.layout.authority}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key={key}",
            # It would wait ten seconds before it registers, and only then call itself alive.
            "--register-webhook=false",
            "--status-lease-update-interval=1s",
        ]
        try:
            admission = self._run(_ADMISSION, metrics[0], serving)
            self._run(_RECOMMENDER, metrics[1], QUICK_RECOMMENDER)
            self._run(_UPDATER, metrics[2], QUICK_UPDATER)
            # Without this lease the updater evicts nobody.
            plane.wait_for(admission, self._says_it_is_alive)
            plane.kubectl("apply", "-f", "-", input=json.dumps(self._configuration(webhook)))
            plane.wait_for(admission, self._is_asked)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End all three, and have the API server ask nobody any more."""
        kind = "mutatingwebhookconfiguration"
        self._plane.kubectl("delete", kind, _WEBHOOK, "--ignore-not-found", check=False)
        children, self._children = self._children, []
        for child in children:
            child.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for child in children:
            child.reap(deadline)

    def tail(self, lines: int = 15) -> str:
        """Return the end of each log, for a test that fails."""
        return "\n\n".join(f"{child.name}:\n{child.tail(lines)}" for child in self._children)

    def _run(self, name: str, metrics: int, arguments: list[str]) -> Child:
        account = f"system:serviceaccount:{_NAMESPACE}:{name}"
        config = self._plane.user(account, "system:serviceaccounts", "system:authenticated")
        common = [f"--kubeconfig={config}", f"--address={LOOPBACK}:{metrics}", "--v=2"]
        child = self._plane.run(name, *common, *arguments)
        self._children.append(child)
        return child

    def _says_it_is_alive(self) -> bool:
        where = ("lease", "-n", _NAMESPACE, _ADMISSION)
        return self._plane.kubectl("get", *where, check=False).returncode == 0

    def _is_asked(self) -> bool:
        """Say whether the API server asks it: it fills in the mode, which the CRD does not."""
        dry = ("create", "--dry-run=server", "-o", "jsonpath={.spec.updatePolicy.updateMode}")
        said = self._plane.kubectl(*dry, "-f", "-", input=json.dumps(_PROBE), check=False)
        return bool(said.stdout)

    def _configuration(self, port: int) -> dict[str, Any]:
        """What the admission controller would register itself, but that it must not fail."""
        rules = [
            _rule("", "pods", "CREATE"),
            _rule("autoscaling.k8s.io", "verticalpodautoscalers", "CREATE", "UPDATE"),
        ]
        entry = {
            "name": "vpa.k8s.io",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {
                "url": f"https://{LOOPBACK}:{port}",
                "caBundle": self._plane.layout.bundle,
            },
            "rules": rules,
            "failurePolicy": "Fail",
            "sideEffects": "None",
        }
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": _WEBHOOK},
            "webhooks": [entry],
        }

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _rule(group: str, resource: str, *operations: str) -> dict[str, Any]:
    return {
        "apiGroups": [group],
        "apiVersions": ["*"],
        "resources": [resource],
        "operations": operations,
    }

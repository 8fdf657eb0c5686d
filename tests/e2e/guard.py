"""scaleguard beside a real API server: the webhook as a process, its configurations registered."""

import base64
import json
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import yaml

from scripts.chart_workloads import TARGET as WORKLOADS
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import free_ports

READY_WITHIN_SECONDS = 90.0

AUTOSCALERS = [
    ("autoscaling", "v2", "horizontalpodautoscalers"),
    ("autoscaling.k8s.io", "v1", "verticalpodautoscalers"),
    ("keda.sh", "v1alpha1", "scaledobjects"),
    ("autoscaling.aibrix.ai", "v1alpha1", "podautoscalers"),
]
QUEUED = {"matchExpressions": [{"key": "kueue.x-k8s.io/queue-name", "operator": "Exists"}]}
NAMESPACES = {
    "matchExpressions": [
        {
            "key": "kubernetes.io/metadata.name",
            "operator": "NotIn",
            "values": ["kube-system", "kube-node-lease"],
        },
        {"key": "scaleguard.io/ignore", "operator": "NotIn", "values": ["true"]},
    ]
}


class Guard:
    """One webhook process that an API server asks; a context manager."""

    def __init__(
        self,
        plane: ControlPlane,
        *,
        fail: str = "Ignore",
        kubeconfig: Path | None = None,
        manifests: Path | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self.plane = plane
        self.fail = fail
        self.mutate_templates = False
        """Whether `register` has the API server ask about templates in queues as well."""
        self._state = ["--kubeconfig", str(kubeconfig or plane.kubeconfig)]
        if manifests is not None:
            self._state = ["--manifests", str(manifests)]
        self._arguments = list(arguments)
        self._folder = tempfile.TemporaryDirectory(prefix="scaleguard-guard-")
        self.folder = Path(self._folder.name)
        self.port, self.metrics_port = free_ports(2)
        self._process: subprocess.Popen[str] | None = None
        self.log: list[str] = []

    @property
    def authority(self) -> Path:
        return self.folder / "certs" / "ca.crt"

    def start(self) -> Self:
        """Start the process, wait until it is ready."""
        command = [sys.executable, "-m", "webhook", "webhook"]
        command += [*self._state, "--bind", f"127.0.0.1:{self.port}"]
        command += ["--metrics-bind", f"127.0.0.1:{self.metrics_port}"]
        command += ["--cert-dir", str(self.folder / "certs"), "--log-level", "info"]
        self._process = subprocess.Popen(
            [*command, *self._arguments], stderr=subprocess.PIPE, text=True
        )
        self._drainer = threading.Thread(target=self._drain, args=(self._process,), daemon=True)
        self._drainer.start()
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while not self.is_ready():
            assert self._process.poll() is None, "".join(self.log)
            assert time.monotonic() < deadline, f"not ready: {''.join(self.log[-30:])}"
            time.sleep(0.1)
        return self

    def restart(self, *arguments: str) -> None:
        """Start again with other arguments, at the same address with the same certificate."""
        self._end(signal.SIGINT)
        self._arguments = list(arguments)
        self.start()

    def stop(self) -> None:
        """End the process, as a kubelet would."""
        self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> None:
        """End the process; SIGINT does not wait for who may still ask over old connections."""
        if self._process is not None:
            with self._process as process:
                process.send_signal(by)
                process.wait(15)
                self._drainer.join(15)
            self._process = None

    def register(self) -> None:
        """Register the webhook configurations, with the authority that the process made."""
        bundle = base64.b64encode(self.authority.read_bytes()).decode()
        for configuration in self.configurations(bundle):
            self.plane.kubectl("apply", "-f", "-", input=json.dumps(configuration))
        # The API server learns of configurations through a watch of its own.
        self._wait_until_asked()

    def unregister(self) -> None:
        for kind in ("mutatingwebhookconfiguration", "validatingwebhookconfiguration"):
            self.plane.kubectl("delete", kind, "scaleguard", "--ignore-not-found")

    def configurations(self, bundle: str) -> list[dict[str, Any]]:
        def entry(name: str, path: str, rules: list[Any], fail: str) -> dict[str, Any]:
            url = f"https://127.0.0.1:{self.port}{path}"
            return {
                "name": name,
                "clientConfig": {"url": url, "caBundle": bundle},
                "rules": rules,
                "failurePolicy": fail,
                "sideEffects": "NoneOnDryRun",
                "timeoutSeconds": 3,
                "admissionReviewVersions": ["v1"],
                "namespaceSelector": NAMESPACES,
            }

        pods = [rule("", "v1", "pods", ["CREATE"])]
        scalers = [rule(*each, ["CREATE", "UPDATE"]) for each in AUTOSCALERS]
        # What the chart says, word for word.
        workloads = yaml.safe_load(WORKLOADS.read_text(encoding="utf-8"))
        again = {"reinvocationPolicy": "IfNeeded"}
        mutating = [entry("pods.scaleguard.io", "/mutate", pods, "Ignore") | again]
        if self.mutate_templates:
            made = [one | {"operations": ["CREATE"]} for one in workloads["rules"]]
            templates = entry("templates.scaleguard.io", "/mutate", made, "Ignore") | again
            mutating.append(templates | {"objectSelector": QUEUED})
        rules = [*workloads["rules"], *pods]
        conditions = {"matchConditions": workloads["matchConditions"]}
        validating = [
            entry("autoscalers.scaleguard.io", "/validate", scalers, self.fail),
            entry("workloads.scaleguard.io", "/validate", rules, "Ignore") | conditions,
        ]
        return [
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": f"{kind}WebhookConfiguration",
                "metadata": {"name": "scaleguard"},
                "webhooks": webhooks,
            }
            for kind, webhooks in (("Mutating", mutating), ("Validating", validating))
        ]

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def get(self, path: str) -> tuple[int, str]:
        if not self.authority.exists():
            raise OSError("no certificate yet")
        context = ssl.create_default_context(cafile=str(self.authority))
        url = f"https://localhost:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5, context=context) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self) -> str:
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            text: str = answer.read().decode()
            return text

    def _wait_until_asked(self) -> None:
        """Create dry-run pods until one comes back labelled: then the webhook is in the way."""
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "probe", "namespace": "default"},
            "spec": {
                "containers": [
                    {"name": "a", "image": "a", "resources": {"limits": {"nvidia.com/gpu": 1}}}
                ]
            },
        }
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while True:
            made = self.plane.kubectl(
                *("create", "--dry-run=server", "-o", "json", "-f", "-"), input=json.dumps(pod)
            )
            if "scaleguard.io/workload-class" in made.stdout:
                return
            assert time.monotonic() < deadline, f"never asked: {''.join(self.log[-20:])}"
            time.sleep(0.2)

    def _drain(self, process: subprocess.Popen[str]) -> None:
        for line in process.stderr or ():
            self.log.append(line)

    def __enter__(self) -> Self:
        self.start()
        self.register()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.unregister()
        finally:
            self._end(signal.SIGINT)
            self._folder.cleanup()


def rule(group: str, version: str, resource: str, operations: list[str]) -> dict[str, Any]:
    return {
        "apiGroups": [group],
        "apiVersions": [version],
        "resources": [resource],
        "operations": operations,
    }

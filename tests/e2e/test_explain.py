"""`scaleguard explain` of pods in a real cluster: what the webhook did to them, and why."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.guard import Guard
from tests.e2e.kubectl import GPU, apply
from webhook.cluster.resources import VPAS

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

CONTAINER = {
    "name": "server",
    "image": "vllm/vllm-openai:v0.11.0",
    "resources": {"limits": {GPU: "2"}},
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "llm"},
    "spec": {"containers": [CONTAINER]},
}
LABELS = {"app": "llm"}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "llm"},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [CONTAINER]}},
    },
}


def placed(raw: dict[str, Any], namespace: str) -> dict[str, Any]:
    return raw | {"metadata": raw["metadata"] | {"namespace": namespace}}


def explain(
    plane: ControlPlane, *arguments: str, user: str | None = None
) -> subprocess.CompletedProcess[str]:
    kubeconfig = plane.user(user) if user is not None else plane.kubeconfig
    command = [sys.executable, "-m", "webhook", "explain", "--kubeconfig", str(kubeconfig)]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


def test_a_pod_that_the_webhook_fitted_and_its_deployment(
    plane: ControlPlane, namespace: str
) -> None:
    with Guard(plane):
        apply(plane, placed(POD, namespace), placed(DEPLOYMENT, namespace))
    done = explain(plane, "llm", "-n", namespace, "-o", "json")
    assert (done.returncode, done.stderr) == (0, "")
    [pod] = json.loads(done.stdout)["pods"]
    assert pod["workload"]["class"] == "inference"
    assert pod["injected"] == []
    told = {one["field"]: (one["value"], one["why"]) for one in pod["injectedBefore"]}
    requests = "default of scaleguard, for each of 2 devices"
    assert told["spec.containers[server].resources.requests.cpu"] == ("4", requests)
    assert told["spec.tolerations"][1] == "taint of NVIDIA nodes"
    assert pod["leftAlone"] == []
    done = explain(plane, "deploy/llm", "-n", namespace)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Deployment {namespace}/llm  spec.template\n")
    assert "containers[server] requests.cpu" in done.stdout
    assert "what is injected" in done.stdout


def test_missing_rights_are_named(plane: ControlPlane, namespace: str) -> None:
    apply(plane, placed(DEPLOYMENT, namespace))
    user = f"reader-of-{namespace}"
    done = explain(plane, "deployment/llm", "-n", namespace, user=user)
    assert done.returncode == 2
    assert f"no right to get deployments in namespace {namespace}; ask for it" in done.stderr
    role = ("-n", namespace, "reader")
    plane.kubectl("create", "role", *role, "--verb=get", "--resource=deployments.apps")
    plane.kubectl("create", "rolebinding", *role, "--role=reader", f"--user={user}")
    done = explain(plane, "deployment/llm", "-n", namespace, user=user)
    assert done.returncode == 0
    assert "AI pod: inference" in done.stdout
    where = f"in namespace {namespace}"
    assert done.stderr.splitlines() == [
        f"not read: namespaces: no right to get them {where}",
        f"not read: limitranges: no right to list them {where}",
        f"not read: resourcequotas: no right to list them {where}",
        f"not read: {VPAS}: no right to list them {where}",
        "not read: nodes: no right to list them in all namespaces",
    ]


def test_a_name_that_is_not_there_says_what_was_tried(plane: ControlPlane, namespace: str) -> None:
    done = explain(plane, "nobody", "-n", namespace)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(
        f"Error: nobody: there is no such file, and no pod of that name in namespace {namespace} "
    )

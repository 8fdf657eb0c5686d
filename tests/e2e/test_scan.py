"""A scan of a real API server with 1,000 objects: the planted conflicts, and nothing else."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from webhook.cluster.api import connect
from webhook.cluster.resources import HPAS, SCALED_OBJECTS, VPAS, Resource

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

NAMESPACES = 10
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")

# No pods are wanted, and no sizes of their own for what nothing runs.
_CONTROLLERS = (
    "--controllers=*,-replicaset-controller,-statefulset-controller,"
    "-horizontal-pod-autoscaler-controller,-disruption-controller"
)


def named(resource: Resource, name: str, spec: Raw, **metadata: Any) -> tuple[Resource, Raw]:
    group = f"{resource.group}/" if resource.group else ""
    raw = {"apiVersion": f"{group}{resource.version}", "kind": resource.kind, "spec": spec}
    return resource, raw | {"metadata": {"name": name, **metadata}}


def workload(resource: Resource, name: str) -> tuple[Resource, Raw]:
    labels = {"app": name}
    requests = {"requests": {"cpu": "1", "memory": "1Gi"}}
    containers = [{"name": "app", "image": "registry.example/app:1", "resources": requests}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec: Raw = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    if resource == STATEFUL_SETS:
        spec["serviceName"] = name
    return named(resource, name, spec)


def target(kind: str, name: str) -> Raw:
    return {"apiVersion": "apps/v1", "kind": kind, "name": name}


def hpa(
    name: str, of: str, kind: str = "Deployment", resource: str = "cpu"
) -> tuple[Resource, Raw]:
    metric = {"name": resource, "target": {"type": "Utilization", "averageUtilization": 70}}
    metrics = [{"type": "Resource", "resource": metric}]
    spec = {"scaleTargetRef": target(kind, of), "minReplicas": 2, "maxReplicas": 9}
    return named(HPAS, name, spec | {"metrics": metrics})


def vpa(name: str, of: str, *resources: str, kind: str = "Deployment") -> tuple[Resource, Raw]:
    policy = {"containerName": "*", "controlledResources": list(resources)}
    spec = {"targetRef": target(kind, of), "resourcePolicy": {"containerPolicies": [policy]}}
    return named(VPAS, name, spec)


def scaled_object(name: str, of: str, trigger: str) -> tuple[Resource, Raw]:
    kinds = {
        "cpu": {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "70"}},
        "cron": {
            "type": "cron",
            "metadata": {
                "timezone": "Etc/UTC",
                "start": "0 6 * * *",
                "end": "0 20 * * *",
                "desiredReplicas": "4",
            },
        },
    }
    spec = {"scaleTargetRef": target("Deployment", of), "triggers": [kinds[trigger]]}
    return named(SCALED_OBJECTS, name, spec)


def harmless(number: int) -> list[tuple[Resource, Raw]]:
    """Three objects that get along."""
    name = f"app-{number:03}"
    if number % 3 == 0:
        return [
            workload(STATEFUL_SETS, name),
            hpa(name, name, "StatefulSet", "memory"),
            vpa(name, name, "cpu", kind="StatefulSet"),
        ]
    if number % 3 == 1:
        return [
            workload(DEPLOYMENTS, name),
            scaled_object(name, name, "cron"),
            vpa(name, name, "cpu", "memory"),
        ]
    return [workload(DEPLOYMENTS, name), hpa(name, name), vpa(name, name, "memory")]


def planted() -> dict[str, list[tuple[Resource, Raw]]]:
    """Conflicts, by their namespace."""
    return {
        "n-0": [
            *(workload(DEPLOYMENTS, "fights"), hpa("fights", "fights")),
            vpa("fights", "fights", "cpu", "memory"),
        ],
        "n-1": [
            *(workload(DEPLOYMENTS, "keda"), scaled_object("keda", "keda", "cpu")),
            vpa("keda", "keda", "cpu"),
        ],
        "n-2": [workload(DEPLOYMENTS, "two"), hpa("one", "two"), hpa("other", "two")],
        "ignored": [
            *(workload(DEPLOYMENTS, "ignored"), hpa("ignored", "ignored")),
            vpa("ignored", "ignored", "cpu"),
        ],
    }


EXPECTED = {
    ("n-0", "HorizontalPodAutoscaler", "fights", "hpa-vpa-same-metric"),
    ("n-0", "VerticalPodAutoscaler", "fights", "hpa-vpa-same-metric"),
    ("n-1", "ScaledObject", "keda", "hpa-vpa-same-metric"),
    ("n-1", "VerticalPodAutoscaler", "keda", "hpa-vpa-same-metric"),
    ("n-2", "HorizontalPodAutoscaler", "one", "duplicate-hpa"),
    ("n-2", "HorizontalPodAutoscaler", "other", "duplicate-hpa"),
}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    arguments = {"kube-controller-manager": [_CONTROLLERS]}
    with ControlPlane(arguments=arguments) as running:
        running.install_crds("vpa", "keda")
        fill(running)
        yield running


def fill(plane: ControlPlane) -> None:
    """Make 1,000 objects that a scan reads, and beside them what controllers make."""
    api = connect(plane.kubeconfig)
    names = [f"n-{number}" for number in range(NAMESPACES)]
    for name in names:
        plane.kubectl("create", "namespace", name)
    plane.kubectl("create", "namespace", "ignored")
    plane.kubectl("label", "namespace", "ignored", "scaleguard.io/ignore=true")
    wanted = {name: list(objects) for name, objects in planted().items()}
    sets = (1000 - sum(map(len, wanted.values()))) // 3
    for number in range(sets):
        wanted.setdefault(names[number % NAMESPACES], []).extend(harmless(number))
    todo = [(namespace, *one) for namespace, objects in wanted.items() for one in objects]
    assert len(todo) >= 999
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: api.create(one[1].path(one[0]), one[2], 30), todo))
    api.close()


def scan(plane: ControlPlane, *arguments: str, user: str | None = None) -> tuple[int, str, str]:
    kubeconfig = plane.user(user) if user is not None else plane.kubeconfig
    command = [sys.executable, "-m", "webhook", "scan", "--kubeconfig", str(kubeconfig), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def findings(text: str) -> set[tuple[str, str, str, str]]:
    return {
        (
            result["resource"]["namespace"],
            result["resource"]["kind"],
            result["resource"]["name"],
            finding["rule"],
        )
        for result in json.loads(text)["results"]
        for finding in result["findings"]
    }


def test_planted_conflicts_are_found_and_nothing_else(plane: ControlPlane) -> None:
    # A user who may list and do nothing else.
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["list"]}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": rules}
    plane.kubectl("create", "-f", "-", input=json.dumps(role | {"metadata": {"name": "reader"}}))
    plane.kubectl("create", "clusterrolebinding", "reader", "--clusterrole=reader", "--user=reader")
    begun = time.monotonic()
    status, text, log = scan(plane, "-o", "json", user="reader")
    seconds = time.monotonic() - begun
    assert (status, log) == (1, "")
    assert findings(text) == EXPECTED
    found = json.loads(text)
    assert found["summary"]["objects"] >= 1000
    assert found["summary"]["denied"] == len(EXPECTED)
    assert found["skipped"] == []
    assert not any(one["resource"]["kind"] == "ReplicaSet" for one in found["results"])
    assert seconds < 30


def test_some_namespaces_alone(plane: ControlPlane) -> None:
    status, text, _ = scan(plane, "-n", "n-2", "-n", "n-5", "-o", "json")
    assert status == 1
    assert findings(text) == {one for one in EXPECTED if one[0] == "n-2"}
    status, text, _ = scan(plane, "-n", "n-5")
    assert status == 0
    assert "nothing to say" in text


def test_rights_that_are_missing_are_named(plane: ControlPlane) -> None:
    status, _, log = scan(plane, user="nobody")
    assert status == 2
    assert "lets nothing be read" in log
    arguments = ("--verb=list", "--resource=hpa,deployments")
    plane.kubectl("create", "clusterrole", "half", *arguments)
    plane.kubectl("create", "clusterrolebinding", "half", "--clusterrole=half", "--user=nobody")
    status, text, log = scan(plane, "-o", "json", user="nobody")
    assert status == 1
    assert findings(text) == {one for one in EXPECTED if one[3] == "duplicate-hpa"}
    missing = f"{VPAS}: no right to list them in all namespaces"
    assert missing in log
    assert missing in [one["reason"] for one in json.loads(text)["skipped"]]


def test_no_cluster_is_an_error(tmp_path: Path, plane: ControlPlane) -> None:
    text = plane.kubeconfig.read_text(encoding="utf-8")
    away = tmp_path / "kubeconfig"
    away.write_text(text.replace(plane.server, "https://127.0.0.1:1"), encoding="utf-8")
    command = [sys.executable, "-m", "webhook", "scan", "--kubeconfig", str(away)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "127.0.0.1:1" in done.stderr

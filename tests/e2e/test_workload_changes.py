"""A Deployment that changes under its autoscalers, as the person sees it who changes it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.guard import Guard
from tests.e2e.kubectl import apply, wait_until
from tests.e2e.manifests import deployment, hpa, stream, vpa

pytestmark = [pytest.mark.controlplane, pytest.mark.slow, pytest.mark.usefixtures("guard")]

Raw = dict[str, Any]

SIDECAR = {"name": "istio-proxy", "image": "istio/proxyv2"}


@pytest.fixture(scope="module")
def guard(plane: ControlPlane) -> Iterator[Guard]:
    with Guard(plane) as running:
        yield running


def web(namespace: str, *further: Raw, requests: Raw | None = None, image: str = "app") -> Raw:
    raw = deployment("web", namespace=namespace)
    requested = {"cpu": "500m", "memory": "512Mi"} if requests is None else requests
    app = {"name": "app", "image": image, "resources": {"requests": requested}}
    sidecars = [{**one, "resources": {"requests": {"cpu": "100m"}}} for one in further]
    raw["spec"]["template"]["spec"]["containers"] = [app, *sidecars]
    return raw


def memory_of_app(namespace: str) -> Raw:
    raw = vpa("web", "web", namespace=namespace)
    policy = {"containerName": "app", "controlledResources": ["memory"]}
    raw["spec"]["resourcePolicy"] = {"containerPolicies": [policy]}
    return raw


def dry_run(plane: ControlPlane, raw: Raw) -> str:
    return plane.kubectl("apply", "--dry-run=server", "-f", "-", input=stream(raw)).stderr


def test_a_container_that_the_vpa_manages_is_warned_of(plane: ControlPlane, namespace: str) -> None:
    apply(plane, web(namespace), hpa("web", "web", namespace=namespace), memory_of_app(namespace))
    changed = web(namespace, SIDECAR)
    # What workloads are judged with are watches, which lag by milliseconds.
    wait_until(lambda: "[hpa-vpa-same-metric]" in dry_run(plane, changed))
    said = apply(plane, changed)
    assert said.count("Warning: [") == 1, said
    assert "Warning: [hpa-vpa-same-metric]" in said
    assert f"HorizontalPodAutoscaler {namespace}/web scales Deployment web on cpu" in said
    assert f"VerticalPodAutoscaler {namespace}/web (mode Recreate)" in said
    assert "cpu request of container istio-proxy" in said
    assert f"it comes with this version of Deployment {namespace}/web" in said
    assert 'fix: set controlledResources: [memory] for container "*"' in said
    listed = plane.kubectl(
        *("get", "deployment", "web", "-n", namespace),
        *("-o", "jsonpath={.spec.template.spec.containers[*].name}"),
    )
    assert listed.stdout == "app istio-proxy", "the change is let pass"
    # From here on it was there before.
    assert "Warning" not in apply(plane, web(namespace, SIDECAR, image="app:2"))
    scale = ("scale", "deployment", "web", "-n", namespace, "--replicas=3")
    assert plane.kubectl(*scale).stderr == ""


def test_a_request_and_a_container_that_metrics_need_are_missed(
    plane: ControlPlane, namespace: str
) -> None:
    raw = hpa("web", "web", namespace=namespace)
    target = {"type": "Utilization", "averageUtilization": 70}
    of_app = {"name": "cpu", "container": "app", "target": target}
    raw["spec"]["metrics"].append({"type": "ContainerResource", "containerResource": of_app})
    apply(plane, web(namespace), raw)
    lacking = web(namespace, requests={"memory": "512Mi"})
    wait_until(lambda: "[hpa-missing-request]" in dry_run(plane, lacking))
    said = apply(plane, lacking)
    assert "and container app has none: the metric fails" in said
    assert "fix: set resources.requests.cpu on container app" in said
    renamed = web(namespace)
    renamed["spec"]["template"]["spec"]["containers"][0]["name"] = "main"
    said = apply(plane, renamed)
    assert "Warning: [hpa-invalid-metric]" in said
    assert "on cpu of container app (spec.metrics[1]), which is none of those" in said
    assert "hpa-missing-request" not in said, "it has its request again"

"""The whole path as a user sees it: kubectl, a real API server, the webhook behind it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.guard import Guard
from tests.e2e.kubectl import GPU, apply, found, pods, wait_until
from tests.e2e.manifests import deployment, hpa, stream, vpa

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

PAIRS = 200


@pytest.fixture(scope="module")
def guard(plane: ControlPlane) -> Iterator[Guard]:
    with Guard(plane) as running:
        yield running


@pytest.mark.usefixtures("guard")
def test_every_pod_of_a_gpu_deployment_is_fitted(plane: ControlPlane, namespace: str) -> None:
    apply(plane, deployment("llama", replicas=3, gpus=2, namespace=namespace))
    wait_until(lambda: len(pods(plane, namespace)) == 3)
    for pod in pods(plane, namespace):
        keys = [toleration.get("key") for toleration in pod["spec"]["tolerations"]]
        assert GPU in keys
        requests = pod["spec"]["containers"][0]["resources"]["requests"]
        assert requests == {"cpu": "4", "memory": "16Gi", GPU: "2"}
        assert pod["metadata"]["labels"]["scaleguard.io/workload-class"] == "inference"
    template = json.loads(
        plane.kubectl("get", "deployment", "llama", "-n", namespace, "-o", "json").stdout
    )["spec"]["template"]
    assert "tolerations" not in template["spec"], "templates are left as they were written"


@pytest.mark.usefixtures("guard")
def test_a_bare_pod_is_untouched(plane: ControlPlane, namespace: str) -> None:
    apply(plane, deployment("web", namespace=namespace))
    wait_until(lambda: len(pods(plane, namespace)) == 1)
    pod = pods(plane, namespace)[0]
    assert pod["spec"]["containers"][0]["resources"] == {}
    assert not any(key.startswith("scaleguard.io") for key in pod["metadata"]["labels"])
    assert "annotations" not in pod["metadata"]


@pytest.mark.usefixtures("guard")
def test_hpa_then_vpa_on_cpu_is_refused(plane: ControlPlane, namespace: str) -> None:
    apply(plane, deployment("web", namespace=namespace), hpa("web", "web", namespace=namespace))
    said = apply(plane, vpa("web", "web", namespace=namespace), check=False)
    assert "[hpa-vpa-same-metric]" in said
    assert f"HorizontalPodAutoscaler {namespace}/web scales Deployment web on cpu" in said
    assert f"VerticalPodAutoscaler {namespace}/web (mode Recreate)" in said
    assert "cpu request of container app" in said
    assert 'fix: set controlledResources: [memory] for container "*"' in said
    assert "; decision " in said
    assert not found(plane, "vpa", namespace, "web")


@pytest.mark.usefixtures("guard")
def test_vpa_then_hpa_on_cpu_is_refused(plane: ControlPlane, namespace: str) -> None:
    apply(plane, deployment("web", namespace=namespace), vpa("web", "web", namespace=namespace))
    said = apply(plane, hpa("web", "web", namespace=namespace), check=False)
    assert "[hpa-vpa-same-metric]" in said
    assert f"VerticalPodAutoscaler {namespace}/web" in said
    assert not found(plane, "hpa", namespace, "web")


@pytest.mark.usefixtures("guard")
def test_the_complementary_pair_is_accepted(plane: ControlPlane, namespace: str) -> None:
    apply(
        plane,
        deployment("web", namespace=namespace),
        hpa("web", "web", namespace=namespace),
        vpa("web", "web", controlled=["memory"], namespace=namespace),
    )
    assert found(plane, "hpa", namespace, "web")
    assert found(plane, "vpa", namespace, "web")


@pytest.mark.usefixtures("guard")
def test_an_update_that_brings_the_conflict_is_refused(plane: ControlPlane, namespace: str) -> None:
    apply(
        plane,
        deployment("web", namespace=namespace),
        hpa("web", "web", namespace=namespace),
        vpa("web", "web", mode="Off", namespace=namespace),
    )
    said = apply(plane, vpa("web", "web", namespace=namespace), check=False)
    assert "[hpa-vpa-same-metric]" in said


@pytest.mark.usefixtures("guard")
def test_pairs_right_after_each_other_are_refused(
    plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """One apply of a folder: each HPA is followed by its VPA as fast as kubectl can."""
    for number in range(PAIRS):
        name = f"w{number:03}"
        first, second = hpa(name, name, namespace=namespace), vpa(name, name, namespace=namespace)
        if number % 2:
            first, second = second, first
        for step, raw in enumerate((first, second)):
            (tmp_path / f"{name}-{step}.json").write_text(json.dumps(raw), encoding="utf-8")
    done = plane.kubectl("apply", "-f", str(tmp_path), check=False)
    assert done.stderr.count("[hpa-vpa-same-metric]") == PAIRS, done.stderr[-2000:]
    listed = plane.kubectl("get", "hpa,vpa", "-n", namespace, "-o", "name").stdout.split()
    assert len(listed) == PAIRS
    assert {name.rpartition("/")[2] for name in listed} == {f"w{n:03}" for n in range(PAIRS)}


@pytest.mark.usefixtures("guard")
def test_a_dry_run_is_judged_alike_and_leaves_no_trace(plane: ControlPlane, namespace: str) -> None:
    apply(plane, deployment("web", namespace=namespace), hpa("web", "web", namespace=namespace))
    conflicting = stream(vpa("web", "web", namespace=namespace))
    dry = ("apply", "--dry-run=server", "-f", "-")
    refused = plane.kubectl(*dry, input=conflicting, check=False)
    assert "[hpa-vpa-same-metric]" in refused.stderr
    allowed = stream(vpa("other", "other", namespace=namespace))
    assert plane.kubectl(*dry, input=allowed).returncode == 0
    # An HPA on what the dry run only tried meets nobody.
    apply(plane, hpa("other", "other", namespace=namespace))
    assert not found(plane, "vpa", namespace, "other")

"""With and without the webhook: what its absence costs, and what it must never cost."""

import json

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.guard import Guard
from tests.e2e.kubectl import apply, found, phase, pods, wait_until, why
from tests.e2e.manifests import deployment, hpa, vpa

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]


def test_deleting_always_works_also_while_it_is_down(plane: ControlPlane, namespace: str) -> None:
    pair = (hpa("web", "web", namespace=namespace), vpa("web", "web", namespace=namespace))
    apply(plane, *pair)
    strict = Guard(plane, fail="Fail")
    with strict:
        plane.kubectl("delete", "vpa", "web", "-n", namespace)
        strict.stop()
        plane.kubectl("delete", "hpa", "web", "-n", namespace)
        apply(plane, deployment("late", gpus=1, namespace=namespace))
        wait_until(lambda: len(pods(plane, namespace)) == 1)
        said = apply(plane, hpa("late", "late", namespace=namespace), check=False)
        assert "failed calling webhook" in said, "failurePolicy Fail: nothing passes unjudged"
        plane.kubectl("patch", *_validating("Ignore"))
        wait_until(lambda: not apply(plane, hpa("late", "late", namespace=namespace), check=False))
        assert found(plane, "hpa", namespace, "late"), "failurePolicy Ignore: it passes"


def _validating(policy: str) -> list[str]:
    operation = {"op": "replace", "path": "/webhooks/0/failurePolicy", "value": policy}
    name = "validatingwebhookconfiguration"
    return [name, "scaleguard", "--type=json", "-p", json.dumps([operation])]


def test_a_gpu_pod_runs_with_the_webhook_and_waits_without(
    plane: ControlPlane, namespace: str
) -> None:
    apply(plane, deployment("without", gpus=1, namespace=namespace))
    wait_until(lambda: [phase(pod) for pod in pods(plane, namespace)] == ["Pending"])
    wait_until(lambda: "untolerated taint" in why(pods(plane, namespace)[0]))
    with Guard(plane):
        apply(plane, deployment("with", gpus=1, namespace=namespace))
        wait_until(
            lambda: any(
                phase(pod) == "Running" and pod["metadata"]["labels"]["app"] == "with"
                for pod in pods(plane, namespace)
            )
        )
    waiting = [pod for pod in pods(plane, namespace) if pod["metadata"]["labels"]["app"] != "with"]
    assert [phase(pod) for pod in waiting] == ["Pending"]

"""The webhook's pods are replaced while they are asked: no review fails.

A real API server, and whoever fails is told: the failurePolicy is Fail for all. SCALEGUARD_ROLLOUTS
sets how often the pods are replaced; `make rolling-restart` does it ten times, with the drain of
the chart.
"""

import base64
import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controlplane.cluster import ControlPlane
from tests.e2e.balancer import Balancer
from tests.e2e.chart import CHART
from tests.e2e.guard import AUTOSCALERS, rule
from tests.e2e.load import Load, failed_calls, prepare, said_of_failures, senders
from tests.e2e.rollout import Deployment
from tests.e2e.webhook_process import WebhookProcess, wait_until

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

ROLLOUTS = int(os.environ.get("SCALEGUARD_ROLLOUTS", "1"))
RATE = float(os.environ.get("SCALEGUARD_LOAD_RATE", "12"))
NAME = NAMESPACE = "scaleguard-rolling"
DRAIN_SECONDS = (
    yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))["drainSeconds"]
    if ROLLOUTS > 1
    else 2
)


class WebhookPod(WebhookProcess):
    """A webhook that plays a pod."""

    def __init__(self, folder: Path, kubeconfig: Path, certificates: Path) -> None:
        super().__init__(folder, kubeconfig)
        self.command += ["--drain-seconds", str(DRAIN_SECONDS)]
        if certificates.exists():
            shutil.copytree(certificates, folder / "certs")

    def start(self) -> None:
        self.__enter__()

    def is_ready(self) -> bool:
        return self.ready()

    def end(self, patience_seconds: float) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(patience_seconds)


def entry(name: str, path: str, port: int, bundle: bytes, rules: list[Raw]) -> Raw:
    return {
        "name": f"{name}.scaleguard.io",
        "clientConfig": {
            "url": f"https://127.0.0.1:{port}{path}",
            "caBundle": base64.b64encode(bundle).decode(),
        },
        "rules": rules,
        "failurePolicy": "Fail",
        "sideEffects": "NoneOnDryRun",
        # Not what is tested here: this machine does everything at once.
        "timeoutSeconds": 10,
        "admissionReviewVersions": ["v1"],
    }


def register(plane: ControlPlane, port: int, bundle: bytes) -> None:
    pods = [rule("", "v1", "pods", ["CREATE"])]
    scalers = [rule(*each, ["CREATE", "UPDATE"]) for each in AUTOSCALERS]
    webhooks = {
        "Mutating": [entry("pods", "/mutate", port, bundle, pods)],
        "Validating": [entry("all", "/validate", port, bundle, [*pods, *scalers])],
    }
    key = "kubernetes.io/metadata.name"
    for kind, listed in webhooks.items():
        configuration = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": f"{kind}WebhookConfiguration",
            "metadata": {"name": NAME},
            "webhooks": [
                each | {"namespaceSelector": {"matchLabels": {key: NAMESPACE}}} for each in listed
            ],
        }
        plane.kubectl("apply", "-f", "-", input=json.dumps(configuration))


@pytest.fixture(scope="module")
def deployment(
    plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("rolling")
    numbers = itertools.count()
    certificates = folder / "0" / "certs"

    def template() -> WebhookPod:
        return WebhookPod(folder / str(next(numbers)), plane.kubeconfig, certificates)

    plane.kubectl("create", "namespace", NAMESPACE)
    prepare(plane, NAMESPACE)
    with (
        Balancer() as service,
        Deployment(service, template, drain_seconds=DRAIN_SECONDS) as running,
    ):
        register(plane, service.port, (certificates / "ca.crt").read_bytes())
        wait_until(lambda: _is_asked(plane), what="the API server does not ask")
        yield running
        for kind in ("mutatingwebhookconfiguration", "validatingwebhookconfiguration"):
            plane.kubectl("delete", kind, NAME)
    plane.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def _is_asked(plane: ControlPlane) -> bool:
    """Whether the API server knows of both configurations, and the first requests are over."""
    with Load(plane, RATE, 2, senders(NAMESPACE)) as load:
        pass
    return load.denied > 0 and not load.failed


def test_no_review_fails_while_pods_are_replaced(
    plane: ControlPlane, deployment: Deployment
) -> None:
    before = failed_calls(plane)
    first = tuple(deployment.pods)
    with Load(plane, RATE, 10, senders(NAMESPACE)) as load:
        for _ in range(ROLLOUTS):
            deployment.roll_out()
        deployment.settle()
        time.sleep(2)
    print(f"{2 * ROLLOUTS} pods replaced, drain {DRAIN_SECONDS} s: {load}")
    assert not set(first) & set(deployment.pods)
    assert deployment.exits == [0] * 2 * ROLLOUTS
    assert load.failed == [], deployment.log()
    assert failed_calls(plane) - before == {}, said_of_failures(plane)
    assert load.denied == pytest.approx(load.sent / 4, abs=2), "each was judged"


def test_pods_that_are_killed_are_noticed(plane: ControlPlane, deployment: Deployment) -> None:
    """Else the test above could not fail."""
    before = failed_calls(plane)
    with Load(plane, RATE, 3, senders(NAMESPACE)) as load:
        time.sleep(1)
        while deployment.pods:
            killed = deployment.pods.pop()
            assert isinstance(killed, WebhookPod)
            killed.kill()
    assert {failed.status for failed in load.failed} == {500}
    assert (failed_calls(plane) - before).total() >= len(load.failed)

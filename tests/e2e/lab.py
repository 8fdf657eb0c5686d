"""A laboratory for autoscalers: the real HPA controller and VPA before a simulated load."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.controlplane.clocks import QUICK_HPA
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.metrics_api import MetricsApi
from tests.controlplane.usage import Usage
from tests.controlplane.vpa import VpaComponents
from tests.e2e.kubectl import GPU, pods

Raw = dict[str, Any]


@dataclass(frozen=True)
class Lab:
    """What runs in it. The load is set by ``usage``."""

    plane: ControlPlane
    usage: Usage
    vpa: VpaComponents

    def replicas(self, namespace: str, deployment: str) -> int:
        """How many pods somebody wants of a Deployment now."""
        found = self.get("deployment", namespace, deployment)
        wanted: int = found["spec"]["replicas"]
        return wanted

    def requests(self, namespace: str) -> list[Raw]:
        """The requests of the first container of each pod that runs and is not about to end."""
        return [
            pod["spec"]["containers"][0]["resources"].get("requests", {})
            for pod in pods(self.plane, namespace)
            if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
        ]

    def target(self, namespace: str, vpa: str) -> Raw:
        """What a VPA recommends for the first container, nothing as long as it does not."""
        status = self.get("vpa", namespace, vpa).get("status", {})
        listed = status.get("recommendation", {}).get("containerRecommendations", [])
        target: Raw = listed[0]["target"] if listed else {}
        return target

    def get(self, kind: str, namespace: str, name: str) -> Raw:
        found: Raw = json.loads(
            self.plane.kubectl("get", kind, "-n", namespace, name, "-o", "json").stdout
        )
        return found


@contextmanager
def lab() -> Iterator[Lab]:
    """Start all of it, with one large GPU node that nothing keeps pods away from."""
    with ControlPlane(kwok=True, arguments=QUICK_HPA) as plane:
        plane.add_node("gpu", allocatable={GPU: "200", "cpu": "400", "memory": "8Ti"})
        with MetricsApi(plane) as metrics, VpaComponents(plane) as vpa:
            yield Lab(plane, metrics.usage, vpa)

"""A watch that tests step, and the objects of it."""

from typing import Any

from prometheus_client import CollectorRegistry

from tests.unit.cluster.fake import Answer, Raw
from webhook.cluster.api import Api
from webhook.cluster.recorder import Counters
from webhook.cluster.records import Autoscalers
from webhook.cluster.resources import VPAS
from webhook.cluster.timing import Timing
from webhook.cluster.watch import Watch
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa, read_vpa

PATH = "/apis/autoscaling.k8s.io/v1/verticalpodautoscalers"
GROUP = "/apis/autoscaling.k8s.io/v1"
SERVED = Answer(
    body=b'{"resources": [{"name": "verticalpodautoscalers", "kind": "VerticalPodAutoscaler"}]}'
)
WEB = WorkloadKey("shop", "apps", "Deployment", "web")
EXPIRED = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}


def vpa(name: str = "v", version: str = "2", target: str = "web", **metadata: Any) -> Raw:
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"namespace": "shop", "name": name, "resourceVersion": version, **metadata},
        "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}},
    }


class Followed:
    """A watch that is stepped by the test, and what it has counted."""

    def __init__(self, api: Api, resource: Any = VPAS) -> None:
        self.now = 0.0
        self.registry = CollectorRegistry()
        self.store: Autoscalers[Vpa] = Autoscalers(read_vpa)
        self.watch = Watch(
            resource,
            self.store,
            api,
            Counters(self.registry),
            Timing(stale_seconds=2.0),
            clock=lambda: self.now,
            jitter=lambda: 0.0,
        )

    def step(self) -> float:
        return self.watch.step()

    def is_absent(self) -> bool:
        return self.watch.is_absent

    def names(self) -> list[str | None]:
        return [record.ref.name for record in self.store.on(WEB)]

    def count(self, name: str, **labels: str) -> float:
        labels["resource"] = str(self.watch.resource)
        return self.registry.get_sample_value(f"scaleguard_watch_{name}_total", labels) or 0.0

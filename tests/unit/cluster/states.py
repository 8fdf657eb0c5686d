"""A state of a cluster that tests ask, and the objects of it."""

import json
import time
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry

from tests.unit.cluster.fake import Answer, FakeApi, Raw, Stream, page
from webhook.cluster.api import Api
from webhook.cluster.recorder import Counters
from webhook.cluster.resources import WATCHED
from webhook.cluster.state import ClusterState
from webhook.cluster.timing import Timing
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.decide import ALLOWED, Decision
from webhook.core.objects import GroupKind
from webhook.core.review import Request
from webhook.core.world import World
from webhook.knowledge import knowledge

KINDS = knowledge().kinds
ASKED = Request(
    "u", "CREATE", GroupKind("autoscaling", "HorizontalPodAutoscaler"), "", "shop", "h",
    "me", {}, {}, dry_run=False,
)  # fmt: skip

DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"


def key(name: str = "web", kind: str = "Deployment", group: str = "apps") -> WorkloadKey:
    return WorkloadKey("shop", group, kind, name)


WEB = key()


def answer(raw: Raw) -> Answer:
    return Answer(body=json.dumps(raw).encode())


def workload(name: str, kind: str = "Deployment", api: str = "apps/v1", **rest: Any) -> Raw:
    template = {"spec": {"containers": [{"name": "app"}]}}
    metadata = {"namespace": "shop", "name": name, "uid": f"uid-{name}", **rest.pop("metadata", {})}
    spec = {"template": template, **rest}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def owned_by(name: str, kind: str = "Deployment", api: str = "apps/v1") -> Raw:
    owner = {"apiVersion": api, "kind": kind, "name": name, "uid": f"uid-{name}"}
    return {"ownerReferences": [owner | {"controller": True}]}


def autoscaler(name: str, of: WorkloadKey, *, vpa: bool = False) -> Raw:
    version = "v1alpha1" if of.group == "argoproj.io" else "v1"
    target = {"apiVersion": f"{of.group}/{version}", "kind": of.kind, "name": of.name}
    metadata = {"namespace": "shop", "name": name, "resourceVersion": "1"}
    if vpa:
        found = {"apiVersion": "autoscaling.k8s.io/v1", "kind": "VerticalPodAutoscaler"}
        return found | {"metadata": metadata, "spec": {"targetRef": target}}
    found = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    return found | {"metadata": metadata, "spec": {"scaleTargetRef": target}}


class Cluster:
    """A state that is not started unless a test does, and what it has counted."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.registry = CollectorRegistry()
        self.counters = Counters(self.registry)
        self.states: list[ClusterState] = []

    def state(
        self, *, lease_namespace: str | None = None, controller: str | None = None
    ) -> ClusterState:
        made = ClusterState(
            self.api,
            lambda: KINDS,
            lease_namespace=lease_namespace,
            controller=controller,
            timing=Timing(5.0),
            recorder=self.counters,
        )
        self.states.append(made)
        return made

    def world(self) -> World:
        return world_of(self.state())

    def following(self, server: FakeApi, **items: list[Raw]) -> ClusterState:
        """A state that knows these objects by its watches."""
        on_watches(server, **items)
        known = self.state().start()
        wait_until(lambda: known.not_ready() == [])
        return known

    def looked_up(self, what: str, result: str) -> float:
        labels = {"what": what, "result": result}
        return self.registry.get_sample_value("scaleguard_lookups_total", labels) or 0.0


def world_of(state: ClusterState, asked: Request = ASKED) -> World:
    """The world in which a state has a request decided."""
    worlds: list[World] = []

    def look(world: World) -> Decision:
        worlds.append(world)
        return ALLOWED

    assert state.decided(asked, look) is ALLOWED
    return worlds[0]


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def on_watches(server: FakeApi, **items: list[Raw]) -> None:
    for resource in WATCHED:
        server.on(
            resource.path(), page(items.get(resource.plural, []), kind=f"{resource.kind}List")
        )
        server.on(f"watch {resource.path()}", Stream(end="hang"))

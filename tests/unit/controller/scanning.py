"""A cluster of a few objects, replicas that follow it without threads, and a receiver."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry

from tests.unit.core.vpa_plan.test_plan import judge_of
from webhook.cluster.errors import ApiError
from webhook.cluster.recorder import Counters
from webhook.cluster.resources import (
    HPAS,
    LIMIT_RANGES,
    NAMESPACES,
    NODES,
    RESOURCE_QUOTAS,
    SERVICES,
    VPAS,
    Resource,
)
from webhook.cluster.timing import Timing
from webhook.controller.following import Following
from webhook.controller.receiver import Delivery, NotTakenError
from webhook.controller.scan import Scan, ScanPace
from webhook.controller.scan_recorder import ScanCounters
from webhook.controller.told import Judged
from webhook.controller.world import LastingShapes
from webhook.core.ai_workload import may_be_at_fault, may_make_ai_pods
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.objects import GroupKind, reference
from webhook.core.scanned import standing_of

Raw = dict[str, Any]
Name = tuple[GroupKind, str | None, str | None]

DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
RESOURCES = {
    one.group_kind: one
    for one in (
        *(HPAS, VPAS, NAMESPACES, LIMIT_RANGES, RESOURCE_QUOTAS, SERVICES, NODES),
        *(DEPLOYMENTS, REPLICA_SETS),
    )
}
QUICK = ScanPace(settle_seconds=0.0, looks_per_second=1e6, linger_seconds=0.02)


class Cluster:
    """What there is, for those who ask; stands for the API server."""

    def __init__(self) -> None:
        self.objects: dict[Name, Raw] = {}
        self.versions = itertools.count(1)
        self.asked: list[str] = []
        self.is_down = False

    def put(self, raw: Raw) -> Raw:
        name = self.name(raw)
        before = self.objects.get(name)
        uid = before["metadata"]["uid"] if before else f"u-{next(self.versions)}"
        version = str(next(self.versions))
        metadata = {"uid": uid, **raw["metadata"], "resourceVersion": version}
        self.objects[name] = {**raw, "metadata": metadata}
        return self.objects[name]

    @staticmethod
    def name(raw: Raw) -> Name:
        ref = reference(raw)
        return ref.group_kind, ref.namespace, ref.name

    def of(self, kind: GroupKind) -> list[Raw]:
        return [raw for name, raw in self.objects.items() if name[0] == kind]

    def get(self, path: str, _seconds: float, query: dict[str, str] | None = None) -> Raw:
        """One workload, as a list that is narrowed to it."""
        self.asked.append(path)
        if self.is_down:
            raise ApiError(503, "ServiceUnavailable", "away")
        name = (query or {})["fieldSelector"].removeprefix("metadata.name=")
        for (kind, namespace, own), raw in self.objects.items():
            if own == name and kind in RESOURCES and RESOURCES[kind].path(namespace) == path:
                bare = {key: raw[key] for key in raw if key not in {"apiVersion", "kind"}}
                return {
                    "kind": f"{kind.kind}List",
                    "apiVersion": raw["apiVersion"],
                    "items": [bare],
                }
        return {"kind": "List", "items": []}


class Audit:
    """What the decision says of who is told: newer ones count, and what a pass left out is gone."""

    def __init__(self) -> None:
        self.kept: dict[WorkloadKey, tuple[float, str]] = {}
        self.taken: list[Delivery] = []
        self.is_away = False
        self.refuses: set[WorkloadKey] = set()
        self.is_closed = False

    def take(self, delivery: Delivery) -> None:
        if self.is_away:
            raise NotTakenError("status 503: away", again=True)
        if self.refuses & {one.workload for one in delivery.standings}:
            raise NotTakenError("status 400: no", again=False)
        self.taken.append(delivery)
        for one in delivery.standings:
            at = self.kept.get(one.workload, (0.0, ""))[0]
            if delivery.at >= at:
                written = "" if one.is_empty else json.dumps(one.as_json(), sort_keys=True)
                self.kept[one.workload] = (delivery.at, written)
        if delivery.pass_began is not None:
            began = delivery.pass_began
            self.kept = {key: one for key, one in self.kept.items() if one[0] >= began}

    def close(self) -> None:
        self.is_closed = True

    def holds(self) -> dict[WorkloadKey, str]:
        return {key: written for key, (_, written) in self.kept.items() if written}

    def told(self) -> list[str]:
        """The names of the workloads that were told of, one delivery after the other."""
        return [one.workload.name for delivery in self.taken for one in delivery.standings]


class Replica:
    """One replica of the controller, as far as the scan needs it."""

    def __init__(
        self, cluster: Cluster, audit: Audit, now: Iterator[float], pace: ScanPace = QUICK
    ) -> None:
        self.cluster, self.leads = cluster, False
        self.judge = judge_of("{}")
        registry = CollectorRegistry()
        self.registry = registry
        self.scan = Scan(
            lambda: (self.following.sight, self.judge),
            lambda: self.leads,
            audit,
            ScanCounters(registry),
            pace=pace,
            now=lambda: next(now),
            jitter=lambda: 1.0,
        )
        self.stores: dict[GroupKind, Any] = {}
        self.following = self.follow()

    def follow(self) -> Following:
        api: Any = self.cluster
        following = Following(
            api,
            self.judge.knowledge.kinds,
            lambda raw: may_make_ai_pods(raw, self.judge.knowledge),
            lambda keys, _after: [*keys].clear(),
            shapes=LastingShapes(),
            timing=Timing(5.0),
            recorder=Counters(CollectorRegistry()),
            scan=self.scan,
            is_at_fault=lambda raw: may_be_at_fault(raw, self.judge.knowledge),
        )
        following._discovery = Known()  # type: ignore[assignment]
        stores = {watch.resource.group_kind: watch.store for watch in following._watches}
        watched: list[Any] = []
        following._watches.add = watched.append  # type: ignore[method-assign,assignment]
        for kind in (DEPLOYMENTS.group_kind, REPLICA_SETS.group_kind):
            following._follow(kind)
        stores |= {watch.resource.group_kind: watch.store for watch in watched}
        for kind, store in stores.items():  # autoscalers come first
            store.replace([store.read(raw) for raw in self.cluster.of(kind)], 0)
        self.stores = stores
        return following

    def lead(self) -> None:
        self.leads = True
        self.scan.forget()
        self.scan.begin()

    def heard(self, raw: Raw, *, is_gone: bool = False) -> None:
        store = self.stores[reference(raw).group_kind]
        record = store.read(raw)
        (store.remove if is_gone else store.put)(record)

    def settle(self, most: int = 60) -> None:
        """Step until nothing is due any more."""
        for _ in range(most):
            self.scan.step()
            if not len(self.scan._queue) and self.scan._pass is None and not self.scan._is_wanted:
                return
        raise AssertionError("it does not come to rest")

    def number(self, name: str, **labels: str) -> float:
        full = f"scaleguard_controller_scan_{name}"
        return self.registry.get_sample_value(full, labels) or 0.0


class Known:
    """Discovery of a cluster that has these kinds."""

    def find(self, kind: GroupKind, _seconds: float) -> Resource | None:
        return RESOURCES.get(kind)

    def has_scale(self, _kind: GroupKind, _seconds: float) -> bool:
        return False


def from_scratch(cluster: Cluster) -> dict[WorkloadKey, str]:
    """How things stand, judged by who has just come."""
    replica = Replica(cluster, Audit(), itertools.count(1.0))
    sight = replica.following.sight
    found = {}
    for key in sight.keys():  # noqa: SIM118 - it is no mapping
        judged = standing_of(key, sight.existing(key), replica.judge, sight.world())
        if not judged.is_empty:
            found[key] = json.dumps(Judged.of(judged).standing.as_json(), sort_keys=True)
    return found

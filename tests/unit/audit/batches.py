"""Deliveries that overlap, and what a store must say of them in the end."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from webhook.audit.delivered import Delivered, Delivery
from webhook.audit.store.opened import open_store
from webhook.audit.store.taking import Taken, take_in
from webhook.core.objects import ObjectRef
from webhook.core.record import OwnerRef, Record, RecordKind

DAY = 86_400.0

RECORD = Record(
    kind=RecordKind.DENIAL,
    rule="hpa-vpa-same-metric",
    action="deny",
    would="",
    mode="enforce",
    message="HPA shop/web and VPA shop/web both act on cpu",
    object=ObjectRef("autoscaling/v2", "HorizontalPodAutoscaler", "shop", "web"),
    operation="CREATE",
    user="alice",
    remedy="set controlledResources: [memory]",
    resource="cpu",
    workload="Deployment web",
    fields={"spec": {"maxReplicas": 9}},
)


def record(name: str = "web", namespace: str = "shop", **changes: Any) -> Record:
    """The record of another object."""
    return replace(RECORD, object=replace(RECORD.object, name=name, namespace=namespace), **changes)


def owned(name: str, owner: str, namespace: str = "ml") -> Record:
    """The record of a pod that a ReplicaSet's Deployment made."""
    pod = ObjectRef("v1", "Pod", namespace, name)
    return replace(RECORD, object=pod, owner=OwnerRef("apps", "Deployment", owner), workload="")


def delivery(*records: tuple[Record, Sequence[tuple[str, float]]], cluster: str = "c") -> Delivery:
    return Delivery(cluster, "r", tuple(Delivered(one, tuple(ids)) for one, ids in records))


def batches(seed: int, count: int = 40) -> list[Delivery]:
    """Deliveries about few findings, so that they meet; many a decision is in several of them."""
    chance = random.Random(seed)  # noqa: S311 - to be had again
    decisions: list[tuple[str, str, float]] = [
        (f"d{number}", f"w{chance.randrange(12)}", float(chance.randrange(1, 1_000_000)))
        for number in range(count * 5)
    ]
    made = []
    for _ in range(count):
        told: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for name, about, seen in chance.sample(decisions, chance.randrange(1, 30)):
            told[about].append((name, seen))
        # The message is that of the newest decision, as the spool folds.
        made.append(
            delivery(
                *(
                    (record(about, message=f"{about} {max(ids, key=lambda one: one[1])}"), ids)
                    for about, ids in told.items()
                )
            )
        )
    return made


def expected(delivered: Iterable[Delivery]) -> dict[str, tuple[int, float, float, str]]:
    """Count, first and last seen, and the newest message of each object."""
    ids: dict[str, dict[str, float]] = defaultdict(dict)
    newest: dict[str, tuple[float, str, str]] = {}
    for one in delivered:
        for told in one.records:
            name = told.record.object.name or ""
            ids[name].update(told.decisions)
            seen, decision = max((seen, decision) for decision, seen in told.decisions)
            newest[name] = max(
                newest.get(name, (0.0, "", "")), (seen, decision, told.record.message)
            )
    return {
        name: (len(of), min(of.values()), max(of.values()), newest[name][2])
        for name, of in ids.items()
    }


def deliver_all(url: str, seed: int, times: int, threads: int) -> int:
    """Deliver all batches some times, in an order of chance, from several threads."""
    order = [one for one in batches(seed) for _ in range(times)]
    random.shuffle(order)
    store = open_store(url)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return sum(taken.new for taken in _taken(pool, store, order))
    finally:
        store.close()


def _taken(pool: ThreadPoolExecutor, store: Any, order: list[Delivery]) -> Iterator[Taken]:
    yield from pool.map(lambda one: take_in(store, one), order)

"""Objects that scale, complete and bare, and what of them every reader reads alike."""

from typing import Any

from webhook.core.autoscalers.scaler import AliasClaim, MetricClaim, Scaler, TargetType
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.objects import ObjectRef, Owner
from webhook.core.pod import MEMORY

Raw = dict[str, Any]
PERCENT, AMOUNT = TargetType.UTILIZATION, TargetType.AVERAGE_VALUE
WEB = WorkloadKey("shop", "apps", "Deployment", "web")
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
OWNER = Owner("example.com", "App", "shop", "u1")
METADATA: Raw = {
    "namespace": "shop",
    "name": "web",
    "uid": "u2",
    "annotations": {"scaleguard.io/exempt": "duplicate-hpa"},
    "ownerReferences": [
        {"apiVersion": "example.com/v1", "kind": "App", "name": "shop", "uid": "u1"},
        {
            "apiVersion": "example.com/v1",
            "kind": "App",
            "name": "shop",
            "uid": "u1",
            "controller": True,
        },
    ],
}
QUERY = "sum(container_memory_rss)"
GOING = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


def made(api_version: str, kind: str, spec: Any, **annotations: str) -> Raw:
    metadata = {**METADATA, "annotations": {**METADATA["annotations"], **annotations}}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def bare(api_version: str, kind: str, spec: Any = None) -> Raw:
    """One that is applied without a namespace, and that an API server has not seen yet."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "web"}, "spec": spec}


def going(raw: Raw) -> Raw:
    return {**raw, "metadata": {**raw["metadata"], **GOING}}


def alias(path: str) -> AliasClaim:
    return AliasClaim(MEMORY, QUERY, path, None)


def whole(raw: Raw, *read: MetricClaim | AliasClaim, **more: Any) -> Scaler:
    """The scaler that is to be read of what `made` made, with its metrics and aliases in order."""
    return Scaler(
        ObjectRef(raw["apiVersion"], raw["kind"], "shop", "web"),
        "u2",
        WEB,
        tuple(one for one in read if isinstance(one, MetricClaim)),
        tuple(one for one in read if isinstance(one, AliasClaim)),
        active=True,
        inert=None,
        exempt=frozenset({"duplicate-hpa"}),
        owner=OWNER,
        **more,
    )


def silent(raw: Raw, *read: MetricClaim, **more: Any) -> Scaler:
    """The scaler that is to be read of what `bare` made: it says nothing."""
    return Scaler(
        ObjectRef(raw["apiVersion"], raw["kind"], "default", "web"),
        None,
        None,
        read,
        (),
        active=True,
        inert=None,
        exempt=frozenset(),
        **more,
    )

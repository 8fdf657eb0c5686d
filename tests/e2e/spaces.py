"""Namespaces that fill in or refuse what pods ask for, on a real API server."""

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.controlplane.cluster import ControlPlane
from tests.e2e.dry_run import DryRun
from tests.e2e.kubectl import apply, found, wait_until
from webhook.core.bounds import WHITELIST_ANNOTATION

Raw = dict[str, Any]

# What DefaultTolerationSeconds adds to every pod: a whitelist without these accepts none.
OF_EVERY_POD = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
# What PodTolerationRestriction adds to every pod that is not BestEffort.
MEMORY_PRESSURE = "node.kubernetes.io/memory-pressure"


@dataclass(frozen=True)
class Space:
    """A namespace and what lies in it."""

    name: str
    objects: tuple[Raw, ...] = ()
    whitelist: tuple[Raw, ...] = ()
    """The only tolerations that it accepts; none listed: all."""
    least: float = 0.0
    """The least share of generated pods that it accepts as they are written."""

    @property
    def manifests(self) -> list[Raw]:
        listed = {WHITELIST_ANNOTATION: json.dumps(self.whitelist)} if self.whitelist else {}
        metadata = {"name": self.name, "annotations": listed}
        named = [
            {**raw, "metadata": {"name": f"bounds-{number}", "namespace": self.name}}
            for number, raw in enumerate(self.objects)
        ]
        return [{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, *named]


def limit_range(kind: str, **bounds: Raw) -> Raw:
    item = {"type": kind, **bounds}
    return {"apiVersion": "v1", "kind": "LimitRange", "spec": {"limits": [item]}}


def quota(hard: Raw, *scopes: str) -> Raw:
    spec = {"hard": hard, **({"scopes": list(scopes)} if scopes else {})}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "spec": spec}


def keys(*names: str) -> tuple[Raw, ...]:
    """Tolerations of these keys, whatever the value and effect."""
    return tuple({"key": name, "operator": "Exists"} for name in names)


def prepared(plane: ControlPlane, *spaces: Space) -> dict[str, list[Raw]]:
    """Make the namespaces; return what a webhook reads of each, as the API server stored it."""
    names = {space.name for space in spaces}
    apply(plane, *(raw for space in spaces for raw in space.manifests))
    for name in names:
        wait_until(partial(found, plane, "serviceaccount", name, "default"))
    wait_until(lambda: all("hard" in raw.get("status", {}) for raw in _listed(plane, "quota")))
    ranges = [raw for raw in _listed(plane, "limitrange") if raw["metadata"]["namespace"] in names]
    _wait_for_limits(plane, ranges)
    quotas = _listed(plane, "quota")
    namespaces = {raw["metadata"]["name"]: raw for raw in _listed(plane, "namespace")}
    return {
        name: [
            namespaces[name],
            *(raw for raw in (*ranges, *quotas) if raw["metadata"]["namespace"] == name),
        ]
        for name in names
    }


def _listed(plane: ControlPlane, kind: str) -> list[Raw]:
    items: list[Raw] = json.loads(plane.kubectl("get", kind, "-A", "-o", "json").stdout)["items"]
    return items


def _wait_for_limits(plane: ControlPlane, ranges: list[Raw]) -> None:
    """Admission learns of LimitRanges by a watch: wait until each refuses what none would take."""
    resources = {"requests": {"cpu": "900", "memory": "900Ti"}}
    pod = {"spec": {"containers": [{"name": "main", "image": "app", "resources": resources}]}}
    with DryRun(plane) as api:
        for name in {raw["metadata"]["namespace"] for raw in ranges}:
            wait_until(partial(api.refuses, pod, name))

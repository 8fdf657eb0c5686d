"""What the pods of a simulated load use: the load of a workload, shared by its pods."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Raw = dict[str, Any]

_API_VERSION = "metrics.k8s.io/v1beta1"
_MOMENT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Load:
    """What the pods with these labels have to do."""

    namespace: str
    labels: tuple[tuple[str, str], ...]
    cores: float
    """Of all pods together: each that is on a node takes an equal share, as behind a Service."""
    memory_bytes: int
    """Of each pod: more pods do not make a model smaller."""

    def is_of(self, pod: Raw) -> bool:
        """Say whether a pod bears it."""
        metadata = pod["metadata"]
        labels: dict[str, str] = metadata.get("labels", {})
        is_here: bool = metadata["namespace"] == self.namespace
        return is_here and set(self.labels) <= labels.items()


@dataclass(frozen=True, slots=True)
class PodUsage:
    """What a pod uses now."""

    namespace: str
    name: str
    node: str
    labels: Mapping[str, str]
    containers: tuple[str, ...]
    cores: float
    memory_bytes: float

    def metrics(self, measured: Raw) -> Raw:
        """Return its PodMetrics; its containers use the same each."""
        share = len(self.containers)
        usage = _usage(self.cores / share, self.memory_bytes / share)
        return {
            "kind": "PodMetrics",
            "apiVersion": _API_VERSION,
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": self.labels},
            **measured,
            "containers": [{"name": name, "usage": usage} for name in self.containers],
        }


@dataclass(frozen=True, slots=True)
class NodeUsage:
    """What the pods of a node use now."""

    name: str
    labels: Mapping[str, str]
    cores: float
    memory_bytes: float

    def metrics(self, measured: Raw) -> Raw:
        """Return its NodeMetrics."""
        return {
            "kind": "NodeMetrics",
            "apiVersion": _API_VERSION,
            "metadata": {"name": self.name, "labels": self.labels},
            **measured,
            "usage": _usage(self.cores, self.memory_bytes),
        }


class Usage:
    """The loads of a cluster. A test sets them, from any thread; programs see them at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loads: dict[tuple[str, frozenset[tuple[str, str]]], Load] = {}
        self._placed: dict[Load, deque[tuple[float, int]]] = {}

    def set(
        self, namespace: str, labels: Mapping[str, str], *, cores: float, memory_bytes: int
    ) -> None:
        """Put a load on the pods with these labels, in place of what was on them.

        ``cores`` is for all of them together, ``memory_bytes`` for each. Pods without a load have
        no metrics, like those that no kubelet has measured yet.
        """
        load = Load(namespace, tuple(labels.items()), cores, memory_bytes)
        with self._lock:
            self._loads[namespace, frozenset(labels.items())] = load

    def by_pod(self, pods: Iterable[Raw]) -> list[PodUsage]:
        """Return what each of these uses that runs and bears a load; all pods of a load go in."""
        placed = [pod for pod in pods if _is_placed(pod)]
        with self._lock:
            loads = list(self._loads.values())
            bearing = [[pod for pod in placed if load.is_of(pod)] for load in loads]
            shares = [
                self._shares(load, len(own)) for load, own in zip(loads, bearing, strict=True)
            ]
        return [
            _pod_usage(pod, load, share)
            for load, own, share in zip(loads, bearing, shares, strict=True)
            for pod in own
            if _runs(pod)
        ]

    def _shares(self, load: Load, placed: int) -> int:
        """Return how many share a load: the most pods that were there a moment ago.

        One that is evicted has its successor at once, and what it would have done waits that long.
        Clocks that are sped up would make a peak of the moment, and the VPA would learn it.
        """
        now = time.monotonic()
        seen = self._placed.setdefault(load, deque())
        seen.append((now, placed))
        while seen[0][0] < now - _MOMENT_SECONDS:
            seen.popleft()
        return max(count for _, count in seen)


def node_usage(node: Raw, pods: Iterable[PodUsage]) -> NodeUsage:
    """Return what a node's pods use together."""
    metadata = node["metadata"]
    held = [pod for pod in pods if pod.node == metadata["name"]]
    return NodeUsage(
        name=metadata["name"],
        labels=metadata.get("labels", {}),
        cores=sum(pod.cores for pod in held),
        memory_bytes=sum(pod.memory_bytes for pod in held),
    )


def _is_placed(pod: Raw) -> bool:
    """Say whether it runs on a node or is about to."""
    leaving = "deletionTimestamp" in pod["metadata"]
    over = pod["status"]["phase"] in {"Succeeded", "Failed"}
    return "nodeName" in pod["spec"] and not leaving and not over


def _runs(pod: Raw) -> bool:
    return bool(pod["status"]["phase"] == "Running")


def _pod_usage(pod: Raw, load: Load, shares: int) -> PodUsage:
    metadata, spec = pod["metadata"], pod["spec"]
    return PodUsage(
        namespace=metadata["namespace"],
        name=metadata["name"],
        node=spec.get("nodeName", ""),
        labels=metadata.get("labels", {}),
        containers=tuple(container["name"] for container in spec["containers"]),
        cores=load.cores / shares,
        memory_bytes=load.memory_bytes,
    )


def _usage(cores: float, memory_bytes: float) -> Raw:
    # Nanocores and whole KiB, as kubelets say it.
    return {"cpu": f"{round(cores * 1e9)}n", "memory": f"{round(memory_bytes / 1024)}Ki"}

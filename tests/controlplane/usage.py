"""What the pods of a simulated load use: the load of a workload, shared by those that run."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Raw = dict[str, Any]

_API_VERSION = "metrics.k8s.io/v1beta1"


@dataclass(frozen=True, slots=True)
class Load:
    """What the pods with these labels have to do."""

    namespace: str
    labels: Mapping[str, str]
    cores: float
    """Of all pods together: each that runs takes an equal share, as behind a Service."""
    memory_bytes: int
    """Of each pod: more pods do not make a model smaller."""

    def is_of(self, pod: Raw) -> bool:
        """Say whether a pod bears it."""
        metadata = pod["metadata"]
        labels: dict[str, str] = metadata.get("labels", {})
        is_here: bool = metadata["namespace"] == self.namespace
        return is_here and self.labels.items() <= labels.items()


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

    def set(
        self, namespace: str, labels: Mapping[str, str], *, cores: float, memory_bytes: int
    ) -> None:
        """Put a load on the pods with these labels, in place of what was on them.

        ``cores`` is for all of them together, ``memory_bytes`` for each. Pods without a load have
        no metrics, like those that no kubelet has measured yet.
        """
        load = Load(namespace, dict(labels), cores, memory_bytes)
        with self._lock:
            self._loads[namespace, frozenset(labels.items())] = load

    def by_pod(self, pods: Iterable[Raw]) -> list[PodUsage]:
        """Return what each of these uses that runs and bears a load; all pods of a load go in."""
        running = [pod for pod in pods if _runs(pod)]
        with self._lock:
            loads = list(self._loads.values())
        found = []
        for load in loads:
            sharing = [pod for pod in running if load.is_of(pod)]
            found += [_pod_usage(pod, load, len(sharing)) for pod in sharing]
        return found


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


def _runs(pod: Raw) -> bool:
    leaving = "deletionTimestamp" in pod["metadata"]
    return not leaving and pod.get("status", {}).get("phase") == "Running"


def _pod_usage(pod: Raw, load: Load, sharing: int) -> PodUsage:
    metadata, spec = pod["metadata"], pod["spec"]
    return PodUsage(
        namespace=metadata["namespace"],
        name=metadata["name"],
        node=spec.get("nodeName", ""),
        labels=metadata.get("labels", {}),
        containers=tuple(container["name"] for container in spec["containers"]),
        cores=load.cores / sharing,
        memory_bytes=load.memory_bytes,
    )


def _usage(cores: float, memory_bytes: float) -> Raw:
    # Nanocores and whole KiB, as kubelets say it.
    return {"cpu": f"{round(cores * 1e9)}n", "memory": f"{round(memory_bytes / 1024)}Ki"}

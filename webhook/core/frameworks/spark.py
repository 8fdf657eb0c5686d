"""Spark: drivers and executors, told by cores, JVM memory and GPUs (kubeflow/spark-operator)."""

import re
from collections.abc import Iterator
from typing import Any

from webhook.core import quantity
from webhook.core.fields import Raw, integer, mapping, members, sequence, text
from webhook.core.frameworks.pieces import container_of, described, pod_of
from webhook.core.patch import Segment

# The containers' names, from pkg/common/spark.go of the operator.
_ROLES = (("driver", "spark-kubernetes-driver"), ("executor", "spark-kubernetes-executor"))

# Defaults of Spark: spark.{driver,executor}.memory, and what is added to it for off-heap memory.
_MEMORY = "1g"
_LEAST_OVERHEAD_MEBIBYTES = 384
_OVERHEADS = {"Python": "0.4", "R": "0.4"}
_OVERHEAD = "0.1"

_JVM_MEMORY = re.compile(r"(\d{1,15})([kmgt]?)b?", re.IGNORECASE)
_KIBIBYTES = {"k": 1, "": 1 << 10, "m": 1 << 10, "g": 1 << 20, "t": 1 << 30}


def spark(name: str, spec: Raw) -> Iterator[tuple[tuple[Segment, ...], Raw]]:
    """Make the pods of a SparkApplication's spec: the driver and one of the executors."""
    for role, container in _ROLES:
        own = mapping(spec, role)
        if own:
            yield (role,), _pod(name, spec, own, role, container)


def _pod(name: str, spec: Raw, own: Raw, role: str, container: str) -> Raw:
    """Make one pod: Spark fills in the first container of the role's template, or makes one."""
    template = mapping(own, "template")
    written = [each for _, each in members(mapping(template, "spec"), "containers")] or [{}]
    first, others = written[0], written[1:]
    main = {**first, "image": text(own, "image") or text(spec, "image")}
    resources = _resources(spec, own, mapping(first, "resources"))
    made = container_of(text(first, "name") or container, main, resources)
    metadata = described(own)
    marks = {"spark-role": role, "sparkoperator.k8s.io/app-name": name}
    metadata["labels"] = metadata.get("labels", {}) | marks
    return pod_of(
        {"restartPolicy": "Never", **mapping(template, "spec"), **own},
        [made, *others, *sequence(own, "sidecars")],
        metadata,
    )


def _resources(spec: Raw, own: Raw, written: Raw) -> dict[str, Any]:
    memory = _memory(spec, own)
    cpu = text(own, "coreRequest") or str(integer(own, "cores") or 1)
    limits: dict[str, Any] = {"memory": text(own, "memoryLimit") or memory}
    if text(own, "coreLimit"):
        limits["cpu"] = text(own, "coreLimit")
    gpu = mapping(own, "gpu")
    if text(gpu, "name") and (integer(gpu, "quantity") or 0) > 0:
        limits[text(gpu, "name")] = gpu["quantity"]
    return {
        "requests": {**mapping(written, "requests"), "cpu": cpu, "memory": memory},
        "limits": {**mapping(written, "limits"), **limits},
    }


def _memory(spec: Raw, own: Raw) -> str:
    """Return the heap and its overhead as a quantity; what cannot be read stays as it is."""
    written = text(own, "memory") or _MEMORY
    heap = _mebibytes(written)
    if heap is None:
        return written
    overhead = _mebibytes(text(own, "memoryOverhead"))
    if overhead is None:
        usual = _OVERHEADS.get(text(spec, "type"), _OVERHEAD)
        factor = quantity.parse(text(spec, "memoryOverheadFactor") or usual) or 0
        share = heap * factor // quantity.NANOS_PER_UNIT
        overhead = max(share, _LEAST_OVERHEAD_MEBIBYTES)
    return f"{heap + overhead}Mi"


def _mebibytes(written: str) -> int | None:
    """Read memory as the JVM and Spark write it: `8g`, `512m`; a bare number is in MiB."""
    found = _JVM_MEMORY.fullmatch(written)
    return int(found[1]) * _KIBIBYTES[found[2].lower()] >> 10 if found else None

"""What assembled pods have in common: a spec of some fields, containers of some others."""

from collections.abc import Iterable
from typing import Any

from webhook.core.fields import Raw, strings

# The fields of a pod's spec that operators hand on under their own names, and that are read here.
# `resources` is not among them: beside a main container it is the container's.
_OF_POD = (
    "affinity",
    "hostNetwork",
    "initContainers",
    "nodeSelector",
    "priorityClassName",
    "resourceClaims",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "tolerations",
    "volumes",
)
_OF_CONTAINER = ("env", "image", "resources", "volumeMounts")


def pod_of(spec: Raw, containers: Iterable[Any], metadata: Raw | None = None) -> dict[str, Any]:
    """Make a pod of containers, and of what a mapping says of the pod as a whole."""
    kept = {name: spec[name] for name in _OF_POD if spec.get(name) is not None}
    return {"metadata": dict(metadata or {}), "spec": {**kept, "containers": list(containers)}}


def container_of(name: str, raw: Raw, resources: Raw | None = None) -> dict[str, Any]:
    """Make a container of what a mapping says of it; `resources` where they stand elsewhere."""
    kept = {field: raw[field] for field in _OF_CONTAINER if raw.get(field) is not None}
    return {"name": name, **kept, **({"resources": resources} if resources else {})}


def described(raw: Raw) -> dict[str, Any]:
    """Return the labels and annotations that stand in a mapping, as a pod's metadata."""
    found = {name: strings(raw, name) for name in ("labels", "annotations")}
    return {name: value for name, value in found.items() if value}


def amounts(raw: Raw) -> dict[str, Any]:
    """Read amounts that are written as `cpu`, `memory`, `gpu` and `gpuType`, NVIDIA's by default.

    Dynamo and the vLLM production stack write resources so; Dynamo has `custom` for others.
    """
    found = {name: raw[name] for name in ("cpu", "memory") if raw.get(name)}
    if raw.get("gpu"):
        found[str(raw.get("gpuType") or "nvidia.com/gpu")] = raw["gpu"]
    return found | strings(raw, "custom")

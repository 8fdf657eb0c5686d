"""Objects around which VPAs are planned."""

from typing import Any

Raw = dict[str, Any]

GPU_NODE: Raw = {
    "name": "a100",
    "allocatable": {"cpu": "96", "memory": "680Gi", "nvidia.com/gpu": 8},
}


def container(name: str = "vllm", image: str = "vllm/vllm-openai", **resources: Any) -> Raw:
    """A container; with a GPU unless its resources are given."""
    return {
        "name": name,
        "image": image,
        "resources": resources or {"limits": {"nvidia.com/gpu": 1}},
    }


def workload(
    kind: str = "Deployment", api_version: str = "apps/v1", *containers: Raw, **metadata: Any
) -> Raw:
    """A workload with a pod template, of one GPU container where none is given."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "llama", "namespace": "ml", "uid": "u-1", **metadata},
        "spec": {
            "replicas": 2,
            "template": {
                "metadata": {"labels": {"app": "llama"}},
                "spec": {"containers": list(containers) or [container()]},
            },
        },
    }


def owner(kind: str, api_version: str, name: str = "above") -> Raw:
    """The controlling owner in an object's metadata."""
    return {
        "ownerReferences": [
            {
                "apiVersion": api_version,
                "kind": kind,
                "name": name,
                "uid": "u-0",
                "controller": True,
            }
        ]
    }


def metric(resource: str, **source: Any) -> Raw:
    """A Resource metric of an HPA."""
    target = {"type": "Utilization", "averageUtilization": 70}
    return {"type": "Resource", "resource": {"name": resource, "target": target, **source}}


def hpa(*metrics: Raw, least: int = 2, target: str = "llama") -> Raw:
    """An HPA on the workload."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "llama", "namespace": "ml"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
            "minReplicas": least,
            "maxReplicas": 8,
            "metrics": list(metrics),
        },
    }


def vpa(name: str = "own", mode: str = "Off", **metadata: Any) -> Raw:
    """A VPA on the workload."""
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": name, "namespace": "ml", **metadata},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "llama"},
            "updatePolicy": {"updateMode": mode},
        },
    }

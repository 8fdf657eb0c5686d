"""Small manifests for the end-to-end tests."""

import json
from typing import Any

Raw = dict[str, Any]


def deployment(name: str, *, replicas: int = 1, gpus: int = 0, namespace: str = "default") -> Raw:
    resources = {"limits": {"nvidia.com/gpu": gpus}} if gpus else {}
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "app", "resources": resources}]},
            },
        },
    }


def hpa(name: str, target: str, *, resource: str = "cpu", namespace: str = "default") -> Raw:
    target_ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    utilization = {"type": "Utilization", "averageUtilization": 70}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "scaleTargetRef": target_ref,
            "minReplicas": 1,
            "maxReplicas": 5,
            "metrics": [
                {"type": "Resource", "resource": {"name": resource, "target": utilization}}
            ],
        },
    }


def vpa(
    name: str,
    target: str,
    *,
    controlled: list[str] | None = None,
    mode: str = "Recreate",
    namespace: str = "default",
) -> Raw:
    spec: Raw = {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
        "updatePolicy": {"updateMode": mode},
    }
    if controlled is not None:
        policy = {"containerName": "*", "controlledResources": controlled}
        spec["resourcePolicy"] = {"containerPolicies": [policy]}
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def stream(*objects: Raw) -> str:
    """Objects as one List that kubectl takes in order."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})

"""Autoscalers on one workload, and requests about them."""

from typing import Any

from webhook.core.review import Request, read_review

Raw = dict[str, Any]

GROUPS = {
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "VerticalPodAutoscaler": "autoscaling.k8s.io/v1",
    "ScaledObject": "keda.sh/v1alpha1",
}


def hpa(name: str = "h", target: str = "web", **spec: Any) -> Raw:
    return made("HorizontalPodAutoscaler", name, {"maxReplicas": 4, **spec}, "scale", target)


def vpa(name: str = "v", target: str = "web", **spec: Any) -> Raw:
    return made("VerticalPodAutoscaler", name, spec, "", target)


def scaled_object(name: str = "s", target: str = "web", **spec: Any) -> Raw:
    trigger = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}
    return made("ScaledObject", name, {"triggers": [trigger], **spec}, "scale", target)


def made(kind: str, name: str, spec: Raw, prefix: str, target: str) -> Raw:
    of = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    field = "scaleTargetRef" if prefix else "targetRef"
    metadata = {"namespace": "shop", "name": name, "uid": f"uid-{name}"}
    return {
        "apiVersion": GROUPS[kind],
        "kind": kind,
        "metadata": metadata,
        "spec": {field: of, **spec},
    }


def at(raw: Raw, version: int, **metadata: Any) -> Raw:
    """The object in one of its versions."""
    return {
        **raw,
        "metadata": {**raw["metadata"], "resourceVersion": str(version), **metadata},
    }


def asked(
    raw: Raw, old: Raw | None = None, uid: str = "review", *, dry_run: bool = False
) -> Request:
    group, _, version = raw["apiVersion"].rpartition("/")
    request = {
        "uid": uid,
        "operation": "CREATE" if old is None else "UPDATE",
        "kind": {"group": group, "version": version, "kind": raw["kind"]},
        "namespace": raw["metadata"]["namespace"],
        "object": raw,
        "oldObject": old,
        "dryRun": dry_run,
    }
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return read_review(body)

"""What a cluster with a healthy installation answers."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from certs.authority import Names, issue_leaf, make_authority
from webhook.doctor.installation import Installation

Raw = dict[str, Any]

NOW = datetime(2026, 6, 1, tzinfo=UTC)
AUTHORITY = make_authority(NOW)
LEAF = issue_leaf(AUTHORITY, Names.of(["scaleguard.guard.svc"]), NOW)
OTHER = make_authority(NOW - timedelta(days=1))

LABELS = {"app.kubernetes.io/name": "scaleguard", "app.kubernetes.io/instance": "scaleguard"}


def selector(*names: str) -> Raw:
    one = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(names)}
    return {"matchExpressions": [one]}


def entry(name: str, path: str, **other: Any) -> Raw:
    service = {"name": "scaleguard", "namespace": "guard", "path": path, "port": 443}
    bundle = base64.b64encode(AUTHORITY.certificate).decode()
    return {
        "name": name,
        "clientConfig": {"service": service, "caBundle": bundle},
        "failurePolicy": "Ignore",
        "timeoutSeconds": 3,
        "reinvocationPolicy": "IfNeeded",
        "namespaceSelector": selector("kube-system", "kube-node-lease", "guard"),
        "rules": [{"apiGroups": [""], "resources": ["pods"], "operations": ["CREATE"]}],
        **other,
    }


def configuration(kind: str, *entries: Raw, name: str = "scaleguard") -> Raw:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name, "labels": LABELS},
        "webhooks": list(entries),
    }


def mutating(**other: Any) -> Raw:
    return configuration("Mutating", entry("pods.scaleguard.io", "/mutate", **other))


def validating(**other: Any) -> Raw:
    return configuration("Validating", entry("autoscalers.scaleguard.io", "/validate", **other))


def installation(*configurations: Raw) -> Installation:
    return Installation("guard", "scaleguard", configurations or (mutating(), validating()))


def deployment(
    name: str = "scaleguard", component: str = "webhook", available: int = 2, **spec: Any
) -> Raw:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": "guard",
            "labels": {**LABELS, "app.kubernetes.io/component": component},
        },
        "spec": {"replicas": 2, **spec},
        "status": {"availableReplicas": available},
    }


def running(image: str, name: str, available: int = 1) -> Raw:
    """Somebody else's Deployment."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"image": image}]}}},
        "status": {"availableReplicas": available},
    }

"""10,000 documents as a large repository has them: 24 kinds in some hundred files.

Always the same ones: what differs from application to application goes by its number.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Raw = dict[str, Any]

DOCUMENTS = 10_000
NAMESPACES = 40
PER_APPLICATION = 20
CRD_FILES = 20
CRD_FIELDS = 600
"""Properties of one CRD's schema: 70 kB of YAML, as those of Prometheus' or Argo's operators."""


def corpus(documents: int = DOCUMENTS) -> Iterator[tuple[str, list[Raw]]]:
    """Yield files: their paths and their documents."""
    crds = min(CRD_FILES, documents // PER_APPLICATION)
    for number in range(crds):
        yield f"crds/crd-{number:02}.yaml", [crd(number)]
    left, number = documents - crds, 0
    while left > 0:
        objects = list(application(number))[:left]
        yield f"apps/{objects[0]['metadata']['namespace']}/app-{number:04}.yaml", objects
        left -= len(objects)
        number += 1


def application(number: int) -> Iterator[Raw]:
    """Yield the objects of one application; each tenth one is a conflict, each fifth has GPUs."""
    name, space = f"app-{number:04}", f"team-{number % NAMESPACES:02}"

    def made(version: str, kind: str, suffix: str = "", **content: Any) -> Raw:
        labels = {
            "app.kubernetes.io/name": name,
            "app.kubernetes.io/part-of": space,
            "helm.sh/chart": f"{name}-1.4.2",
        }
        metadata = {"name": name + suffix, "namespace": space, "labels": labels}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}

    workload = "StatefulSet" if number % 4 == 0 else "Deployment"
    target = {"apiVersion": "apps/v1", "kind": workload, "name": name}
    yield made("v1", "ServiceAccount")
    for suffix in ("", "-logging", "-dashboards"):
        data = {f"file-{each}.conf": "key = value\n" * 12 for each in range(4)}
        yield made("v1", "ConfigMap", suffix, data=data)
    yield made("v1", "Secret", type="Opaque", stringData={"password": "changeme", "user": name})
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": name}}, "template": template(name)}
    if workload == "StatefulSet":
        spec["serviceName"] = name
    yield made("apps/v1", workload, spec=spec)
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    for suffix in ("", "-headless"):
        yield made("v1", "Service", suffix, spec={"selector": {"app": name}, "ports": ports})
    yield made("autoscaling/v2", "HorizontalPodAutoscaler", spec=hpa(target))
    controlled = ["cpu", "memory"] if number % 10 == 0 else ["memory"]
    policies = [{"containerName": "*", "controlledResources": controlled}]
    vpa = {"targetRef": target, "resourcePolicy": {"containerPolicies": policies}}
    yield made("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", spec=vpa)
    pods = {"matchLabels": {"app": name}}
    yield made("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1, "selector": pods})
    yield made("networking.k8s.io/v1", "Ingress", spec=ingress(name))
    policy = {"podSelector": pods, "policyTypes": ["Ingress"], "ingress": [{"from": []}]}
    yield made("networking.k8s.io/v1", "NetworkPolicy", spec=policy)
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]
    yield made("rbac.authorization.k8s.io/v1", "Role", rules=rules)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": space}]
    binding = made("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef=role, subjects=subjects)
    yield binding
    endpoints = {"selector": pods, "endpoints": [{"port": "http", "interval": "30s"}]}
    yield made("monitoring.coreos.com/v1", "ServiceMonitor", spec=endpoints)
    yield made("monitoring.coreos.com/v1", "PrometheusRule", spec={"groups": [alerts(name)]})
    job = {"backoffLimit": 2, "template": template(name, restart="Never", gpus=number % 5 == 0)}
    yield made("batch/v1", "Job", "-migrate", spec=job)
    cron = {"schedule": "0 3 * * *", "jobTemplate": {"spec": job}}
    yield made("batch/v1", "CronJob", "-nightly", spec=cron)
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    yield made("v1", "PersistentVolumeClaim", spec=claim)


def template(name: str, *, restart: str = "Always", gpus: bool = False) -> Raw:
    """Return a pod template: a container with its probes, and a sidecar."""
    size: Raw = {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}}
    if gpus:
        size["limits"]["nvidia.com/gpu"] = 1
    probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10}
    variables = [{"name": f"SETTING_{each}", "value": f"value-{each}"} for each in range(12)]
    app: Raw = {
        "name": "app",
        "image": f"registry.example/{name}:1.4.2",
        "args": ["--port=8080", "--log-level=info"],
        "env": variables,
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": size,
        "livenessProbe": probe,
        "readinessProbe": probe,
        "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}],
    }
    sidecar = {
        "name": "proxy",
        "image": "registry.example/proxy:2.0.0",
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    spec = {
        "serviceAccountName": name,
        "restartPolicy": restart,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [app, sidecar],
        "volumes": [{"name": "config", "configMap": {"name": name}}],
    }
    return {"metadata": {"labels": {"app": name}}, "spec": spec}


def hpa(target: Raw) -> Raw:
    """Return the spec of an HPA on cpu."""
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    metrics = [{"type": "Resource", "resource": metric}]
    return {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 12, "metrics": metrics}


def ingress(name: str) -> Raw:
    """Return the spec of an Ingress with one route."""
    backend = {"service": {"name": name, "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {"rules": [{"host": f"{name}.example", "http": {"paths": [path]}}]}


def alerts(name: str) -> Raw:
    """Return a group of alerts."""
    rules = [
        {
            "alert": f"Burning{each}",
            "expr": f'sum(rate(errors_total{{app="{name}"}}[5m])) > {each}',
            "for": "10m",
            "annotations": {"summary": "{{ $labels.pod }} burns its budget"},
        }
        for each in range(4)
    ]
    return {"name": name, "rules": rules}


def crd(number: int) -> Raw:
    """Return a CRD with a large schema."""
    plural = f"widgets{number:02}"
    description = "A field of the specification, described in a sentence of a usual length."
    fields = {
        f"field{each:03}": {"type": "string", "description": description, "maxLength": 253}
        for each in range(CRD_FIELDS)
    }
    schema = {"openAPIV3Schema": {"type": "object", "properties": fields}}
    names = {"kind": f"Widget{number:02}", "plural": plural}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    metadata = {"name": f"{plural}.example.com"}
    api = "apiextensions.k8s.io/v1"
    kind = "CustomResourceDefinition"
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def write(folder: Path, documents: int = DOCUMENTS) -> int:
    """Write the corpus into a folder; return how many files it has."""
    files = 0
    for name, objects in corpus(documents):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            yaml.dump_all(objects, file, Dumper=_Plain, sort_keys=False, explicit_start=True)
        files += 1
    return files


class _Plain(yaml.CSafeDumper):
    """Writes what people write: no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value in full."""
        del data
        return True


def main() -> None:
    """Write the corpus where the one argument says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    given = parser.parse_args()
    print(f"{given.documents} documents in {write(given.folder, given.documents)} files")


if __name__ == "__main__":
    main()

"""A Deployment `web` that is scaled: what may be written about it, and what came of it."""

from typing import Any

from tests.e2e.kubectl import wait_until
from tests.e2e.manifests import deployment, hpa, vpa
from tests.e2e.patient_client import PatientClient
from webhook.cluster.resources import HPAS, SCALED_OBJECTS, VPAS, Resource

Raw = dict[str, Any]

DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
RESOURCES = {one.kind: one for one in (DEPLOYMENTS, HPAS, VPAS, SCALED_OBJECTS)}


class ScaledWorkload:
    """It, alone in its namespace, as its users and KEDA's operator see it."""

    def __init__(self, client: PatientClient, namespace: str) -> None:
        self._client = client
        self.namespace = namespace

    def deployment(self) -> Raw:
        raw = deployment("web", replicas=3, namespace=self.namespace)
        (container,) = raw["spec"]["template"]["spec"]["containers"]
        container["resources"] = {"requests": {"cpu": "500m", "memory": "512Mi"}}
        return raw

    def hpa(self, name: str, resource: str = "cpu") -> Raw:
        return hpa(name, "web", resource=resource, namespace=self.namespace)

    def vpa(self, *controlled: str) -> Raw:
        return vpa("web", "web", controlled=list(controlled) or None, namespace=self.namespace)

    def scaled_object(
        self,
        annotations: dict[str, str] | None = None,
        *,
        name: str = "web",
        hpa_name: str = "",
        value: str = "70",
        metric_type: str = "Utilization",
    ) -> Raw:
        """One on cpu; its kind of target is left out, and what is empty too."""
        trigger: Raw = {"type": "cpu", "metadata": {"value": value}}
        spec: Raw = {"scaleTargetRef": {"name": "web"}, "minReplicaCount": 2, "maxReplicaCount": 10}
        spec["triggers"] = [trigger | ({"metricType": metric_type} if metric_type else {})]
        if hpa_name:
            spec["advanced"] = {"horizontalPodAutoscalerConfig": {"name": hpa_name}}
        metadata = {"name": name, "namespace": self.namespace, "annotations": annotations or {}}
        kind = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject"}
        return {**kind, "metadata": metadata, "spec": spec}

    def apply(self, raw: Raw) -> tuple[str, ...]:
        """Write it; return the warnings."""
        said = self._client.apply(self._path(raw["kind"]), raw)
        assert said.is_done, said.body
        return said.warnings

    def refused(self, raw: Raw) -> str:
        """What is said to who writes it; it must be refused."""
        said = self._client.apply(self._path(raw["kind"]), raw)
        assert said.is_denied, said.body
        message: str = said.body["message"]
        return message

    def delete(self, kind: str, name: str) -> None:
        """Delete it; return when it is gone."""
        self._client.delete(self._path(kind), name)
        wait_until(lambda: name not in self._named(kind))

    def hpas(self) -> dict[str, Raw]:
        return self._named(HPAS.kind)

    def wait_for_hpas(self, *names: str) -> None:
        """Wait until these and no others are there."""
        wait_until(lambda: set(self.hpas()) == set(names))

    def owners(self, hpa_name: str) -> list[str]:
        """The uids of those that an HPA belongs to."""
        metadata = self.hpas()[hpa_name]["metadata"]
        return [owner["uid"] for owner in metadata.get("ownerReferences", [])]

    def disabled(self, hpa_name: str) -> set[str]:
        """The directions in which an HPA never scales."""
        behavior = self.hpas()[hpa_name]["spec"].get("behavior", {})
        return {way for way, rules in behavior.items() if rules["selectPolicy"] == "Disabled"}

    def uid(self) -> str:
        """The uid of the ScaledObject."""
        uid: str = self._named(SCALED_OBJECTS.kind)["web"]["metadata"]["uid"]
        return uid

    def condition(self, kind: str) -> tuple[str, str]:
        """Status and message of a condition of the ScaledObject, once the operator has seen it."""
        status = self._named(SCALED_OBJECTS.kind)["web"].get("status", {})
        found = [one for one in status.get("conditions", []) if one["type"] == kind]
        return (found[0]["status"], found[0].get("message", "")) if found else ("", "")

    def same_metric(self) -> str:
        """The sentence about the ScaledObject and a VPA that both act on cpu."""
        its_vpa = f"VerticalPodAutoscaler {self.namespace}/web"
        return (
            f"[hpa-vpa-same-metric] ScaledObject {self.namespace}/web scales Deployment web on cpu"
            f" (Utilization 70%, spec.triggers[0]) while {its_vpa} (mode Recreate) sets the cpu"
            " request of container app; fix: set controlledResources: [memory] for container"
            f' "*" in {its_vpa}; decision '
        )

    def duplicate(self, one: str, kind: str, name: str) -> str:
        """The sentence about one, by kind and name, and another that scales the same."""
        this = one.replace(" ", f" {self.namespace}/")
        return (
            f"[duplicate-hpa] {this} scales Deployment web, and so does"
            f" {kind} {self.namespace}/{name}; fix: put all metrics into one of them and delete the"
            f" other, for instance: kubectl delete {kind.lower()} -n {self.namespace} {name};"
            " decision "
        )

    def __str__(self) -> str:
        """All that is there of it, for who looks at a test that failed."""
        return "\n".join(
            f"{kind} {raw}" for kind in RESOURCES for raw in self._named(kind).values()
        )

    def _named(self, kind: str) -> dict[str, Raw]:
        listed = self._client.get(self._path(kind)).body["items"]
        return {one["metadata"]["name"]: one for one in listed}

    def _path(self, kind: str) -> str:
        return RESOURCES[kind].path(self.namespace)

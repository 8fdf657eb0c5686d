"""Which workload an autoscaler means."""

from typing import NamedTuple

from webhook.core.fields import Raw, text
from webhook.core.objects import GroupKind, group_of

# Kinds that VPA knows by kind alone, whatever group its targetRef says.
# Source: VPA pkg/target/controller_fetcher (`wellKnownController`).
WELL_KNOWN = {
    "CronJob": "batch",
    "DaemonSet": "apps",
    "Deployment": "apps",
    "Job": "batch",
    "ReplicaSet": "apps",
    "ReplicationController": "",
    "StatefulSet": "apps",
}


class WorkloadKey(NamedTuple):
    """The identity of a workload: the API group counts, its version does not."""

    namespace: str
    group: str
    kind: str
    name: str

    @property
    def group_kind(self) -> GroupKind:
        """The kind in its group."""
        return GroupKind(self.group, self.kind)

    def as_json(self) -> dict[str, str]:
        """The identity as reports have it."""
        return {part: getattr(self, part) for part in ("group", "kind", "namespace", "name")}

    def __str__(self) -> str:
        """Kind and name as a person would say them."""
        return f"{self.kind} {self.namespace}/{self.name}"


def named_target(namespace: str, ref: Raw) -> WorkloadKey | None:
    """Read a scaleTargetRef, targetRef or workloadRef as written; None where it names nothing.

    So does the HPA controller (k8s.io/kubernetes pkg/controller/podautoscaler/horizontal.go).
    """
    kind, name = text(ref, "kind"), text(ref, "name")
    if not kind or not name:
        return None
    return WorkloadKey(namespace, group_of(text(ref, "apiVersion")), kind, name)


def vpa_target(namespace: str, ref: Raw) -> WorkloadKey | None:
    """Read a VPA's targetRef; a well-known kind is the built-in one whatever its group says."""
    key = named_target(namespace, ref)
    if key is None or key.kind not in WELL_KNOWN:
        return key
    return key._replace(group=WELL_KNOWN[key.kind])

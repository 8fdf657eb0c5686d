"""Which workload an autoscaler means."""

from typing import NamedTuple

from webhook.core.fields import Raw, shared, text
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

# Kinds of the catalogue that can be scaled beside those.
_SCALABLE = (
    *("CloneSet", "InferenceEndpointConfig", "InferenceSet", "JAXJob", "LeaderWorkerSet"),
    *("ModelServing", "PaddleJob", "PodClique", "PodCliqueSet", "PyTorchJob", "Rollout"),
    *("SeldonDeployment", "StormService", "VLLMRuntime"),
)
_SPELT = {kind.lower(): kind for kind in (*WELL_KNOWN, *_SCALABLE)}


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
    """Read a targetRef or workloadRef as written; None where it names nothing."""
    kind, name = shared(text(ref, "kind")), shared(text(ref, "name"))
    if not kind or not name:
        return None
    return WorkloadKey(namespace, shared(group_of(text(ref, "apiVersion"))), kind, name)


def scale_target(namespace: str, ref: Raw) -> WorkloadKey | None:
    """Read a scaleTargetRef, as what scales replicas does; None where it names nothing.

    k8s.io/kubernetes pkg/controller/podautoscaler/horizontal.go: the group counts as written.
    """
    key = named_target(namespace, ref)
    return key and key._replace(kind=spelt(key.kind))


def spelt(kind: str) -> str:
    """Spell a kind that is written in small letters, which scalers find all the same.

    VPA compares kinds as they are written. Source: k8s.io/client-go restmapper/discovery.go.
    """
    return _SPELT.get(kind, kind)


def vpa_target(namespace: str, ref: Raw) -> WorkloadKey | None:
    """Read a VPA's targetRef; a well-known kind is the built-in one whatever its group says."""
    key = named_target(namespace, ref)
    if key is None or key.kind not in WELL_KNOWN:
        return key
    return key._replace(group=WELL_KNOWN[key.kind])

"""References to Kubernetes objects and their identity."""

from dataclasses import field
from typing import Any, NamedTuple

from webhook.core.fields import (
    Raw,
    annotation,
    mapping,
    members,
    sequence,
    shared,
    strings,
    text,
)
from webhook.core.frozen import frozen

DEFAULT_NAMESPACE = "default"

MANAGED_LABEL = "scaleguard.io/managed"
LAST_APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
"""The whole object once more, as `kubectl apply` leaves it there."""
ROTATE_ANNOTATION = "scaleguard.io/rotate"
"""Of the authority's Secret: by it somebody asks for a new leaf or authority."""
ROTATE_LEAF, ROTATE_AUTHORITY = "leaf", "authority"

UNMANAGED_ANNOTATION = "scaleguard.io/unmanaged"
"""On a VPA that carries the label: hands off, it is its editor's from now on."""
EXEMPT_ANNOTATION = "scaleguard.io/exempt"
IGNORE_LABEL = "scaleguard.io/ignore"

# Finalizers that only wait for the garbage collector: with no other, an object is as good as gone.
_COLLECTOR_FINALIZERS = frozenset({"foregroundDeletion", "orphan"})

# Built-in kinds without a namespace, and those of custom resources that platform teams meet daily.
_CLUSTER_SCOPED = frozenset(
    {
        ("", "Namespace"),
        ("", "Node"),
        ("", "PersistentVolume"),
        ("argoproj.io", "ClusterWorkflowTemplate"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("cert-manager.io", "ClusterIssuer"),
        ("certificates.k8s.io", "CertificateSigningRequest"),
        ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
        ("gateway.networking.k8s.io", "GatewayClass"),
        ("karpenter.k8s.aws", "EC2NodeClass"),
        ("karpenter.sh", "NodeClaim"),
        ("karpenter.sh", "NodePool"),
        ("kueue.x-k8s.io", "ClusterQueue"),
        ("kueue.x-k8s.io", "ResourceFlavor"),
        ("networking.k8s.io", "IngressClass"),
        ("node.k8s.io", "RuntimeClass"),
        ("policy", "PodSecurityPolicy"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("resource.k8s.io", "DeviceClass"),
        ("resource.k8s.io", "ResourceSlice"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("serving.kserve.io", "ClusterServingRuntime"),
        ("storage.k8s.io", "CSIDriver"),
        ("storage.k8s.io", "CSINode"),
        ("storage.k8s.io", "StorageClass"),
        ("storage.k8s.io", "VolumeAttachment"),
        ("trainer.kubeflow.org", "ClusterTrainingRuntime"),
    }
)


class GroupKind(NamedTuple):
    """A kind in its API group, whatever the version."""

    group: str
    kind: str


POD = GroupKind("", "Pod")


def group_of(api_version: str) -> str:
    """Return the API group of an apiVersion; the core group is the empty string."""
    group, slash, _ = api_version.rpartition("/")
    return group if slash else ""


def kind_of(raw: Raw) -> GroupKind:
    """Return the kind of an object in its group, as it is written."""
    return GroupKind(group_of(text(raw, "apiVersion")), text(raw, "kind"))


@frozen
class ObjectRef:
    """Which object: its kind as written, its namespace always filled for namespaced kinds."""

    api_version: str
    kind: str
    namespace: str | None
    name: str | None
    generate_name: str | None = None

    @property
    def group_kind(self) -> GroupKind:
        """The kind without the version."""
        return GroupKind(group_of(self.api_version), self.kind)

    @property
    def identity(self) -> tuple[GroupKind, str | None, str | None]:
        """What makes two references the same object: group, kind, namespace, name."""
        return self.group_kind, self.namespace, self.name

    def __str__(self) -> str:
        """Kind and name as a person would say them."""
        name = self.name if self.name is not None else f"{self.generate_name or ''}*"
        return f"{self.kind} {self.namespace}/{name}" if self.namespace else f"{self.kind} {name}"

    def as_json(self) -> dict[str, Any]:
        """The reference as it stands in reviews and reports."""
        reference = {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
        }
        return reference | ({"generateName": self.generate_name} if self.name is None else {})


def reference(raw: Raw) -> ObjectRef:
    """Read the reference of an object; a namespaced kind without a namespace is in `default`."""
    metadata = mapping(raw, "metadata")
    api_version, kind = shared(text(raw, "apiVersion")), shared(text(raw, "kind"))
    scoped = (group_of(api_version), kind) in _CLUSTER_SCOPED
    return ObjectRef(
        api_version,
        kind,
        None if scoped else shared(text(metadata, "namespace")) or DEFAULT_NAMESPACE,
        shared(text(metadata, "name")) or None,
        text(metadata, "generateName") or None,
    )


def reference_of(written: Raw) -> ObjectRef:
    """Read a reference as `as_json` writes it."""
    return ObjectRef(
        text(written, "apiVersion"),
        text(written, "kind"),
        text(written, "namespace") or None,
        text(written, "name") or None,
        text(written, "generateName") or None,
    )


@frozen
class Owner:
    """The controlling owner of an object."""

    group: str
    kind: str
    name: str
    uid: str | None
    api_version: str = field(default="", compare=False)
    """As it is written. Owners are told apart without it; a kept record may have an older one."""

    def is_object(self, ref: ObjectRef, uid: str | None) -> bool:
        """Match by group, kind and name, and by uid only where both sides have one."""
        same_uid = self.uid is None or uid is None or self.uid == uid
        return ref.group_kind == (self.group, self.kind) and ref.name == self.name and same_uid


def controller(raw: Raw) -> Owner | None:
    """Return the owner that controls an object (metadata.ownerReferences with controller: true)."""
    for _, owner in members(mapping(raw, "metadata"), "ownerReferences"):
        if owner.get("controller") is True:
            version, uid = text(owner, "apiVersion"), text(owner, "uid") or None
            return Owner(group_of(version), text(owner, "kind"), text(owner, "name"), uid, version)
    return None


def uid_of(raw: Raw) -> str | None:
    """Return the object's uid; manifests have none."""
    return text(mapping(raw, "metadata"), "uid") or None


def without_bookkeeping(raw: Raw) -> dict[str, Any]:
    """Leave out what nobody reads and what fills the memory: who wrote what, when and how."""
    metadata = {key: one for key, one in mapping(raw, "metadata").items() if key != "managedFields"}
    annotations = strings(metadata, "annotations")
    if annotations.pop(LAST_APPLIED_ANNOTATION, None) is not None:
        metadata["annotations"] = annotations
    return {**raw, "metadata": metadata}


def is_going(raw: Raw) -> bool:
    """Say whether an object is being deleted and waits for nothing but the garbage collector.

    With any other finalizer it still acts and counts: a finalizer must not be a way around a rule.
    """
    metadata = mapping(raw, "metadata")
    if metadata.get("deletionTimestamp") is None:
        return False
    finalizers = sequence(metadata, "finalizers")
    return all(isinstance(one, str) and one in _COLLECTOR_FINALIZERS for one in finalizers)


def is_labelled(raw: Raw) -> bool:
    """Whether a VPA says that the controller made it, and nobody has taken it over."""
    labels = strings(raw, "metadata", "labels")
    return labels.get(MANAGED_LABEL) == "true" and annotation(raw, UNMANAGED_ANNOTATION) != "true"


NO_EXEMPTIONS: frozenset[str] = frozenset()  # one for all: an empty set takes 216 bytes


def exemptions(raw: Raw) -> frozenset[str]:
    """Return the rules that an object is exempted from by its annotation."""
    value = annotation(raw, EXEMPT_ANNOTATION) or ""
    return frozenset(filter(None, map(str.strip, value.split(",")))) or NO_EXEMPTIONS

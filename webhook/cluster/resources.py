"""Every resource that is ever read, and what for. Nothing else is: README.md lists the rights."""

from collections.abc import Mapping
from urllib.parse import quote

from webhook.cluster.errors import BAD_NAME, ApiError
from webhook.core.frozen import frozen
from webhook.core.kinds import Kinds
from webhook.core.objects import POD, GroupKind

_MOST_NAME_CHARACTERS = 253


@frozen
class Resource:
    """A resource in one version of its API group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    optional: bool = False
    """It comes with a CRD, which may be absent, come later and go."""
    advisory: bool = False
    """What is known of it makes advice better, or answers quicker: nobody waits for it."""
    changes_only: bool = False
    """What is in its objects is not asked for: only which of them change, from now on."""

    @property
    def group_kind(self) -> GroupKind:
        """The kind in its group."""
        return GroupKind(self.group, self.kind)

    @property
    def version_path(self) -> str:
        """The path of its group and version, where discovery answers."""
        return version_path(self.group, self.version)

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The path of the resource: of the cluster, of a namespace, or of one object.

        Names come from users' objects. Raises `ApiError` for those that could lead elsewhere.
        """
        steps = [self.version_path]
        if namespace is not None and self.namespaced:
            steps.append(f"namespaces/{_segment(namespace)}")
        steps.append(self.plural)
        if name is not None:
            steps.append(_segment(name))
        return "/".join(steps)

    def __str__(self) -> str:
        """The resource as RBAC and kubectl name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def version_path(group: str, version: str) -> str:
    """Return the path of a version of a group."""
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def _segment(name: str) -> str:
    """Quote a name for a path. The API server decodes before it splits: quoting is not enough."""
    if not name or len(name) > _MOST_NAME_CHARACTERS or name in {".", ".."}:
        raise ApiError(0, BAD_NAME, "no object can have this name")
    if any(character in "/%\\" or not character.isprintable() for character in name):
        raise ApiError(0, BAD_NAME, "no object can have this name")
    return quote(name, safe="")


HPAS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
VPAS = Resource(
    "autoscaling.k8s.io", "v1", "verticalpodautoscalers", "VerticalPodAutoscaler", optional=True
)
SCALED_OBJECTS = Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject", optional=True)
POD_AUTOSCALERS = Resource(
    "autoscaling.aibrix.ai", "v1alpha1", "podautoscalers", "PodAutoscaler", optional=True
)
INFERENCE_SERVICES = Resource(
    "serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService", optional=True
)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
LIMIT_RANGES = Resource("", "v1", "limitranges", "LimitRange")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False, advisory=True)
RESOURCE_QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota", advisory=True)
BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", advisory=True)
SERVICES = Resource("", "v1", "services", "Service", advisory=True)

AUTOSCALERS = (HPAS, VPAS, SCALED_OBJECTS, POD_AUTOSCALERS)
"""What judgements compare; with strict consistency read once more before a denial."""

WATCHED = (
    *AUTOSCALERS,
    INFERENCE_SERVICES,
    NAMESPACES,
    LIMIT_RANGES,
    RESOURCE_QUOTAS,
    BUDGETS,
    SERVICES,
    NODES,
)
"""Listed and watched, over all namespaces."""

FOLLOWED = (
    Resource("apps", "v1", "deployments", "Deployment", advisory=True, changes_only=True),
    Resource("apps", "v1", "statefulsets", "StatefulSet", advisory=True, changes_only=True),
)
"""Of which is followed what changes: an object that was read is kept until it does (`kept.py`)."""

LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
"""A few of them, in one namespace: what is known of requests in flight (`leases.py`)."""

EVENTS = Resource("", "v1", "events", "Event")
"""Written by the controller on workloads, and by the webhook where something is refused."""

RESOURCE_CLAIM = GroupKind("resource.k8s.io", "ResourceClaim")
RESOURCE_CLAIM_TEMPLATE = GroupKind("resource.k8s.io", "ResourceClaimTemplate")
CLAIMS = (RESOURCE_CLAIM, RESOURCE_CLAIM_TEMPLATE)
"""Read one by one, for pods that ask for devices by DRA; their version is found by discovery."""

BUILT_IN_VERSIONS: Mapping[str, str] = {"": "v1", "apps": "v1", "batch": "v1"}
"""Groups that every cluster has, in a version that no cluster will lose."""

POOLS = (
    GroupKind("inference.networking.k8s.io", "InferencePool"),
    GroupKind("inference.networking.x-k8s.io", "InferencePool"),
)
"""What selects pods beside Services. A scan reads them, to tell that nothing else does."""

_NEVER_SCANNED = frozenset({POD, GroupKind("", "PodTemplate")})


def targets(known: Kinds) -> tuple[GroupKind, ...]:
    """The kinds that autoscalers act on: one object is read where it is judged.

    The version of groups that not every cluster has is found by discovery.
    """
    return tuple(kind.group_kind for kind in known if kind.scalable)


def between(known: Kinds) -> tuple[GroupKind, ...]:
    """The kinds between what a scaler names and what a VPA names: one object is read as well."""
    return tuple(kind.group_kind for kind in known if kind.between)


def templates(known: Kinds) -> tuple[GroupKind, ...]:
    """The other kinds that make pods: a scan reads them all, the webhook none."""
    return tuple(
        kind.group_kind
        for kind in known
        if kind.templates and not kind.scalable and kind.group_kind not in _NEVER_SCANNED
    )

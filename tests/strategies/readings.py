"""How Kubernetes reads a pod, written down a second time, to hold the webhook's code against.

Nothing of `webhook.core` is used here but the exact reading of quantities.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from tests.strategies.resources import CATALOGUE, COMPUTE, FAMILIES, Raw, nanos
from webhook.core import quantity

GUARANTEED, BURSTABLE, BEST_EFFORT = "Guaranteed", "Burstable", "BestEffort"

# Taints of nodes that go, are not ready, or are no place for workloads (spec of AI pods).
FORBIDDEN_KEYS = (
    *("", "node.kubernetes.io/*", "node.cloudprovider.kubernetes.io/*", "karpenter.sh/*"),
    *("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"),
    *("*-taint.cluster-autoscaler.kubernetes.io/*", "ToBeDeletedByClusterAutoscaler"),
    *("DeletionCandidateOfClusterAutoscaler", "readiness.k8s.io/*", "*/agent-not-ready"),
)


def containers(pod: Raw) -> list[Raw]:
    """All containers, regular ones first."""
    spec = pod["spec"]
    return [*spec["containers"], *(spec.get("initContainers") or [])]


def limits(one: Raw) -> Raw:
    """The limits of a container or pod as the API server decodes them: null is zero."""
    return _quantities(one, "limits")


def requests(one: Raw) -> Raw:
    """The requests after defaulting: a limit without a request is one (SetDefaults_Pod)."""
    return {**limits(one), **_quantities(one, "requests")}


def _quantities(one: Raw, kind: str) -> Raw:
    listed = (one.get("resources") or {}).get(kind) or {}
    return {name: 0 if value is None else value for name, value in listed.items()}


def qos(pod: Raw) -> str:
    """The class of a pod: k8s.io/kubernetes pkg/apis/core/v1/helper/qos/qos.go, ComputePodQOS."""
    if requests(pod["spec"]):
        return _qos(pod["spec"])
    return _common([_qos(one) for one in containers(pod)])


def _qos(one: Raw) -> str:
    return _common([_shape(limits(one), requests(one), name) for name in COMPUTE])


def _shape(limited: Raw, requested: Raw, name: str) -> str:
    limit, request = nanos(limited.get(name)), nanos(requested.get(name))
    if limit != request:
        return BURSTABLE
    return GUARANTEED if request else BEST_EFFORT


def _common(classes: list[str]) -> str:
    return classes[0] if len(set(classes)) == 1 else BURSTABLE


def pod_requests(pod: Raw, resource: str) -> int:
    """What a LimitRange of type Pod compares (plugin/pkg/admission/limitranger, podRequests).

    Init containers run before the others, beside the native sidecars that come before them.
    """
    spec = pod["spec"]
    if resource in requests(spec):
        return nanos(requests(spec)[resource])
    running = sum(nanos(requests(one).get(resource)) for one in spec["containers"])
    sidecars = most = 0
    for one in spec.get("initContainers") or []:
        own = nanos(requests(one).get(resource))
        if one.get("restartPolicy") == "Always":
            running, sidecars, own = running + own, sidecars + own, 0
        most = max(most, sidecars + own)
    return max(running, most)


def tolerates(toleration: Raw, taint: Raw) -> bool:
    """ToleratesTaint of k8s.io/api core/v1/toleration.go, without Lt and Gt."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("value", "") == taint.get("value", ""))


def is_superset(ss: Raw, t: Raw) -> bool:
    """How PodTolerationRestriction compares: k8s.io/kubernetes pkg/util/tolerations, isSuperset."""
    names = ("key", "operator", "value", "effect")
    same = all(ss.get(name, "") == t.get(name, "") for name in names)
    if same and ss.get("tolerationSeconds") == t.get("tolerationSeconds"):
        return True
    is_every_key = not ss.get("key") and ss.get("operator") == "Exists"
    if ss.get("key", "") != t.get("key", "") and not is_every_key:
        return False
    if ss.get("effect") and ss["effect"] != t.get("effect"):
        return False
    if ss.get("effect") == "NoExecute" and ss.get("tolerationSeconds") is not None:
        seconds = t.get("tolerationSeconds")
        if seconds is None or seconds > ss["tolerationSeconds"]:
            return False
    if ss.get("operator") == "Exists":
        return True
    return t.get("operator") == "Equal" and t.get("value", "") == ss.get("value", "")


def is_forbidden(key: str) -> bool:
    """Whether a taint with this key must never be tolerated by us."""
    return any(fnmatchcase(key, pattern) for pattern in FORBIDDEN_KEYS)


# ---------------------------------------------------------------- accelerators


def family_of(name: str, lists: str) -> Raw | None:
    """The family of a resource, or of a DeviceClass."""
    for family in FAMILIES:
        listed = family.get("resources", {}).values() if lists == "resources" else _classes(family)
        if any(fnmatchcase(name, pattern) for patterns in listed for pattern in patterns):
            return family
    return None


def _classes(family: Raw) -> Iterator[list[str]]:
    for key in ("deviceClasses", "sliceClasses"):
        yield family.get(key, [])


def taint_keys(pod: Raw, manifests: list[Raw]) -> set[str] | None:
    """The keys that the accelerators of a pod make us tolerate; None where it has none at all."""
    found: list[set[str | None]] = []
    for one in containers(pod):
        # The scheduler counts requests; of extended resources a limit is the same, or refused.
        for name, value in {**requests(one), **limits(one)}.items():
            family = family_of(name, "resources")
            if family is not None and quantity.parse(value) != 0:
                found.append({name, family.get("tolerationKey")})
    for name in _claimed(pod, manifests):
        family = family_of(name, "classes")
        excluded = any(fnmatchcase(name, each) for each in CATALOGUE["notAccelerators"])
        if family is not None and not excluded:
            found.append({family.get("tolerationKey")})
    return {key for keys in found for key in keys if key} if found else None


def _claimed(pod: Raw, manifests: list[Raw]) -> Iterator[str]:
    """The DeviceClasses that the claims of a pod name."""
    for claim in pod["spec"].get("resourceClaims") or []:
        is_template = "resourceClaimTemplateName" in claim
        kind = "ResourceClaimTemplate" if is_template else "ResourceClaim"
        name = claim[kind[0].lower() + kind[1:] + "Name"]
        for raw in manifests:
            if raw["kind"] == kind and raw["metadata"]["name"] == name:
                spec = raw["spec"]["spec"] if is_template else raw["spec"]
                for request in spec["devices"]["requests"]:
                    for choice in _choices(request):
                        yield choice["deviceClassName"]


def _choices(request: Raw) -> list[Any]:
    return [request["exactly"]] if "exactly" in request else request["firstAvailable"]

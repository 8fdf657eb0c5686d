"""Default requests that would make a pod unadmittable, or count past a queue: they are left out."""

from collections.abc import Iterable, Sequence

from webhook.core.amounts import is_best_effort, pod_requests
from webhook.core.bounds import WHITELIST_ANNOTATION, Bounds
from webhook.core.fields import Raw
from webhook.core.kueue import is_admitted
from webhook.core.mutations.defaults import Default
from webhook.core.patch import Addition, applied, operations
from webhook.core.quota import refusals
from webhook.core.toleration import is_accepted

# What the API server adds to pods by itself (plugin/pkg/admission/defaulttolerationseconds), and
# what the plugin PodTolerationRestriction adds to those that are not BestEffort. It runs again
# after us, and refuses what the namespace does not allow.
_OF_EVERY_POD: tuple[Raw, ...] = tuple(
    {
        "key": f"node.kubernetes.io/{condition}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }
    for condition in ("not-ready", "unreachable")
)
_OF_THOSE_WITH_REQUESTS: Raw = {
    "key": "node.kubernetes.io/memory-pressure",
    "operator": "Exists",
    "effect": "NoSchedule",
}


def admittable(
    pod: Raw, defaults: Sequence[Default], bounds: Bounds
) -> tuple[list[Default], list[str]]:
    """Return the defaults with which a pod stays admittable, and why others were left out."""
    left = list(defaults)
    if not left:
        return left, []
    if is_admitted(pod):
        return [], ["no requests: Kueue has counted what the pod asks for"]
    if _needs_no_requests(pod, bounds.tolerations):
        return [], [
            f"no requests: the namespace's {WHITELIST_ANNOTATION} refuses pods that have some"
        ]
    if quota := _counting(pod, left, bounds):
        return [], [f"no requests: ResourceQuota {quota} refuses the pod once it has some"]
    notes = []
    for resource in _beyond(pod, left, bounds):
        left = [one for one in left if one.resource != resource]
        notes.append(f"no {resource} requests: they would exceed the LimitRange's maximum per pod")
    return left, notes


def _needs_no_requests(pod: Raw, allowed: Sequence[Raw]) -> bool:
    """Whether a namespace accepts a pod only as long as it asks for no cpu and memory.

    A namespace that refuses what every pod has refuses it anyway, or nobody enforces what it says.
    """
    if not allowed or is_accepted(_OF_THOSE_WITH_REQUESTS, allowed):
        return False
    return all(is_accepted(one, allowed) for one in _OF_EVERY_POD) and is_best_effort(pod)


def _counting(pod: Raw, defaults: Iterable[Default], bounds: Bounds) -> str:
    """Name a quota that takes a pod only as long as it does not count it: scope NotBestEffort."""
    if not bounds.quotas or not is_best_effort(pod):
        return ""
    before = {one.quota for one in refusals(pod, bounds.quotas, bounds, is_new=True)}
    after = refusals(_with(pod, defaults), bounds.quotas, bounds, is_new=True)
    return next((one.quota for one in after if one.quota not in before), "")


def _with(pod: Raw, defaults: Iterable[Default]) -> Raw:
    return applied(pod, operations(pod, [Addition(one.path, one.value) for one in defaults]))


def _beyond(pod: Raw, defaults: Iterable[Default], bounds: Bounds) -> list[str]:
    """List the resources of which a LimitRange would find too much in the pod with its defaults.

    Overhead counts here and not there (plugin/pkg/admission/limitranger, `podRequests`): it may
    cost a default, never a pod.
    """
    if not bounds.most_per_pod:
        return []
    after = pod_requests(_with(pod, defaults))
    return [name for name, most in bounds.most_per_pod.items() if after.get(name, 0) > most]

"""What the metrics of a scaler find on the pods of its workload: containers, and their requests.

Source: k8s.io/kubernetes pkg/controller/podautoscaler/replica_calculator.go (`calculateRequests`).
"""

from collections.abc import Callable, Iterable
from typing import Any

from webhook.core.ai_pod import AiPod
from webhook.core.autoscalers.scaler import MetricClaim, Scaler, TargetType
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.classify import Maker
from webhook.core.fields import Raw
from webhook.core.fit import Fitting
from webhook.core.pod import (
    COMPUTE_RESOURCES,
    Container,
    has_pod_level_resources,
    pod_level_requests,
)
from webhook.core.workload import MadePod
from webhook.core.world import World

# An HPA has a handful; each takes part of a document that engines read as a whole. Those with a
# fault come first.
MOST_METRICS = 16

Fit = Callable[[Raw, Maker | None, str, World], tuple[AiPod, Fitting] | None]
"""Make the patch of a pod in a namespace; None for pods that are left alone."""


def metric_documents(
    scaler: Scaler, key: WorkloadKey, world: World, fit: Fit
) -> list[dict[str, Any]]:
    """Write what rules read of each Resource and ContainerResource metric of a scaler.

    A metric that KEDA drops reads nothing, nor does one that names nothing: the API server refuses
    it.
    """
    claims = [
        claim
        for claim in scaler.metrics
        if claim.resource and claim.container != "" and not claim.dropped
    ]
    pods = _Pods(world.pods(key) if claims else (), key.namespace, world, fit)
    written = [_document(claim, pods) for claim in claims]
    return sorted(written, key=_is_faultless)[:MOST_METRICS]


def _is_faultless(document: dict[str, Any]) -> bool:
    has_faults = document["lacking"] or document["given"] or not document["served"]
    return not has_faults and document["known"]


def _document(claim: MetricClaim, pods: "_Pods") -> dict[str, Any]:
    lacking = pods.lacking(claim) if claim.target_type is TargetType.UTILIZATION else []
    given = pods.given(claim.resource) if lacking else {}
    return {
        "path": claim.path,
        "resource": claim.resource,
        "container": claim.container,
        "target": claim.target,
        "targetType": claim.target_type.value,
        "defaulted": claim.defaulted,
        "served": claim.resource in COMPUTE_RESOURCES,
        "known": claim.container is None or not pods.names or claim.container in pods.names,
        "names": list(pods.names),
        "lacking": [name for name in lacking if name not in given],
        "given": [given[name] for name in lacking if name in given],
    }


class _Pods:
    """The pods of a workload, in each version of it that is known (overlays)."""

    def __init__(self, made: Iterable[MadePod], namespace: str, world: World, fit: Fit) -> None:
        self._made = tuple(made)
        self._namespace = namespace
        self._world = world
        self._fit = fit
        self._running = [one.running for one in self._made]
        self._found: dict[tuple[str, bool], tuple[str, ...]] = {}
        self._given: dict[str, dict[str, dict[str, str]]] = {}
        self.names = tuple(dict.fromkeys(one.name for pod in self._running for one in pod))

    def lacking(self, claim: MetricClaim) -> list[str]:
        """The containers of a metric that have no request, before ours; none where unknown."""
        by_container = claim.container is not None
        asked = claim.resource, by_container
        if asked not in self._found:
            self._found[asked] = self._lacking(claim.resource, by_container=by_container)
        found = self._found[asked]
        return [name for name in found if claim.container in {None, name}]

    def _lacking(self, resource: str, *, by_container: bool) -> tuple[str, ...]:
        """The containers that lack a request in every version that has them."""
        filled = self._world.bounds(self._namespace).filled
        if resource in filled or resource not in COMPUTE_RESOURCES:
            return ()
        pairs = list(zip(self._made, self._running, strict=True))
        if not by_container and any(_as_a_whole(made.pod, own, resource) for made, own in pairs):
            return ()
        has = {one.name for own in self._running for one in own if _requests(one, resource)}
        return tuple(name for name in self.names if name not in has)

    def given(self, resource: str) -> dict[str, dict[str, str]]:
        """What we give the containers of a resource, by their names."""
        if resource not in self._given:
            self._given[resource] = dict(self._gifts(resource))
        return self._given[resource]

    def _gifts(self, resource: str) -> Iterable[tuple[str, dict[str, str]]]:
        for made, running in zip(self._made, self._running, strict=True):
            fitted = self._fit(made.pod, made.maker, self._namespace, self._world)
            additions = fitted[1].additions if fitted is not None else ()
            values = {one.path: one for one in additions}
            for one in running:
                gift = values.get((*one.path, "resources", "requests", resource))
                if gift is not None:
                    value = {"container": one.name, "value": str(gift.value), "source": gift.why}
                    yield one.name, value


def _requests(container: Container, resource: str) -> bool:
    return container.request(resource) is not None


def _as_a_whole(pod: Raw, running: Iterable[Container], resource: str) -> bool:
    """Whether the pod's own resources speak for its containers.

    What they do not name is what the containers request together, if any does.
    """
    return has_pod_level_resources(pod) and (
        resource in pod_level_requests(pod) or any(_requests(one, resource) for one in running)
    )

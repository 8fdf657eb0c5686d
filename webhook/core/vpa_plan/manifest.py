"""A planned VPA as an object."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from webhook.core import quantity
from webhook.core.autoscalers.target import WELL_KNOWN, WorkloadKey
from webhook.core.autoscalers.vpa import ANY_CONTAINER, MODE_OFF
from webhook.core.fields import Raw, mapping
from webhook.core.frozen import frozen
from webhook.core.objects import MANAGED_LABEL
from webhook.core.pod import COMPUTE_RESOURCES, containers
from webhook.core.vpa_plan.bounds import Allowed
from webhook.core.vpa_plan.mode import Mode
from webhook.core.workload import Workload

WHY_MODE = "scaleguard.io/why-mode"
WHY_RESOURCES = "scaleguard.io/why-resources"
WHY_BOUNDS = "scaleguard.io/why-bounds"
WHYS = (WHY_MODE, WHY_RESOURCES, WHY_BOUNDS)

_LONGEST_NAME = 253
_HASH_CHARACTERS = 8


@frozen
class Choices:
    """Everything that was decided about a VPA."""

    mode: Mode
    resources: tuple[str, ...]
    why_resources: str
    values: str
    allowed: Allowed
    min_replicas: int | None


def vpa_name(key: WorkloadKey) -> str:
    """Name the VPA of a workload: always the same one, so that none is ever made twice.

    Kinds that VPA does not know by themselves have their group in it, since projects use the names
    of built-in kinds again.
    """
    kind = key.kind.lower()
    if WELL_KNOWN.get(key.kind) != key.group:
        kind = f"{kind}.{key.group}"
    name = f"scaleguard-{kind}-{key.name}"
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_CHARACTERS]
    return f"{name[: _LONGEST_NAME - _HASH_CHARACTERS - 1].rstrip('-.')}-{digest}"


def manifest(workload: Workload, choices: Choices) -> Raw:
    """Write the VPA; the label and the annotations say whose it is and why it is as it is."""
    key, ref = workload.key, workload.ref
    policy: dict[str, Any] = {
        "containerName": ANY_CONTAINER,
        "controlledResources": list(choices.resources),
        "controlledValues": choices.values,
        "minAllowed": choices.allowed.least,
    }
    if choices.allowed.most:
        policy["maxAllowed"] = choices.allowed.most
    update: dict[str, Any] = {"updateMode": choices.mode.name}
    if choices.min_replicas is not None:
        update["minReplicas"] = choices.min_replicas
    metadata: dict[str, Any] = {
        "name": vpa_name(key),
        "namespace": key.namespace,
        "labels": {MANAGED_LABEL: "true"},
        "annotations": _reasons(choices),
    }
    target = {"apiVersion": ref.api_version, "kind": key.kind, "name": key.name}
    if workload.uid is not None:
        owner = {**target, "uid": workload.uid, "controller": True, "blockOwnerDeletion": False}
        metadata["ownerReferences"] = [owner]
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": metadata,
        "spec": {
            "targetRef": target,
            "updatePolicy": update,
            "resourcePolicy": {"containerPolicies": [policy]},
        },
    }


def in_words(vpa: Raw) -> str:
    """Tell a planned VPA in one line: how far it goes, what it controls, and who has the rest."""
    spec, annotations = vpa["spec"], vpa["metadata"]["annotations"]
    (policy,) = spec["resourcePolicy"]["containerPolicies"]
    mode, controlled = spec["updatePolicy"]["updateMode"], policy["controlledResources"]
    deed = "recommends" if mode == MODE_OFF else "sets"
    others = f"; {annotations[WHY_RESOURCES]}" if WHY_RESOURCES in annotations else ""
    return f"mode {mode}: {deed} {' and '.join(controlled)}{others}"


def _reasons(choices: Choices) -> dict[str, str]:
    said = (choices.mode.why, choices.why_resources, choices.allowed.why)
    return {key: why for key, why in zip(WHYS, said, strict=True) if why}


def controlled_values(pods: Iterable[Raw]) -> str:
    """Requests alone, unless pods are Guaranteed: limits then go with them, or they would not stay.

    Source: k8s.io/kubernetes pkg/apis/core/v1/helper/qos/qos.go (`ComputePodQOS`).
    """
    listed = list(pods)
    return "RequestsAndLimits" if listed and all(map(_is_guaranteed, listed)) else "RequestsOnly"


def _is_guaranteed(pod: Raw) -> bool:
    found = containers(pod)
    return bool(found) and all(
        _same_as_limit(mapping(one.raw, "resources"), resource)
        for one in found
        for resource in COMPUTE_RESOURCES
    )


def _same_as_limit(resources: Mapping[str, Any], resource: str) -> bool:
    """Whether a container has a limit, and no other request than that."""
    limit = quantity.parse(mapping(resources, "limits").get(resource))
    asked = mapping(resources, "requests").get(resource)
    return bool(limit) and (asked is None or quantity.parse(asked) == limit)

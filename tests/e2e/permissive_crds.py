"""CRDs of other projects that take whatever is written: for tests of who reads, not of what."""

import json
from collections.abc import Iterable
from typing import Any

from tests.controlplane.cluster import ControlPlane
from webhook.cluster.resources import WATCHED, Resource
from webhook.core.objects import GroupKind
from webhook.knowledge import knowledge

Raw = dict[str, Any]


def served(plane: ControlPlane) -> set[tuple[str, str]]:
    """The resources that the API server has, with their groups."""
    listed = plane.kubectl("api-resources", "--no-headers", "-o", "name").stdout.split()
    split = (name.partition(".") for name in listed)
    return {(group, resource) for resource, _, group in split}


def known(group: str, plural: str) -> Resource:
    """A resource that scaleguard reads, by its name in a role."""
    for one in WATCHED:
        if (one.group, one.plural) == (group, plural):
            return one
    for kind in knowledge().kinds:
        if (kind.group_kind.group, kind.plural) == (group, plural):
            return Resource(group, "v1", plural, kind.group_kind.kind)
    raise KeyError(GroupKind(group, plural))


def install(plane: ControlPlane, resources: Iterable[Resource]) -> None:
    """Install a CRD for each; wait until they are served."""
    crds = [_crd(one) for one in resources]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": crds})
    plane.kubectl("create", "-f", "-", input=text)
    plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", "-", input=text)


def _crd(resource: Resource) -> Raw:
    names = {"kind": resource.kind, "plural": resource.plural, "singular": resource.kind.lower()}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": resource.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            }
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {
            "group": resource.group,
            "names": names,
            "scope": "Namespaced",
            "versions": [version],
        },
    }

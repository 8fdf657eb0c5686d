"""The kinds of Reports that a cluster may have, and how one is written in each."""

import hashlib
import json
from typing import Any

from webhook.cluster.resources import Resource
from webhook.core.fields import Raw, mapping, strings
from webhook.core.frozen import frozen
from webhook.core.objects import GroupKind

NAME = "scaleguard-current"
"""What `scaleguard report -o openreports` writes has another one."""

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "scaleguard-controller"

# In both groups a result is the same; PolicyReport has no `source` of its own.
_CONTENT = ("source", "summary", "results")


@frozen
class Form:
    """A kind for each namespace, and one for what is in none."""

    namespaced: GroupKind
    cluster: GroupKind
    content: tuple[str, ...]

    @property
    def kinds(self) -> tuple[GroupKind, GroupKind]:
        """Both kinds."""
        return self.namespaced, self.cluster


FORMS = (
    Form(
        GroupKind("openreports.io", "Report"),
        GroupKind("openreports.io", "ClusterReport"),
        _CONTENT,
    ),
    Form(
        GroupKind("wgpolicyk8s.io", "PolicyReport"),
        GroupKind("wgpolicyk8s.io", "ClusterPolicyReport"),
        _CONTENT[1:],
    ),
)
"""The first one that a cluster has is written, and no other."""


def report(form: Form, resource: Resource, namespace: str, body: Raw) -> dict[str, Any]:
    """Write a body as an object of a form."""
    metadata: dict[str, Any] = {
        "name": NAME,
        "labels": {MANAGED_BY: MANAGER},
        "annotations": strings(body, "metadata", "annotations"),
    }
    version = f"{resource.group}/{resource.version}"
    return {
        "apiVersion": version,
        "kind": resource.kind,
        "metadata": metadata | ({"namespace": namespace} if namespace else {}),
        **{name: body[name] for name in form.content},
    }


def digest(raw: Raw) -> str:
    """What two Reports have in common that say the same."""
    said = {name: raw.get(name) for name in _CONTENT}
    annotations = strings(mapping(raw, "metadata"), "annotations")
    ours = {key: value for key, value in annotations.items() if key.startswith("scaleguard.io/")}
    return hashlib.sha256(json.dumps([said, ours], sort_keys=True).encode()).hexdigest()

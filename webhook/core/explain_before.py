"""A pod as it was before scaleguard fitted it, as far as the pod tells."""

from collections.abc import Iterable
from typing import Any

from webhook.core.fields import Raw, mapping, sequence, strings, text
from webhook.core.mutations import ANNOTATIONS, REQUESTS, TOLERATIONS
from webhook.core.mutations.marks import CLASS_LABEL, MUTATIONS_ANNOTATION
from webhook.core.mutations.shared_memory import VOLUME_NAME


def before(pod: Raw) -> Raw | None:
    """Take out what the annotation of a fitted pod lists; None for pods that never were fitted.

    More may go than was put in, as a toleration of the same key: what it is for is to be fitted
    again, and to be compared with the pod.
    """
    metadata, spec = mapping(pod, "metadata"), mapping(pod, "spec")
    annotations, labels = strings(metadata, "annotations"), strings(metadata, "labels")
    if CLASS_LABEL not in labels:
        return None
    said = annotations.get(MUTATIONS_ANNOTATION, "").split("; ")
    protecting = tuple(f"/{name}" for name in _listed(said, ANNOTATIONS))
    keys = set(_listed(said, TOLERATIONS))
    requests = dict(name.partition(" ")[::2] for name in _listed(said, REQUESTS))
    return {
        **pod,
        "metadata": {
            **metadata,
            "labels": {key: value for key, value in labels.items() if key != CLASS_LABEL},
            "annotations": {
                key: value
                for key, value in annotations.items()
                if key != MUTATIONS_ANNOTATION and not (protecting and key.endswith(protecting))
            },
        },
        "spec": {
            **spec,
            "tolerations": [
                one for one in _mappings(spec, "tolerations") if text(one, "key") not in keys
            ],
            "volumes": _without(spec, "volumes"),
            **{
                kind: [_bare(one, requests) for one in _mappings(spec, kind)]
                for kind in ("containers", "initContainers")
            },
        },
    }


def _listed(said: Iterable[str], what: str) -> list[str]:
    return [
        name
        for part in said
        if part.startswith(what)
        for name in part.removeprefix(what).split(", ")
    ]


def _mappings(parent: Raw, name: str) -> list[dict[str, Any]]:
    return [one for one in sequence(parent, name) if isinstance(one, dict)]


def _without(parent: Raw, name: str) -> list[dict[str, Any]]:
    return [one for one in _mappings(parent, name) if text(one, "name") != VOLUME_NAME]


def _bare(container: Raw, injected: dict[str, str]) -> Raw:
    """Take the requests out of a container that are as they were injected, and our mount."""
    ours = set(injected.get(text(container, "name"), "").split())
    resources = mapping(container, "resources")
    requests = {
        name: value
        for name, value in mapping(resources, "requests").items()
        if f"{name}={value}" not in ours
    }
    return {
        **container,
        "resources": {**resources, "requests": requests},
        "volumeMounts": _without(container, "volumeMounts"),
    }

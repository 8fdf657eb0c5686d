"""Pods without accelerators that may take the place of pods that need one."""

from collections.abc import Iterator

from webhook.core.accelerators import Catalogue
from webhook.core.fields import Raw, annotation, mapping, text
from webhook.core.nodes import HOSTNAME_LABEL
from webhook.core.pod import (
    MIRROR_ANNOTATION,
    claim_names,
    containers,
    devices,
    resource_names,
    tolerations,
)

_OPENING = frozenset({"", "NoSchedule"})
"""Effects of tolerations that open an accelerator's node: its taints keep pods from it."""


def accelerator_taints(pod: Raw, catalogue: Catalogue) -> Iterator[tuple[int, str]]:
    """Yield where each accelerator's taint is first tolerated, and how people call the taint.

    None of a pod that asks for accelerators, be it for none of ours to fit (class `none`), nor of
    one with a resource claim, of which nobody can say here that it asks for no accelerator. Mirror
    pods, and those that somebody put on one node by its name, belong where they are.
    """
    mirrored = annotation(pod, MIRROR_ANNOTATION) is not None
    if mirrored or _is_placed(pod) or next(claim_names(pod), None) is not None:
        return
    if any(devices(container, catalogue) for container in containers(pod)):
        return
    others = (name for name in resource_names(pod) if catalogue.resource(name) is None)
    domains = {_domain(name) for name in others if "/" in name}
    told = set()
    for index, toleration in enumerate(tolerations(pod)):
        taint = _accelerator_taint(toleration, catalogue)
        # Who asks for another resource of that vendor has a reason to be there.
        if taint and taint not in told and _domain(text(toleration, "key")) not in domains:
            told.add(taint)
            yield index, taint


def _domain(name: str) -> str:
    return name.rpartition("/")[0]


def _is_placed(pod: Raw) -> bool:
    """Whether a pod names its node, or selects one by its name."""
    spec = mapping(pod, "spec")
    return bool(text(spec, "nodeName")) or HOSTNAME_LABEL in mapping(spec, "nodeSelector")


def _accelerator_taint(toleration: Raw, catalogue: Catalogue) -> str:
    """Name the accelerator taint that a toleration is for; empty where it is for none."""
    if text(toleration, "effect") not in _OPENING:
        return ""
    key = text(toleration, "key")
    if not key:
        return "every taint" if text(toleration, "operator") == "Exists" else ""
    return f"taint {key}" if catalogue.is_taint(key) else ""

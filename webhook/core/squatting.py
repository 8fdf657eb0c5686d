"""Pods without accelerators that may take the place of pods that need one."""

from collections.abc import Iterator

from webhook.core.accelerators import Catalogue
from webhook.core.fields import Raw, strings, text
from webhook.core.pod import MIRROR_ANNOTATION, claim_names, containers, devices, tolerations

_FORBIDDING = frozenset({"", "NoSchedule", "NoExecute"})
"""Effects of taints that keep pods away; the empty one is a toleration of all of them."""


def accelerator_taints(pod: Raw, catalogue: Catalogue) -> Iterator[tuple[int, str]]:
    """Yield the place of each toleration of an accelerator's taint, and how people call the taint.

    None of a pod that asks for accelerators, be it for none of ours to fit (class `none`), nor of
    one with a resource claim, of which nobody can say here that it asks for no accelerator. Mirror
    pods belong where they are.
    """
    mirrored = MIRROR_ANNOTATION in strings(pod, "metadata", "annotations")
    if mirrored or next(claim_names(pod), None) is not None:
        return
    if any(devices(container, catalogue) for container in containers(pod)):
        return
    for index, toleration in enumerate(tolerations(pod)):
        if taint := _accelerator_taint(toleration, catalogue):
            yield index, taint


def _accelerator_taint(toleration: Raw, catalogue: Catalogue) -> str:
    """Name the accelerator taint that a toleration is for; empty where it is for none."""
    if text(toleration, "effect") not in _FORBIDDING:
        return ""
    key = text(toleration, "key")
    if not key:
        return "every taint" if text(toleration, "operator") == "Exists" else ""
    return f"taint {key}" if catalogue.is_taint(key) else ""

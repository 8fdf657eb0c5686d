"""What a pod is for: training, inference, notebook or batch, and in which words that is known.

Precedence: the class annotation or label, the owner's kind, labels of frameworks, the image, then
the kind or the restart policy. Everything is read from the pod itself and the kind of its owner.
"""

import json
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from webhook.core.fields import Raw, mapping, strings, text
from webhook.core.frozen import frozen
from webhook.core.kinds import Kinds, WorkloadClass
from webhook.core.objects import POD, GroupKind, controller, reference
from webhook.core.pod import Container

CLASS_KEY = "scaleguard.io/class"
NO_CLASS = "none"

BUILT_IN_KINDS = frozenset({"CronJob", "DaemonSet", "Deployment", "Job", "StatefulSet"})
"""Kinds of Kubernetes whose names other projects use again."""
_CLASSES = (*WorkloadClass, NO_CLASS)


@frozen
class Evidence:
    """A class and why; `guessed` where neither a person nor a framework named it."""

    workload_class: WorkloadClass
    why: str
    guessed: bool = False


@frozen
class Maker:
    """What makes a pod: the kind of its controller, and the labels of that object where known."""

    group_kind: GroupKind
    labels: tuple[tuple[str, str], ...] = ()


def made_by(raw: Raw) -> Maker | None:
    """What makes the pods of an object: its own kind; of a pod the kind of its controller."""
    ref = reference(raw)
    if ref.group_kind != POD:
        return Maker(ref.group_kind, tuple(strings(raw, "metadata", "labels").items()))
    owner = controller(raw)
    return Maker(GroupKind(owner.group, owner.kind)) if owner is not None else None


def is_opted_out(pod: Raw) -> bool:
    """Whether the class `none` takes the pod out altogether."""
    return _declared(pod)[0] == NO_CLASS


def declared(pod: Raw) -> Evidence | None:
    """Return the class that a person wrote on the pod, by annotation before label."""
    value, where = _declared(pod)
    if not where or value == NO_CLASS:
        return None
    return Evidence(WorkloadClass(value), f"{where} {CLASS_KEY}: {value}")


def undeclared(pod: Raw) -> tuple[str, ...]:
    """Say of what a person wrote for a class that it is none: it decides nothing."""
    return tuple(
        f"{where} {CLASS_KEY}: {_shown(value)} is no class; there are {', '.join(_CLASSES)}"
        for where, value in _written(pod)
        if value not in _CLASSES
    )


def _shown(value: Any) -> str:
    """Show a value as it was written, on one short line."""
    is_plain = isinstance(value, str) and value.isprintable() and value != ""
    return textwrap.shorten(value if is_plain else json.dumps(value, default=str), 63)


def _declared(pod: Raw) -> tuple[str, str]:
    """Return the class and where it is written; a value that is no class says nothing."""
    for where, value in _written(pod):
        if value in _CLASSES:
            return value, where
    return "", ""


def _written(pod: Raw) -> Iterator[tuple[str, Any]]:
    """Yield (where, value) of what is written for the class."""
    metadata = mapping(pod, "metadata")
    for where, plural in (("annotation", "annotations"), ("label", "labels")):
        value = mapping(metadata, plural).get(CLASS_KEY)
        if value is not None:
            yield where, value


def _called(kind: GroupKind) -> str:
    """How people call a kind; with its group where a built-in one has the same name."""
    return f"{kind.kind} of {kind.group}" if kind.kind in BUILT_IN_KINDS else kind.kind


def by_framework(pod: Raw, maker: Maker | None, kinds: Kinds) -> Evidence | None:
    """Return the class by an owner of an AI kind, else by a framework's label."""
    labels = strings(pod, "metadata", "labels")
    if maker is not None:
        origin = dict(maker.labels) | labels
        kind = kinds.get(maker.group_kind)
        if kind is not None and kind.workload_class is not None:
            return _of_origin(
                kind.workload_class,
                f"owner {_called(kind.group_kind)}",
                kind.origin_label,
                origin,
                kinds,
            )
    owner = maker.group_kind if maker is not None else None
    for label in kinds.labels:
        value = labels.get(label.key)
        if value is not None and label.value in {None, value} and label.owner in {None, owner}:
            return _of_origin(
                label.workload_class,
                f"label {label.key}: {value}",
                label.origin_label,
                labels,
                kinds,
            )
    return None


def _of_origin(
    usual: WorkloadClass, why: str, origin_label: str | None, labels: dict[str, str], kinds: Kinds
) -> Evidence:
    origin = labels.get(origin_label) if origin_label else None
    found = kinds.origins.get(origin) if origin else None
    if found is None:
        return Evidence(usual, why)
    return Evidence(found, f"{why}, made for a {origin} ({origin_label})")


def by_image(containers: Iterable[Container], kinds: Kinds) -> Evidence | None:
    """Return the class that an image's name speaks for."""
    for container in containers:
        path = image_path(container.image)
        for known in kinds.images:
            if known.words.search(path):
                return Evidence(known.workload_class, f"image {container.image}", guessed=True)
    return None


def by_kind(pod: Raw, maker: Maker | None, kinds: Kinds) -> Evidence:
    """Return what remains for an accelerator pod: its owner's kind, else its restart policy."""
    kind = kinds.get(maker.group_kind) if maker is not None else None
    if kind is not None and kind.otherwise is not None:
        return Evidence(kind.otherwise, f"accelerators in a {kind.group_kind.kind}", guessed=True)
    policy = text(mapping(pod, "spec"), "restartPolicy") or "Always"
    found = WorkloadClass.INFERENCE if policy == "Always" else WorkloadClass.BATCH
    return Evidence(found, f"accelerators, restartPolicy {policy}", guessed=True)


def image_path(image: str) -> str:
    """Return an image's path in lower case, without registry, tag and digest."""
    path = image.partition("@")[0].lower()
    first, slash, rest = path.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        path = rest
    directory, slash, last = path.rpartition("/")
    return f"{directory}{slash}{last.partition(':')[0]}"

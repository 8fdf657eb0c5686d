"""What has to be written so that the managed VPAs of a workload are as the plan wants them.

A pure comparison: a controller that runs it again after writing finds nothing left to do.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from webhook.core.fields import Raw, mapping, sequence, strings, text
from webhook.core.frozen import frozen
from webhook.core.objects import MANAGED_LABEL, ObjectRef, reference
from webhook.core.vpa_plan.manifest import WHY_BOUNDS, WHYS
from webhook.core.vpa_plan.plan import Plan, Planned, Withheld


@frozen
class Apply:
    """Write a VPA by server-side apply."""

    vpa: Raw
    changed: tuple[str, ...] = ()
    """The fields that are not as they should be; none where there is no such VPA yet."""
    surplus: Raw | None = None
    """A merge patch that takes away what somebody else has added: apply leaves that alone."""

    @property
    def ref(self) -> ObjectRef:
        """Which VPA."""
        return reference(self.vpa)


@frozen
class Remove:
    """Delete a VPA."""

    ref: ObjectRef
    uid: str
    why: str


Step = Apply | Remove


def steps(wanted: Plan | None, there: Sequence[Raw]) -> list[Step]:
    """Compare what is planned with what is kept of the managed VPAs of a workload that are there.

    No plan at all (the workload is no AI workload, or nobody wants VPAs) leaves none.
    """
    planned = wanted.vpa if isinstance(wanted, Planned) else None
    found: list[Step] = []
    if planned is not None:
        same = [raw for raw in there if reference(raw).identity == reference(planned).identity]
        found += [Apply(planned)] if not same else _mended(planned, same[0])
    why = wanted.reason if isinstance(wanted, Withheld) else "nothing is planned for its workload"
    for raw in there:
        if planned is None or reference(raw).identity != reference(planned).identity:
            other = "the VPA of its workload has another name" if planned is not None else why
            found.append(Remove(reference(raw), text(mapping(raw, "metadata"), "uid"), other))
    return found


def kept_of(vpa: Raw) -> Raw:
    """Keep of a VPA that is there what `steps` compares: what we write of one, and its uid."""
    metadata = mapping(vpa, "metadata")
    names = ("name", "namespace", "uid", "ownerReferences")
    kept: dict[str, Any] = {name: metadata[name] for name in names if name in metadata}
    labels, annotations = strings(metadata, "labels"), strings(metadata, "annotations")
    kept["labels"] = {key: labels[key] for key in (MANAGED_LABEL,) if key in labels}
    kept["annotations"] = {key: annotations[key] for key in WHYS if key in annotations}
    who = {key: vpa[key] for key in ("apiVersion", "kind") if key in vpa}
    return {**who, "metadata": kept, "spec": mapping(vpa, "spec")}


def _mended(planned: Raw, there: Raw) -> list[Step]:
    changed = tuple(_differences(planned, there))
    if not changed:
        return []
    return [Apply(planned, changed, _surplus(_ours(planned), _ours(there)) or None)]


def _ours(vpa: Raw) -> Raw:
    """What of a VPA is nobody else's to add to."""
    annotations = mapping(vpa, "metadata", "annotations")
    return {"metadata": {"annotations": annotations}, "spec": mapping(vpa, "spec")}


def _differences(planned: Raw, there: Raw) -> Iterator[str]:
    ours, theirs = planned["metadata"], there["metadata"]
    if ours["labels"] != theirs["labels"]:
        yield "metadata.labels"
    for name in sorted(ours["annotations"].keys() | theirs["annotations"].keys()):
        # Of nodes that are alike any may be named there: not worth a write.
        same = ours["annotations"].get(name) == theirs["annotations"].get(name)
        if not same and name != WHY_BOUNDS:
            yield f"metadata.annotations[{name}]"
    # Others may have added owners of their own, which apply would not take away.
    owners = sequence(theirs, "ownerReferences")
    if any(owner not in owners for owner in sequence(ours, "ownerReferences")):
        yield "metadata.ownerReferences"
    wanted, found = mapping(planned, "spec"), mapping(there, "spec")
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            yield f"spec.{name}"


def _surplus(wanted: Raw, found: Raw) -> Raw:
    """Say as a merge patch what is in one mapping and not in the other; lists are whole."""
    patch: dict[str, Any] = {}
    for name, value in found.items():
        if name not in wanted:
            patch[name] = None
        elif isinstance(value, dict) and isinstance(wanted[name], dict):
            inner = _surplus(wanted[name], value)
            if inner:
                patch[name] = inner
    return patch

"""Load what ships as data: accelerators, kinds that make pods, ready-made tolerations."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from webhook.core.accelerators import Catalogue, Counts, Family
from webhook.core.ai_pod import Knowledge
from webhook.core.frameworks import ASSEMBLERS
from webhook.core.frameworks.places import Assembled, Place, PodSpec, PodTemplate
from webhook.core.kinds import FrameworkLabel, Kind, Kinds, WorkloadClass, words
from webhook.core.objects import GroupKind

STEPS_ABOVE = {".": 0, "..": 1, "../..": 2}
"""How many steps above a pod's spec its labels and annotations stand."""

FOLDER = Path(__file__).resolve().parent / "catalogue"


def knowledge(
    extra_families: Iterable[Mapping[str, Any]] = (),
    extra_kinds: Iterable[Mapping[str, Any]] = (),
    *,
    by_image: bool = False,
) -> Knowledge:
    """Build the knowledge of accelerators and kinds; configured families are tried first."""
    accelerators, workloads = _read("accelerators.yaml"), _read("workloads.yaml")
    # Whether workloads stand below one that cannot be scaled is not known: its owner is read.
    configured = [{"between": not entry.get("scale", False), **entry} for entry in extra_kinds]
    families = [family(entry) for entry in (*extra_families, *accelerators["families"])]
    return Knowledge(
        Catalogue(families, accelerators["notAccelerators"], accelerators["amounts"]),
        _kinds(workloads | {"kinds": [*workloads["kinds"], *configured]}),
        by_image,
    )


@cache
def shipped_kinds() -> frozenset[GroupKind]:
    """Return the kinds of the catalogue."""
    return frozenset(kind.group_kind for kind in _kinds(_read("workloads.yaml")))


@cache
def tolerations() -> dict[str, Any]:
    """Return the ready-made tolerations: of cluster flavours, and of network devices."""
    return _read("tolerations.yaml")


def family(entry: Mapping[str, Any]) -> Family:
    """Read one family of accelerators, of the shipped catalogue or of the configuration.

    Within a family shares are tried first, then slices, then devices: the names of shares are often
    those of a device with something behind.
    """
    listed = entry.get("resources", {})
    order = (Counts.SHARES, Counts.SLICES, Counts.DEVICES)
    classes = ((Counts.SLICES, "sliceClasses"), (Counts.DEVICES, "deviceClasses"))
    return Family(
        entry["name"],
        entry.get("tolerationKey"),
        tuple((counts, pattern) for counts in order for pattern in listed.get(counts.value, ())),
        tuple((counts, pattern) for counts, key in classes for pattern in entry.get(key, ())),
    )


def _kinds(data: Mapping[str, Any]) -> Kinds:
    return Kinds(
        [
            Kind(
                GroupKind(entry["group"], entry["kind"]),
                tuple(map(_place, entry.get("templates", ()))),
                _class(entry.get("class")),
                _class(entry.get("otherwise")),
                entry.get("originLabel"),
                scale=entry.get("scale", False),
                well_known=entry.get("wellKnown", False),
                gang=entry.get("gang", False),
                recommend_only=entry.get("recommendOnly", False),
                no_vpa=entry.get("noVpa", ""),
                between=entry.get("between", False),
                irregular=entry.get("plural", ""),
            )
            for entry in data["kinds"]
        ],
        [
            FrameworkLabel(
                entry["key"],
                WorkloadClass(entry["class"]),
                entry.get("value"),
                entry.get("originLabel"),
                GroupKind(*entry["owner"].split("/")) if "owner" in entry else None,
            )
            for entry in data["labels"]
        ],
        {crd: WorkloadClass(value) for crd, value in data["origins"].items()},
        [words(WorkloadClass(entry["class"]), entry["words"]) for entry in data["images"]],
    )


def _place(entry: str | Mapping[str, Any]) -> Place:
    """Read where pods stand, in one of the forms that the head of the catalogue describes."""
    if isinstance(entry, str):
        return PodTemplate(entry)
    if "assemble" in entry:
        return Assembled(entry["at"], ASSEMBLERS[entry["assemble"]])
    return PodSpec(
        entry["podSpec"],
        STEPS_ABOVE[entry["metadata"]] if "metadata" in entry else None,
        entry.get("container", ""),
        tuple(entry.get("of", ())),
    )


def _class(value: str | None) -> WorkloadClass | None:
    return WorkloadClass(value) if value is not None else None


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load((FOLDER / name).read_text(encoding="utf-8"), yaml.CSafeLoader)
    return data

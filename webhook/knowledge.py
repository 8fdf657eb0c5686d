"""Load what ships as data: the accelerators, and the kinds that make pods."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from webhook.core.accelerators import Catalogue, Counts, Family
from webhook.core.ai_pod import Knowledge
from webhook.core.kinds import FrameworkLabel, Kind, Kinds, WorkloadClass, words
from webhook.core.objects import GroupKind

FOLDER = Path(__file__).resolve().parent / "catalogue"


def knowledge(
    extra_families: Iterable[Mapping[str, Any]] = (), *, by_image: bool = False
) -> Knowledge:
    """Build the knowledge of accelerators and kinds; configured families are tried first."""
    accelerators = _read("accelerators.yaml")
    families = [family(entry) for entry in (*extra_families, *accelerators["families"])]
    return Knowledge(
        Catalogue(families, accelerators["notAccelerators"], accelerators["amounts"]),
        _kinds(_read("workloads.yaml")),
        by_image,
    )


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
                tuple(entry["templates"]),
                _class(entry.get("class")),
                _class(entry.get("otherwise")),
                entry.get("originLabel"),
                scale=entry.get("scale", False),
                well_known=entry.get("wellKnown", False),
            )
            for entry in data["kinds"]
        ],
        [
            FrameworkLabel(
                entry["key"],
                WorkloadClass(entry["class"]),
                entry.get("value"),
                entry.get("originLabel"),
            )
            for entry in data["labels"]
        ],
        {crd: WorkloadClass(value) for crd, value in data["origins"].items()},
        [words(WorkloadClass(entry["class"]), entry["words"]) for entry in data["images"]],
    )


def _class(value: str | None) -> WorkloadClass | None:
    return WorkloadClass(value) if value is not None else None


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load((FOLDER / name).read_text(encoding="utf-8"), yaml.CSafeLoader)
    return data

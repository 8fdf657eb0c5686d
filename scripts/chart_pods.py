"""Write down for the chart how pods are AI pods whatever they ask for, from the catalogue of kinds.

    python scripts/chart_pods.py

The chart makes a condition of it on which the API server asks about pods. It may take in more pods
than we do, never fewer: who owns a labelled pod, and where in an image a word stands, is left out.
"""

from collections import defaultdict
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "webhook" / "catalogue" / "workloads.yaml"
TARGET = ROOT / "charts" / "scaleguard" / "files" / "pods.yaml"

HEADER = "# Made by scripts/chart_pods.py from webhook/catalogue/workloads.yaml.\n"
PARTS = {
    "owners": "Kinds whose pods are AI pods.",
    "labels": "Labels of frameworks, whatever their value.",
    "values": "Labels that only some values make one of a framework.",
    "words": "Words of images, for detection.byImage.",
}


def pods() -> str:
    """Return the file as it has to be."""
    known = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    values: dict[str, list[str]] = defaultdict(list)
    for label in known["labels"]:
        if "value" in label:
            values[label["key"]].append(label["value"])
    found = {
        "owners": sorted(
            f"{one['group']}/{one['kind']}" for one in known["kinds"] if "class" in one
        ),
        "labels": sorted({one["key"] for one in known["labels"] if "value" not in one}),
        "values": dict(values),
        "words": sorted({word for one in known["images"] for word in one["words"]}),
    }
    parts = (f"# {said}\n{yaml.safe_dump({part: found[part]})}" for part, said in PARTS.items())
    return HEADER + "".join(parts)


if __name__ == "__main__":
    TARGET.write_text(pods(), encoding="utf-8")

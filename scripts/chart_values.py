"""Write the table of the chart's values into its README.

    python scripts/chart_values.py

A value is said by the comment above it in values.yaml. One whose members have no comments of their
own (amounts of resources) is one row.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[1] / "charts" / "scaleguard"
SOURCE = CHART / "values.yaml"
TARGET = CHART / "README.md"

_BEGIN = "<!-- made from values.yaml by scripts/chart_values.py -->\n"
_KEY = re.compile(r"(?P<indent> *)(?P<name>[A-Za-z]+):")


def comments(text: str) -> dict[tuple[str, ...], str]:
    """Return what is said above each value, without examples."""
    said: dict[tuple[str, ...], str] = {}
    above: list[str] = []
    path: tuple[str, ...] = ()
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            above.append(line.lstrip().removeprefix("#").removeprefix(" "))
            continue
        if match := _KEY.match(line):
            path = (*path[: len(match["indent"]) // 2], match["name"])
            said[path] = " ".join(_prose(above))
        above = []
    return said


def _prose(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if _KEY.fullmatch(line):  # an example, as one would write it
            return
        yield line


def rows() -> Iterator[str]:
    """Yield a row for each value, in the order of the file."""
    written = SOURCE.read_text(encoding="utf-8")
    values, said = yaml.safe_load(written), comments(written)
    for path, comment in said.items():
        if not comment:
            continue
        value = values
        for name in path:
            value = value[name]
        parted = isinstance(value, dict) and any(said.get((*path, name)) for name in value)
        shown = "" if parted else f"`{_shown(value)}`"
        text = comment.replace("<", "&lt;").replace("|", "\\|")
        yield f"| `{'.'.join(path)}` | {shown} | {text} |"


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        flow: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000)
        return flow.strip()
    return json.dumps(value)


def readme() -> str:
    """Return the README as it has to be."""
    head, begin, _ = TARGET.read_text(encoding="utf-8").partition(_BEGIN)
    table = ["| Value | Default | What for |", "|---|---|---|", *rows()]
    return f"{head}{begin}\n" + "\n".join(table) + "\n"


if __name__ == "__main__":
    TARGET.write_text(readme(), encoding="utf-8")

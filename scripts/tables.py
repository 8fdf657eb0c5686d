"""Write the tables of failures, threats and bounds into their pages.

    python scripts/tables.py

Their rows stand in tests/tables, where a test holds each to the code: to metrics, log and alerts
that there are, to constants, and to tests by their names.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "tests" / "tables"
BEGIN, END = "<!-- made by scripts/tables.py -->\n", "<!-- the end of what is made -->\n"

# Page -> its rows, and column -> what of a row stands there.
PAGES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "failure-modes.md": (
        "failure_modes.yaml",
        {
            "Edge": "edge",
            "What happens": "when",
            "What the caller gets": "answer",
            "Counted": "counted",
            "Logged": "logged",
            "Alert": "alert",
        },
    ),
    "threat-model.md": (
        "threats.yaml",
        {"Who": "who", "What they try": "tries", "What stands in the way": "mitigation"},
    ),
    "bounds.md": (
        "bounds.yaml",
        {
            "Where": "where",
            "What is bounded": "what",
            "At most": "most",
            "Beyond it": "beyond",
            "Why this much": "why",
        },
    ),
}
_CODE = {"counted", "logged"}
_NOTHING = "\N{EN DASH}"


def rows(source: str) -> list[dict[str, Any]]:
    """Read the rows of a table."""
    found: list[dict[str, Any]] = yaml.safe_load((SOURCES / source).read_text(encoding="utf-8"))
    return found


def table(source: str, columns: Mapping[str, str]) -> str:
    """Write a table."""
    lines = [list(columns), ["---"] * len(columns)]
    lines += [[_cell(row, name) for name in columns.values()] for row in rows(source)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if isinstance(value, dict):
        return "<br>".join(f"{said} `{constant}`" for constant, said in value.items())
    parts = value if isinstance(value, list) else [value] if value else []
    if name in _CODE:
        parts = [f"`{part}`" for part in parts]
    if name == "alert":
        parts = [f"[{part}](runbook.md#{part.lower()})" for part in parts]
    return ", ".join(part.replace("|", "\\|") for part in parts) or _NOTHING


def page(name: str) -> str:
    """Return a page as it has to be."""
    source, columns = PAGES[name]
    before, _, rest = (ROOT / "docs" / name).read_text(encoding="utf-8").partition(BEGIN)
    return f"{before}{BEGIN}{table(source, columns)}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    for each in PAGES:
        (ROOT / "docs" / each).write_text(page(each), encoding="utf-8")

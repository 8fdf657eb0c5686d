"""Put the fields that rules read into their page, from the schema.

python scripts/rule_document.py
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "webhook" / "policy" / "document.schema.json"
TARGET = ROOT / "docs" / "rule-document.md"
FIRST = "Every document"

Schema = dict[str, Any]


def page() -> str:
    """Return the page as it has to be: its fields are those of the schema."""
    schema: Schema = json.loads(SOURCE.read_text(encoding="utf-8"))
    kept = TARGET.read_text(encoding="utf-8").partition(f"\n## {FIRST}\n")[0]
    return kept + "".join(_sections(schema))


def _sections(schema: Schema) -> Iterator[str]:
    definitions = schema["$defs"]
    common = {
        name: part
        for name, part in schema["properties"].items()
        if name not in {"autoscaler", "pod", "overlaps"}
    }
    yield _section(FIRST, "", {"properties": common}, definitions, "")
    for reference in schema["properties"]["autoscaler"]["anyOf"]:
        part = _resolved(reference, definitions)
        said = part["properties"]["type"]
        heading = f'autoscaler with type "{said["const"]}"'
        yield _section(heading, said["description"], part, definitions, "autoscaler")
    pod = definitions["pod"]
    yield _section("pod", pod["description"], pod, definitions, "pod")
    overlaps = schema["properties"]["overlaps"]
    for reference in overlaps["items"]["anyOf"]:
        part = _resolved(reference, definitions)
        heading = f'overlaps with type "{part["properties"]["type"]["const"]}"'
        yield _section(heading, part["description"], part, definitions, "overlaps[]")


def _section(heading: str, said: str, part: Schema, definitions: Schema, place: str) -> str:
    rows = "".join(
        f"| `{path}` | {_type(below)} | {below['description']} |\n"
        for path, below in _fields(part, definitions, place)
    )
    intro = f"{said}\n\n" if said else ""
    return f"\n## {heading}\n\n{intro}| Field | Type | Meaning |\n|---|---|---|\n{rows}"


def _fields(part: Schema, definitions: Schema, place: str) -> Iterator[tuple[str, Schema]]:
    for name, reference in part.get("properties", {}).items():
        path = f"{place}.{name}" if place else name
        below = _resolved(reference, definitions)
        yield path, below
        if "items" in below:
            yield from _fields(below["items"], definitions, f"{path}[]")
        yield from _fields(below, definitions, path)


def _resolved(part: Schema, definitions: Schema) -> Schema:
    if "$ref" not in part:
        return part
    return definitions[part["$ref"].rpartition("/")[2]] | part


def _type(part: Schema) -> str:
    if "enum" in part or "const" in part:
        return ", ".join(f"`{json.dumps(one)}`" for one in part.get("enum", [part.get("const")]))
    written = part["type"] if isinstance(part["type"], list) else [part["type"]]
    return " or ".join(written)


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")

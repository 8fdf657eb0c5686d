"""Every key of the configuration is described, with the default that it has."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.unit.docs.pages import DOCS, NOTHING, blocks, rows, tables
from webhook import config as configuration
from webhook.core.kinds import WorkloadClass
from webhook.core.mutations.tolerations import is_tolerable
from webhook.core.profile import Figures, Profile
from webhook.core.quantity import cpu, memory

SCHEMA: dict[str, Any] = json.loads(configuration.SCHEMA_FILE.read_text("utf-8"))


def keys(schema: Mapping[str, Any], path: str = "", *, required: bool = False) -> Iterator[Any]:
    """(path, schema, is required) of every key that takes a value."""
    while "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        own = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**SCHEMA["$defs"][name], **own}
    if schema.get("type") == "array" and "object" in schema["items"].get("type", ""):
        if "string" in schema["items"]["type"]:  # a word may stand in place of its members
            yield path, schema, required
        yield from keys(schema["items"], f"{path}[]")
    elif isinstance(schema.get("additionalProperties"), dict):
        yield f"{path}.NAME", schema["additionalProperties"], False
    elif "properties" in schema:
        needed = schema.get("required", ())
        for name, below in schema["properties"].items():
            yield from keys(below, f"{path}.{name}" if path else name, required=name in needed)
    else:
        yield path, schema, required


def figures() -> Mapping[str, Figures]:
    profile = Profile()
    named = {each.value: profile.per_device[each] for each in WorkloadClass}
    return {**named, "slice": profile.per_slice, "sidecar": profile.sidecar}


def default_of(path: str, schema: Mapping[str, Any], *, required: bool) -> str:
    """How the default of a key stands in the table."""
    if path.startswith("requests.") and not path.startswith("requests.device."):
        _, name, resource = path.split(".")
        found = figures()[name]
        return f"`{cpu(found.cpu) if resource == 'cpu' else memory(found.memory)}`"
    if "default" in schema:
        default = schema["default"]
        return f"`{default if isinstance(default, str) else json.dumps(default)}`"
    return "required" if required else NOTHING


def test_every_key_is_documented_with_its_default_and_its_values() -> None:
    page = DOCS / "configuration.md"
    documented = {row[0].strip("`"): row for row in rows(page) if not row[0].startswith("`--")}
    wanted = {path: (schema, required) for path, schema, required in keys(SCHEMA)}
    assert len(wanted) > 25
    missing = set(wanted) - set(documented)
    assert not missing, missing
    for path, (schema, required) in wanted.items():
        assert documented[path][1] == default_of(path, schema, required=required), path
        for value in schema.get("enum", ()):
            assert f"`{value}`" in documented[path][2], f"{path}: {value}"
    dotted = {name for name in documented if re.fullmatch(r"[a-zA-Z]+[.\[][\w.\[\]]*", name)}
    assert dotted <= set(wanted), "keys that do not exist"


def test_the_complete_example_has_every_key() -> None:
    page = DOCS / "configuration.md"
    example = next(block for block in blocks(page) if "scaleguard.yaml" in block.get("file"))
    assert example.get("config"), example.place
    data = yaml.safe_load(example.text)
    for path, _, _ in keys(SCHEMA):
        found = [data]
        for step in path.replace("[]", ".[]").split("."):
            found = [
                below
                for value in found
                for below in (
                    value
                    if step == "[]"
                    else value.values()
                    if step == "NAME"
                    else [value[step]]
                    if step in value
                    else []
                )
            ]
        assert found, f"{path} is not in the complete example"


def test_taints_that_are_never_tolerated_are_documented() -> None:
    table = next(
        table
        for table in tables(DOCS / "configuration.md")
        if any("node.kubernetes.io/*" in row[0] for row in table)
    )
    patterns = [code for row in table for code in re.findall(r"`([^`]+)`", row[0])]
    assert len(patterns) > 5
    for pattern in patterns:
        assert not is_tolerable(pattern.replace("*", "x")), pattern
    assert is_tolerable("nvidia.com/gpu")


def test_default_requests_are_those_of_the_code() -> None:
    documented = {
        row[0].strip("`"): (row[1], row[2]) for row in rows(DOCS / "concepts.md") if len(row) == 4
    }
    assert documented == {
        name: (cpu(found.cpu), memory(found.memory)) for name, found in figures().items()
    }

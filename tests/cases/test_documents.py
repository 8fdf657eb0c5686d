"""What rules read of every case has the form that is promised to them, and no other."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from tests.cases.case import Case
from tests.cases.check import review_of
from tests.cases.test_cases import ALL, judge_for
from tests.unit.policy.rego import embedded
from webhook.core.decide import validate
from webhook.core.review import read_review
from webhook.core.verdict import Verdict
from webhook.core.world import World
from webhook.policy.compiled.rules import Compiled
from webhook.policy.document import schema
from webhook.policy.source import load

SCHEMA = schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
Schema = dict[str, Any]


def documents(case: Case) -> Iterator[dict[str, Any]]:
    """What the rules are asked about when the objects of a case are written."""
    asked: list[dict[str, Any]] = []

    def ask(document: dict[str, Any]) -> list[Verdict]:
        asked.append(json.loads(json.dumps(document)))
        return []

    judge = replace(judge_for(case), ask=ask)
    for raw in case.objects:
        others = [other for other in case.objects if other is not raw]
        old = case.old(raw)
        world = World.of(others if old is None else [*others, old], judge.knowledge.kinds)
        validate(read_review(review_of(raw, old)), world, judge)
    yield from asked


@pytest.fixture(scope="module")
def every_document() -> list[tuple[str, dict[str, Any]]]:
    return [(case.name, document) for case in ALL for document in documents(case)]


def resolved(part: Schema) -> tuple[Schema, str]:
    """A part of the schema, and the name of the definition that it refers to."""
    name = str(part.get("$ref", "")).rpartition("/")[2]
    return (SCHEMA["$defs"][name] if name else part), name


def properties(part: Schema, place: str) -> Iterator[tuple[str, Schema]]:
    """Every property that a part describes, by where the schema describes it."""
    part, name = resolved(part)
    place = name or place
    for branch in part.get("anyOf", ()):
        yield from properties(branch, place)
    if isinstance(part.get("items"), dict):
        yield from properties(part["items"], f"{place}[]")
    for key, below in part.get("properties", {}).items():
        yield f"{place}.{key}", below
        yield from properties(below, f"{place}.{key}")


def values(part: Schema, value: Any, place: str) -> Iterator[str]:
    """The properties that a value has, by where the schema describes them."""
    part, name = resolved(part)
    place = name or place
    for branch in part.get("anyOf", ()):
        if VALIDATOR.evolve(schema=branch).is_valid(value):
            yield from values(branch, value, place)
    if isinstance(value, list):
        for member in value:
            yield from values(part["items"], member, f"{place}[]")
    for key, below in part.get("properties", {}).items() if isinstance(value, dict) else ():
        if value.get(key) is not None:
            yield f"{place}.{key}"
            yield from values(below, value[key], f"{place}.{key}")


def objects(part: Any) -> Iterator[Schema]:
    """Every object that the schema describes field by field."""
    if isinstance(part, dict):
        if "properties" in part:
            yield part
        for below in part.values():
            yield from objects(below)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_document_has_the_form(every_document: list[tuple[str, dict[str, Any]]]) -> None:
    """Who adds a field to a document describes it in webhook/policy/document.schema.json."""
    assert len(every_document) > 1000
    faults = {
        f"{case}: {error.json_path}: {error.message[:300]}"
        for case, document in every_document
        if not VALIDATOR.is_valid(document)
        for error in VALIDATOR.iter_errors(document)
    }
    assert not faults, "\n".join(sorted(faults)[:5])


def test_compiled_rules_say_what_the_embedded_engine_says(
    every_document: list[tuple[str, dict[str, Any]]],
) -> None:
    compiled, engine = Compiled(load()), embedded(load())
    found = 0
    for case, document in every_document:
        said = sorted(map(repr, compiled(document)))
        assert said == sorted(map(repr, engine(document))), case
        found += len(said)
    assert found > 1000


def test_every_field_of_the_form_is_in_some_document(
    every_document: list[tuple[str, dict[str, Any]]],
) -> None:
    seen = {place for _, document in every_document for place in values(SCHEMA, document, "")}
    missing = {place for place, _ in properties(SCHEMA, "")} - seen
    assert not missing


def test_every_field_says_what_it_means() -> None:
    for place, part in properties(SCHEMA, ""):
        said = part.get("description") or resolved(part)[0].get("description")
        assert said, place
        assert said.endswith("."), place


def test_no_document_has_fields_that_nobody_describes() -> None:
    for part in objects(SCHEMA):
        assert part["additionalProperties"] is False
    (kept, *_) = documents(next(case for case in ALL if case.verdict == "deny"))
    assert VALIDATOR.is_valid(kept)
    assert not VALIDATOR.is_valid(kept | {"news": 1})
    assert not VALIDATOR.is_valid(kept | {"autoscaler": kept["autoscaler"] | {"news": 1}})
    assert not VALIDATOR.is_valid(kept | {"version": 2})

"""Whatever others write as YAML or JSON is read as the same object."""

import json
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.manifests import Document, Skipped, Unreadable
from webhook.manifests.reading import read_text
from webhook.manifests.scalars import plain


def is_text_to_both(text: str) -> bool:
    """Leave out words that PyYAML writes without quotes and go-yaml takes for more: `y`, `0E0`."""
    quoted = yaml.safe_dump(text).startswith(("'", '"'))
    return quoted or isinstance(plain(text), str)


# Characters that YAML takes for line breaks, or not at all, are left to the tests of examples.
TEXT = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"
    )
).filter(is_text_to_both)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.fixed_dictionaries(
    {"apiVersion": st.just("v1"), "kind": st.just("Thing"), "spec": VALUES, "data": VALUES}
)


def objects_of(text: str) -> list[dict[str, Any]]:
    entries = list(read_text(text, "-"))
    assert all(isinstance(entry, Document) for entry in entries), entries
    return [entry.raw for entry in entries if isinstance(entry, Document)]


@given(st.lists(OBJECTS, max_size=3), st.booleans(), st.booleans())
def test_what_pyyaml_writes_is_read_back(
    things: list[dict[str, Any]],
    flow: bool,  # noqa: FBT001
    ascii_only: bool,  # noqa: FBT001
) -> None:
    text = yaml.safe_dump_all(
        things, default_flow_style=flow, allow_unicode=not ascii_only, explicit_start=True
    )
    assert objects_of(text) == things


@given(st.lists(OBJECTS, max_size=3), st.sampled_from([None, 2]), st.booleans())
def test_what_json_writes_is_read_back(
    things: list[dict[str, Any]],
    indent: int | None,
    ascii_only: bool,  # noqa: FBT001
) -> None:
    dumped = [json.dumps(thing, indent=indent, ensure_ascii=ascii_only) for thing in things]
    for separator in ("\n", "\n---\n", ""):
        assert objects_of(separator.join(dumped)) == things


@given(OBJECTS)
def test_json_with_a_fault_behind_it_is_read_back(thing: dict[str, Any]) -> None:
    first, *others = read_text(f"{json.dumps(thing)}\n]", "-")
    assert isinstance(first, Document)
    assert first.raw == thing
    assert [type(other) for other in others] == [Unreadable]


@settings(max_examples=300)
@given(st.text(st.sampled_from("{}[]:-,&*!|>'\"%#?@`<>=.~ \n\tab01$()\x00\x85\u2028\ufeff…")))
def test_no_text_makes_reading_fail(text: str) -> None:
    for entry in read_text(text, "-"):
        assert isinstance(entry, Document | Skipped | Unreadable)
        assert entry.source.document >= 1

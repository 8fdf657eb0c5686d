"""What `--mutate` prints is read back as the same values."""

import json
from typing import Any

import jsonpatch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.offline.manifests import DEPLOYMENT, GPU_POD, HPA, judged
from webhook.manifests import Document
from webhook.manifests.reading import read_text
from webhook.offline.stream import dump, mutated, patched

# Plain in Python's YAML, in YAML 1.1, in YAML 1.2 or in none: what kubectl may take for no text.
_TEXTS = (
    *("y", "n", "yes", "No", "on", "OFF", "true", "False", "null", "Null", "~", "", "-", "?", ":"),
    *("0", "-0", "007", "0o17", "0x1F", "0b1", "1_000", "1e3", "1E3", "1.", ".5", "+1", "1:30"),
    *(".inf", "-.INF", ".nan", "2026-01-01", "2026-01-01T00:00:00Z", "=", "<<", "!", "!!str", "*a"),
    *("&a", "[", "{", "}", "]", ",", "#", " #", "a #b", "a: b", "a:", "- a", "? a", "|", ">", "@"),
    *("`", "%", "'", '"', "\\", "a\\nb", " a", "a ", "\t", "a\tb", "\n", "a\n", "a\n\n", "\na"),
    *(" \n", "a \nb", "a\n b", "\ta\nb", "---", "...", "--- a", "a\n---\nb", "a\n...\nb", "\r"),
    *("a\r\nb", "\x00", "\x07", "\x7f", "\x85", "\xa0", "\u2028", "\u2029", "\ufeff", "\ufffd"),
    *("é", "✓", "😀", "{{ .Values.a }}", "${a}", "a" * 200, "a b " * 60, "a\n" + "b " * 90),
)
TEXT = st.sampled_from(_TEXTS) | st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(2**63), 2**64) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def read_back(text: str) -> list[dict[str, Any]]:
    entries = list(read_text(text, "-"))
    assert all(isinstance(entry, Document) for entry in entries), entries
    return [entry.raw for entry in entries if isinstance(entry, Document)]


def whole(value: Any) -> Any:
    """Numbers as JSON has them: 1.0 is 1, and False is neither."""
    if isinstance(value, dict):
        return {key: whole(member) for key, member in value.items()}
    if isinstance(value, list):
        return [whole(member) for member in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def config_map(data: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_every_value_is_read_back_as_it_was(data: dict[str, Any]) -> None:
    raw = config_map(data)
    (back,) = read_back(dump(raw))
    assert json.dumps(whole(back)) == json.dumps(whole(raw))


@pytest.mark.parametrize("text", _TEXTS, ids=ascii)
def test_text_stays_text_as_key_and_as_value(text: str) -> None:
    raw = config_map({text: text, "list": [text, [text], {text: text}]})
    assert read_back(dump(raw)) == [raw]


def test_equal_parts_are_written_in_full() -> None:
    labels = {"app": "web"}
    text = dump(config_map({"one": labels, "two": labels}))
    assert "&" not in text
    assert text.count("app: web") == 2


def test_several_lines_stay_several_lines() -> None:
    assert "|\n    first\n    second\n" in dump(config_map({"script": "first\nsecond\n"}))


def test_fields_keep_their_order() -> None:
    assert dump({"kind": "B", "apiVersion": "v1", "a": 1}) == "kind: B\napiVersion: v1\na: 1\n"


def test_all_objects_are_written_in_input_order_those_without_a_patch_unchanged() -> None:
    review = judged(HPA, GPU_POD, DEPLOYMENT)
    back = read_back("".join(mutated(review.results)))
    assert [one["kind"] for one in back] == ["HorizontalPodAutoscaler", "Pod", "Deployment"]
    before = [result.raw for result in review.results]
    assert back[0] == before[0]
    assert back[2] == before[2]
    assert back[1] == jsonpatch.apply_patch(before[1], review.results[1].object_patch)
    assert back[1] != before[1]


def test_objects_whose_pods_are_assembled_are_written_as_they_are() -> None:
    nim = "apiVersion: apps.nvidia.com/v1alpha1\nkind: NIMService\nmetadata: {name: a}\nspec: {}\n"
    review = judged(nim)
    assert review.mutated == 1
    assert read_back("".join(mutated(review.results))) == [review.results[0].raw]


def test_what_was_judged_is_not_changed() -> None:
    (result,) = judged(GPU_POD).results
    before = json.dumps(result.raw)
    patched(result)
    assert json.dumps(result.raw) == before


def test_a_second_run_changes_nothing() -> None:
    (text,) = mutated(judged(GPU_POD).results)
    assert list(mutated(judged(text).results)) == [text]

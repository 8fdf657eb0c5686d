import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.core.review import BadReview, read_review
from webhook.server.body import MOST_LEVELS, decode, shallow

LEAVES = st.none() | st.booleans() | st.integers() | st.text()
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)
ASKED = {"uid": "1", "operation": "CREATE", "kind": {"kind": "Pod"}, "object": {}}
REVIEW = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
LAYOUTS = st.sampled_from(
    [
        {},
        {"ensure_ascii": False},
        {"indent": 2},
        {"separators": (",", ":")},
    ]
)


def without_depths(value: Any, levels: int) -> Any:
    """Say what `shallow` has to leave, on decoded JSON."""
    if isinstance(value, dict | list) and levels == 0:
        return None
    if isinstance(value, dict):
        return {name: without_depths(member, levels - 1) for name, member in value.items()}
    if isinstance(value, list):
        return [without_depths(member, levels - 1) for member in value]
    return value


@given(JSON, LAYOUTS)
def test_what_is_not_deep_stays_as_it_is(value: Any, layout: dict[str, Any]) -> None:
    body = json.dumps(value, **layout).encode(errors="surrogatepass")
    assert shallow(body) == body


@given(JSON, LAYOUTS, st.integers(0, 4))
def test_exactly_what_is_deeper_becomes_null(
    value: Any, layout: dict[str, Any], levels: int
) -> None:
    body = json.dumps(value, **layout).encode()
    assert json.loads(shallow(body, levels)) == without_depths(value, levels)


@given(JSON)
def test_decodes_as_the_standard_library_does(value: Any) -> None:
    body = json.dumps(value).encode()
    assert decode(body) == json.loads(body)


@given(st.binary(max_size=200))
def test_rubbish_ends_in_one_of_two_ways(body: bytes) -> None:
    shallow(body, 2)
    try:
        decode(body)
    except BadReview as error:
        assert str(error).startswith("the body is no JSON: ")  # noqa: PT017 - decoding may also succeed


@pytest.mark.parametrize(
    "string", ['"[[[["', r'"\"[["', r'"\\"', r'"\\\"]]"', '"{"', r'"\u005b\\\\"']
)
def test_brackets_in_strings_do_not_count(string: str) -> None:
    body = f'[{string},[[1]],{{"a":{string}}}]'.encode()
    assert shallow(body, 3) == body
    assert json.loads(shallow(body, 1)) == [json.loads(string), None, None]


def test_deep_json_becomes_decodable() -> None:
    body = b'{"a":' * 5000 + b"1" + b"}" * 5000
    with pytest.raises(RecursionError):
        decode(body)
    left = decode(shallow(body))
    for _ in range(MOST_LEVELS):
        left = left["a"]
    assert left is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 1_000_000, id="brackets"),
        pytest.param(b'"' + b"\\" * 1_000_001, id="backslashes"),
        pytest.param(b'["' + b'\\"' * 500_000, id="escaped quotes in an open string"),
        pytest.param(b'"' * 1_000_001, id="quotes"),
    ],
)
def test_hostile_body_takes_linear_time(body: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(BadReview):
        decode(shallow(body))
    assert time.process_time() - begun < 5, "a quadratic scan takes minutes"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Input data was truncated (at its end, byte 0)"),
        (b'{"a": 1', "Input data was truncated (at its end, byte 7)"),
        (b"[1, NaN]", "invalid character (byte 4)"),
        (b"[1] 2", "trailing characters (byte 5)"),
        (b'{"a": "\xff"}', "invalid UTF-8 (byte 7)"),
        (b"[1e999]", "Number out of range - at `$[0]`"),
    ],
)
def test_says_where_it_is_no_json(body: bytes, message: str) -> None:
    with pytest.raises(BadReview) as caught:
        decode(body)
    assert str(caught.value).startswith("the body is no JSON: ")
    assert str(caught.value).endswith(message)


LONG = "x" * 10_000


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 900 + b"1e999" + b"]" * 900,
        json.dumps({"kind": LONG}).encode(),
        json.dumps({"kind": "AdmissionReview", "apiVersion": [[LONG] * 9]}).encode(),
        json.dumps(REVIEW | {"request": ASKED | {"operation": LONG}}).encode(),
        json.dumps(REVIEW | {"request": ASKED | {"kind": {"kind": LONG, "group": LONG}}}).encode(),
        json.dumps(REVIEW | {"request": ASKED | {"object": {"kind": LONG + "\n"}}}).encode(),
    ],
)
def test_a_refusal_quotes_a_few_words_since_it_is_logged(body: bytes) -> None:
    with pytest.raises(BadReview) as caught:
        read_review(decode(body))
    assert len(str(caught.value)) < 500


def test_of_members_with_one_name_the_last_counts() -> None:
    assert decode(b'{"a": 1, "a": 2}') == {"a": 2}

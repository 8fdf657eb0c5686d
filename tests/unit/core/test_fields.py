from typing import Any

import pytest

from webhook.core.fields import annotation, decoded


@pytest.mark.parametrize(
    ("base64", "expected"), [("YQ==", b"a"), ("", b""), ("YQ", b""), ("%", b""), ("é", b"")]
)
def test_what_is_no_base64_is_nothing(base64: str, expected: bytes) -> None:
    assert decoded(base64) == expected


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"annotations": {"a": "b"}}, "b"),
        ({"annotations": {"a": ""}}, ""),
        ({"annotations": {"a": True}}, None),
        ({"annotations": ["a"]}, None),
        ({}, None),
        (None, None),
    ],
)
def test_an_annotation_is_a_text_or_nothing(metadata: Any, expected: str | None) -> None:
    assert annotation({"metadata": metadata}, "a") == expected

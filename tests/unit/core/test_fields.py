import pytest

from webhook.core.fields import decoded


@pytest.mark.parametrize(
    ("base64", "expected"), [("YQ==", b"a"), ("", b""), ("YQ", b""), ("%", b""), ("é", b"")]
)
def test_what_is_no_base64_is_nothing(base64: str, expected: bytes) -> None:
    assert decoded(base64) == expected

"""Decode the body of a request, however deep it is."""

from typing import Any

import msgspec

from webhook.core.levels import MOST_LEVELS, shallow
from webhook.core.review import BadReview

# A fault names its place, which is as long as the body is deep.
_MOST_CHARACTERS = 200

__all__ = ["MOST_LEVELS", "decode", "shallow"]


def decode(body: bytes) -> Any:
    """Decode JSON; of members with the same name the last counts.

    Raises `BadReview` with the position for whatever is no JSON (NaN and invalid UTF-8 included),
    and `RecursionError` for JSON that is too deep: `shallow` makes it decodable.
    """
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise BadReview(f"the body is no JSON: invalid UTF-8 (byte {_invalid(body)})") from error
    except msgspec.DecodeError as error:
        where = f" (at its end, byte {len(body)})" if "truncated" in str(error) else ""
        raise BadReview(f"the body is no JSON: {error!s:.{_MOST_CHARACTERS}}{where}") from error


def _invalid(body: bytes) -> int:
    """Return where in the body UTF-8 ends; the decoder only knows where in a string."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(body)

"""JSON that is nested deeper than anything that is judged."""

import re

# Nothing that is judged lies deeper: a pod inside a List inside a review is about 15 levels down,
# the schema of a custom resource some 30 more.
MOST_LEVELS = 128

# A whole string (its closing quote may be missing: then the body ends in it), or a bracket. The
# possessive quantifiers keep it linear: a string is read once, whatever is in it.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
_OPEN = frozenset(b"[{")
_QUOTE = ord('"')


def shallow(body: bytes, levels: int = MOST_LEVELS) -> bytes:
    """Replace by null every list and object that is nested deeper than `levels`.

    Linear: 0.3 s for each MiB that consists of nothing but brackets, which no API server sends.

    The API server passes JSON that is nested up to 10,000 deep, in `metadata.managedFields` for
    example, where a user may write it. No rule reads there; but a webhook that fails over it can be
    got around where failurePolicy is Ignore. What is cut is not checked to be JSON.
    """
    kept: list[bytes] = []
    depth = start = 0
    for token in _TOKEN.finditer(body):
        first = body[token.start()]
        if first == _QUOTE:
            continue
        if first in _OPEN:
            depth += 1
            if depth == levels + 1:
                kept += body[start : token.start()], b"null"
        else:
            depth -= 1
            if depth == levels:
                start = token.end()
    if depth <= levels:
        kept.append(body[start:])
    return b"".join(kept)

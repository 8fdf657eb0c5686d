"""Any body is a review, or refused in a sentence; what is JSON reads as everybody else reads it."""

import json
import math
from typing import Any

from tests.cases.check import review_of
from tests.fuzz.mutation import by_pieces, by_structure, either
from tests.fuzz.target import Target, encoded
from webhook.core.review import BadReview, Request, read_review
from webhook.server.body import decode, shallow

WORDS = [
    *('{"', '":', "[", "]", "{", "}", ",", '"', "\\", "\\u0000", "\\ud800", "\\u00e9", "null"),
    *("true",),
    *("1e999", "-0", "NaN", "18446744073709551616", "0.1e-400", "[" * 1500, '{"a":' * 600),
    *("\ufeff",),
    *('"uid":1', '"operation":"CREATE"', '"request":{}', '"kind":"AdmissionReview",', "\x00"),
    *("\udc80",),
]  # fmt: skip
LONGEST_SENTENCE = 1000


def seeds() -> list[bytes]:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"\u00e9": "\n"}}}
    target = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {}}
    return [encoded(one) for one in (review_of(pod), review_of(target, target), {}, [1.5, None])]


def run(data: bytes) -> None:
    try:
        asked = _asked(data)
    except BadReview as error:
        said = str(error)
    else:
        _assert_typed(asked)
        return
    assert 0 < len(said) <= LONGEST_SENTENCE, len(said)


def _assert_typed(asked: Request) -> None:
    assert asked.uid
    for text in (asked.uid, asked.namespace, asked.name, asked.user, asked.sub_resource):
        assert isinstance(text, str)
    assert isinstance(asked.object, dict)
    assert isinstance(asked.old_object, dict)


def _asked(data: bytes) -> Request:
    """As the server does it (`Admission._review`)."""
    try:
        body = decode(data)
        assert _equal(body, json.loads(data))
        return read_review(body)
    except RecursionError:
        return read_review(decode(shallow(data)))


def _equal(ours: Any, theirs: Any) -> bool:
    """Whether two decoders read the same; integers beyond 64 bits may be floats."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_equal(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_equal, ours, theirs))
    if isinstance(ours, float) and type(theirs) is int:
        return abs(theirs) >= 2**63 and math.isclose(ours, theirs)
    return type(ours) is type(theirs) and bool(ours == theirs)


TARGET = Target(
    run=run,
    seeds=seeds,
    mutate=either(by_structure, by_pieces(WORDS)),
    share=1500,
)

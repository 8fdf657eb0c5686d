from typing import Any

import pytest

from tests.unit.core.pods import pod, recognised
from webhook.core.mutations import Mutation
from webhook.core.mutations.marks import mark
from webhook.core.patch import Addition

LABEL = ("metadata", "labels", "scaleguard.io/workload-class")
ANNOTATION = ("metadata", "annotations", "scaleguard.io/mutations")


def marked(metadata: Any, *briefs: str) -> dict[tuple[str | int, ...], Any]:
    raw = pod(metadata=metadata)
    made = mark(raw, recognised(raw), [Mutation(brief=brief) for brief in briefs])
    assert (made.brief, made.notes) == ("", ())
    return {addition.path: addition.value for addition in made.additions}


def test_a_pod_that_needs_nothing_is_only_labelled() -> None:
    assert marked({}) == marked({}, "", "") == {LABEL: "inference"}


def test_what_the_others_do_is_said_in_one_line() -> None:
    said = marked({}, "tolerations: a", "", "requests: b")[ANNOTATION]
    assert said == "tolerations: a; requests: b"


@pytest.mark.parametrize(
    ("earlier", "said"),
    [("tolerations: a", "tolerations: a; requests: b"), ("", "requests: b"), (5, "requests: b")],
)
def test_what_an_earlier_round_did_is_kept(earlier: Any, said: str) -> None:
    metadata = {"annotations": {"scaleguard.io/mutations": earlier}}
    assert marked(metadata, "requests: b")[ANNOTATION] == said


def test_additions_are_all_that_marks_make() -> None:
    raw = pod()
    made = mark(raw, recognised(raw), [])
    assert made == Mutation((Addition(LABEL, "inference"),))

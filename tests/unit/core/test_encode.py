from typing import Any

from webhook.core.decide import Decision
from webhook.core.encode import MOST_WARNING_RUNES, encode
from webhook.core.finding import Action, Finding
from webhook.core.fit import Fitting
from webhook.core.review import read_review


def answer(decision: Decision) -> dict[str, Any]:
    pod = {"apiVersion": "v1", "kind": "Pod"}
    asked = {"uid": "1", "operation": "CREATE", "kind": {"kind": "Pod"}, "object": pod}
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": asked}
    response: dict[str, Any] = encode(read_review(body), decision)["response"]
    return response


def test_notes_are_warnings_behind_those_of_findings() -> None:
    warned = Finding("a-rule", Action.WARN, "two\nlines", "")
    decision = Decision(allowed=True, findings=(warned,), fitting=Fitting([], (), ("noted", "too")))
    expected = ["[a-rule] two lines", "scaleguard: noted", "scaleguard: too"]
    assert answer(decision)["warnings"] == expected


def test_findings_and_notes_have_one_bound_together() -> None:
    long = "x" * (MOST_WARNING_RUNES - 100)
    warned = Finding("a-rule", Action.WARN, long, "")
    decision = Decision(allowed=True, findings=(warned,), fitting=Fitting([], (), ("n" * 100, "n")))
    assert answer(decision)["warnings"] == [f"[a-rule] {long}"]


def test_a_single_note_that_is_too_long_is_cut() -> None:
    decision = Decision(allowed=True, fitting=Fitting([], (), ("n" * 5000,)))
    (note,) = answer(decision)["warnings"]
    assert len(note) == MOST_WARNING_RUNES

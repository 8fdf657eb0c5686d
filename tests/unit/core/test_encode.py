from typing import Any

from webhook.core.decide import Decision, decision_id
from webhook.core.encode import MOST_ANNOTATION_CHARACTERS, MOST_WARNING_RUNES, encode
from webhook.core.finding import Action, Finding
from webhook.core.fit import Fitting
from webhook.core.mode import Mode
from webhook.core.objects import ObjectRef
from webhook.core.review import read_review


def answer(decision: Decision) -> dict[str, Any]:
    pod = {"apiVersion": "v1", "kind": "Pod"}
    asked = {"uid": "1", "operation": "CREATE", "kind": {"kind": "Pod"}, "object": pod}
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": asked}
    response: dict[str, Any] = encode(read_review(body), decision)["response"]
    return response


def test_who_is_asked_to_come_back_is_not_denied() -> None:
    response = answer(Decision(allowed=False, ask_again="another one is in flight"))
    assert response == {
        "uid": "1",
        "allowed": False,
        "status": {
            "status": "Failure",
            "code": 429,
            "reason": "TooManyRequests",
            "message": "scaleguard: another one is in flight; ask again in a second",
            "details": {"retryAfterSeconds": 1},
        },
    }


def test_notes_are_warnings_behind_those_of_findings() -> None:
    warned = Finding("a-rule", Action.WARN, "two\nlines\x1b\u2028\u202e", "")
    decision = Decision(allowed=True, findings=(warned,), fitting=Fitting([], (), ("noted", "too")))
    expected = ["[a-rule] two lines   ", "scaleguard: noted", "scaleguard: too"]
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


PATCHING = Fitting([{"op": "add", "path": "/x", "value": 1}], ("x: 1", "y: 2"), ("noted",))


def test_mode_audit_says_in_the_audit_log_alone_what_it_would_do() -> None:
    quiet = answer(Decision(allowed=True, fitting=PATCHING, notes=("told",), mode=Mode.AUDIT))
    assert quiet == {
        "uid": "1",
        "allowed": True,
        "auditAnnotations": {
            "decision": decision_id("1"),
            "mode": "audit",
            "would": "patch",
            "patch": "x: 1; y: 2",
        },
    }
    loud = answer(Decision(allowed=True, fitting=PATCHING, notes=("told",), mode=Mode.WARN))
    assert loud["patch"]
    assert loud["warnings"] == ["scaleguard: told", "scaleguard: noted"]
    assert "auditAnnotations" not in loud


def test_what_is_found_and_not_said_is_in_the_audit_log() -> None:
    web = ObjectRef("apps/v1", "Deployment", "shop", "web")
    findings = (
        Finding("a-rule", Action.AUDIT, "wrong\nhere", "mend it", exempted_by=web),
        Finding("b-rule", Action.AUDIT, "x" * 5000, "", would=Action.DENY),
        Finding("c-rule", Action.DENY, "refused", ""),
    )
    annotations = answer(Decision(allowed=False, findings=findings))["auditAnnotations"]
    assert annotations["exempted"] == "a-rule by Deployment shop/web"
    assert annotations["would"] == "deny"
    said = annotations["findings"]
    assert said.startswith("[a-rule] wrong here; fix: mend it; [b-rule] xxx")
    assert len(said) == MOST_ANNOTATION_CHARACTERS
    assert "c-rule" not in said
    assert annotations["denied"] == "[c-rule] refused"


def test_what_is_said_is_in_no_audit_annotation() -> None:
    warned = Finding("a-rule", Action.WARN, "doubtful", "")
    assert "auditAnnotations" not in answer(Decision(allowed=True, findings=(warned,)))


def test_what_is_refused_is_in_the_audit_log_without_passwords() -> None:
    denied = Finding("a-rule", Action.DENY, "x://ada:secret@h is\nwrong", "mend it")
    annotations = answer(Decision(allowed=False, findings=(denied,)))["auditAnnotations"]
    assert annotations == {
        "decision": decision_id("1"),
        "mode": "enforce",
        "denied": "[a-rule] x://h is wrong; fix: mend it",
    }
    invalid = answer(Decision(allowed=False, invalid="no pod"))["auditAnnotations"]
    assert invalid["denied"] == "no pod"

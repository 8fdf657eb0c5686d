"""AdmissionReview v1 out."""

import base64
import json
from collections.abc import Iterable
from typing import Any

from webhook.core.decide import Decision, decision_id
from webhook.core.finding import Action, Finding
from webhook.core.review import API_VERSION, KIND, Request

# The API server shows at most 4,096 runes of warnings in all, and cuts single ones at 256 when they
# do not fit (k8s.io/apiserver pkg/endpoints/filters/warning.go).
MOST_WARNING_RUNES = 4096
# What a denial's message may hold: 100 findings of a long sentence; etcd's limit is far away.
MOST_MESSAGE_RUNES = 65536

FORBIDDEN = 403
UNPROCESSABLE = 422


def encode(request: Request, decision: Decision) -> dict[str, Any]:
    """Write the AdmissionReview that answers a request."""
    response: dict[str, Any] = {"uid": request.uid, "allowed": decision.allowed}
    number = decision_id(request.uid)
    if decision.invalid is not None:
        response["status"] = _status(
            UNPROCESSABLE, "Invalid", f"{decision.invalid}; decision {number}"
        )
    elif not decision.allowed:
        response["status"] = _status(FORBIDDEN, "Forbidden", denial(decision.findings, number))
    warnings = _bounded(
        finding.sentence() for finding in decision.findings if finding.action is Action.WARN
    )
    if decision.fitting is not None:
        warnings += [f"scaleguard: {note}" for note in decision.fitting.notes]
        if decision.fitting.patch:
            response["patchType"] = "JSONPatch"
            patch = json.dumps(decision.fitting.patch, separators=(",", ":"))
            response["patch"] = base64.b64encode(patch.encode()).decode()
    if warnings:
        response["warnings"] = warnings
    return {"apiVersion": API_VERSION, "kind": KIND, "response": response}


def denial(findings: Iterable[Finding], number: str) -> str:
    """Write one line that stands alone in a terminal: every denied finding, the decision's id."""
    sentences = [finding.sentence() for finding in findings if finding.action is Action.DENY]
    message = "; ".join(sentences).replace("\n", " ")
    return f"{message[:MOST_MESSAGE_RUNES]}; decision {number}"


def _status(code: int, reason: str, message: str) -> dict[str, Any]:
    return {"status": "Failure", "code": code, "reason": reason, "message": message}


def _bounded(sentences: Iterable[str]) -> list[str]:
    """Keep whole warnings as long as all of them fit; the first is cut rather than left out."""
    kept: list[str] = []
    left = MOST_WARNING_RUNES
    for sentence in sentences:
        line = sentence.replace("\n", " ")[:left]
        if len(line) < len(sentence) and kept:
            break
        kept.append(line)
        left -= len(line)
    return kept

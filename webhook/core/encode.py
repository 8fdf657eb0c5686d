"""AdmissionReview v1 out."""

import base64
import json
from collections.abc import Iterable, Iterator
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
    if decision.invalid is not None:
        response["status"] = _status(UNPROCESSABLE, "Invalid", decision.invalid, request)
    elif not decision.allowed:
        response["status"] = _status(FORBIDDEN, "Forbidden", _denial(decision.findings), request)
    if decision.fitting is not None and decision.fitting.patch:
        response["patchType"] = "JSONPatch"
        patch = json.dumps(decision.fitting.patch, separators=(",", ":"))
        response["patch"] = base64.b64encode(patch.encode()).decode()
    if warnings := _bounded(_warnings(decision)):
        response["warnings"] = warnings
    return {"apiVersion": API_VERSION, "kind": KIND, "response": response}


def _denial(findings: Iterable[Finding]) -> str:
    """Write every denied finding, as one line that stands alone in a terminal."""
    sentences = [finding.sentence() for finding in findings if finding.action is Action.DENY]
    return "; ".join(sentences).replace("\n", " ")[:MOST_MESSAGE_RUNES]


def _warnings(decision: Decision) -> Iterator[str]:
    for finding in decision.findings:
        if finding.action is Action.WARN:
            yield finding.sentence()
    for note in decision.fitting.notes if decision.fitting is not None else ():
        yield f"scaleguard: {note}"


def _status(code: int, reason: str, message: str, request: Request) -> dict[str, Any]:
    message = f"{message}; decision {decision_id(request.uid)}"
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

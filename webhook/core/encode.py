"""AdmissionReview v1 out."""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

from webhook.core.decide import Decision, decision_id
from webhook.core.finding import Action, Finding
from webhook.core.one_line import one_line
from webhook.core.review import API_VERSION, KIND, Request
from webhook.core.scrub import scrubbed

# The API server shows at most 4,096 runes of warnings in all, and cuts single ones at 256 when they
# do not fit (k8s.io/apiserver pkg/endpoints/filters/warning.go).
MOST_WARNING_RUNES = 4096
# What a denial's message may hold: 100 findings of a long sentence; etcd's limit is far away.
MOST_MESSAGE_RUNES = 65536

# Of each audit annotation. Nothing bounds them but the size of an event: a log of 100,000 lines of
# them should stay readable.
MOST_ANNOTATION_CHARACTERS = 4096

FORBIDDEN = 403
UNPROCESSABLE = 422
TOO_MANY_REQUESTS = 429

# The API server makes a Retry-After of it, and clients that are made of client-go come back by
# themselves, ten times, without a word.
RETRY_AFTER_SECONDS = 1

_COMPACT = json.JSONEncoder(separators=(",", ":")).encode


def encode(request: Request, decision: Decision) -> dict[str, Any]:
    """Write the AdmissionReview that answers a request."""
    response: dict[str, Any] = {"uid": request.uid, "allowed": decision.allowed}
    if decision.invalid is not None:
        response["status"] = _status(UNPROCESSABLE, "Invalid", decision.invalid, request)
    elif decision.ask_again is not None:
        response["status"] = _come_back(decision.ask_again)
    elif not decision.allowed:
        response["status"] = _status(FORBIDDEN, "Forbidden", _denial(decision.findings), request)
    if decision.patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(_COMPACT(decision.patch).encode()).decode()
    if warnings := _bounded(_warnings(decision)):
        response["warnings"] = warnings
    if annotations := _audit(request, decision):
        response["auditAnnotations"] = annotations
    return {"apiVersion": API_VERSION, "kind": KIND, "response": response}


def _denial(findings: Iterable[Finding]) -> str:
    """Write every denied finding, as one line that stands alone in a terminal."""
    sentences = [finding.sentence() for finding in findings if finding.action is Action.DENY]
    return one_line("; ".join(sentences))[:MOST_MESSAGE_RUNES]


def _warnings(decision: Decision) -> Iterator[str]:
    for finding in decision.findings:
        if finding.action is Action.WARN:
            yield finding.sentence()
    if not decision.mode.acts:
        return
    for note in decision.notes:
        yield f"scaleguard: {note}"
    for note in decision.fitting.notes if decision.fitting is not None else ():
        yield f"scaleguard: {note}"


def _audit(request: Request, decision: Decision) -> dict[str, str]:
    """Write for the API server's audit log what was refused, and what the answer does not show."""
    silent = [finding for finding in decision.findings if finding.action is Action.AUDIT]
    denied = _refused(decision)
    if not silent and not denied and decision.would is None:
        return {}
    exempted = [f"{one.rule} by {one.exempted_by}" for one in silent if one.exempted_by is not None]
    said = {
        "decision": decision_id(request.uid),
        "mode": decision.mode.value,
        "would": decision.would or "",
        "denied": denied,
        "findings": "; ".join(finding.sentence() for finding in silent),
        "exempted": ", ".join(exempted),
        "patch": "; ".join(decision.fitting.brief)
        if decision.fitting is not None and not decision.patch
        else "",
    }
    return {
        key: scrubbed(one_line(value))[:MOST_ANNOTATION_CHARACTERS]
        for key, value in said.items()
        if value
    }


def _refused(decision: Decision) -> str:
    """Say why a request was refused; empty for one that was not, or is to come back."""
    return decision.invalid if decision.invalid is not None else _denial(decision.findings)


def _status(code: int, reason: str, message: str, request: Request) -> dict[str, Any]:
    message = f"{message}; decision {decision_id(request.uid)}"
    return {"status": "Failure", "code": code, "reason": reason, "message": message}


def _come_back(why: str) -> dict[str, Any]:
    """Ask to come back: no denial, so there is no decision to be found in the audit."""
    return {
        "status": "Failure",
        "code": TOO_MANY_REQUESTS,
        "reason": "TooManyRequests",
        "message": f"scaleguard: {why}; ask again in a second",
        "details": {"retryAfterSeconds": RETRY_AFTER_SECONDS},
    }


def _bounded(sentences: Iterable[str]) -> list[str]:
    """Keep whole warnings as long as all of them fit; the first is cut rather than left out."""
    kept: list[str] = []
    left = MOST_WARNING_RUNES
    for sentence in sentences:
        line = one_line(sentence)[:left]
        if len(line) < len(sentence) and kept:
            break
        kept.append(line)
        left -= len(line)
    return kept

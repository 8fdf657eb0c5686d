"""One structured record for each decision that somebody may ask about. Never the object itself."""

import logging
from typing import Any

from webhook.core.decide import Decision, decision_id
from webhook.core.fields import mapping, text
from webhook.core.one_line import one_line
from webhook.core.review import Request
from webhook.core.scrub import scrubbed

LOGGER = "scaleguard.decisions"

_log = logging.getLogger(LOGGER)


def record(request: Request, decision: Decision) -> None:
    """Log a denial, a warning, an audit finding or a mutation; nothing for what simply passed."""
    if not _log.isEnabledFor(logging.INFO):
        return
    message = _message(decision)
    if not message:
        return
    # In one field: `name` and `message` are names that logging keeps for itself.
    said = {"decision": _fields(request, decision, message)}
    # Not by `info`, which would look for the line that it was called from.
    _log.handle(_log.makeRecord(LOGGER, logging.INFO, __file__, 0, message, (), None, None, said))


def _fields(request: Request, decision: Decision, message: str) -> dict[str, Any]:
    metadata = mapping(request.object, "metadata")
    return {
        "id": decision_id(request.uid),
        "operation": request.operation,
        "group": request.group_kind.group,
        "kind": request.group_kind.kind,
        "namespace": request.namespace,
        "name": request.name or text(metadata, "name") or text(metadata, "generateName"),
        "user": request.user,
        "allowed": decision.allowed,
        "mode": decision.mode.value,
        "would": decision.would,
        "rules": list(dict.fromkeys(finding.rule for finding in decision.findings)),
        "exempted": [
            {"rule": finding.rule, "by": str(finding.exempted_by)}
            for finding in decision.findings
            if finding.exempted_by is not None
        ],
        "message": message,
        "dry_run": request.dry_run,
    }


def _message(decision: Decision) -> str:
    said = [decision.invalid] if decision.invalid is not None else []
    said += [finding.sentence() for finding in decision.findings]
    said += decision.notes
    if decision.fitting is not None:
        said += decision.fitting.notes
        said += decision.fitting.brief if decision.fitting.patch else ()
    return scrubbed(one_line("; ".join(said)))

"""What the webhook says of itself at /readyz."""

from http import HTTPStatus

import msgspec

from webhook.core.fields import mapping, sequence, text
from webhook.doctor.calling import why_not_called
from webhook.doctor.installation import Installation
from webhook.doctor.verdict import Verdict, fault, ok, warning


def judge_readiness(
    status: int, body: bytes, installation: Installation, where: str
) -> list[Verdict]:
    """Judge an answer to /readyz, or that of an API server that could not ask."""
    said = _decoded(body)
    reasons = [str(one) for one in sequence(said, "reasons")]
    if status == HTTPStatus.OK and text(said, "status") == "ok":
        remarks = [str(one) for one in sequence(said, "remarks")]
        if remarks:
            return [warning(f"{where}: ready; {one}") for one in remarks]
        return [ok(f"{where}: ready")]
    fix = "docs/troubleshooting.md#not-ready explains each reason"
    command = f"kubectl -n {installation.namespace} logs deployment/{installation.name} --tail=50"
    if reasons:
        return [fault(f"{where}: not ready: {one}", fix, command) for one in reasons]
    message = text(said, "message") or text(said, "error") or body.decode(errors="replace")[:200]
    return [judge_silence(f"{where}: {message or f'HTTP {status}'}", installation)]


def judge_silence(message: str, installation: Installation) -> Verdict:
    """Judge a call that had no answer."""
    why = why_not_called(message, installation)
    return fault(f"{why.said}: {message}", why.fix, why.command)


def _decoded(body: bytes) -> dict[str, object]:
    try:
        return dict(mapping({"it": msgspec.json.decode(body)}, "it"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}

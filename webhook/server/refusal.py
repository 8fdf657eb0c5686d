"""Answers of the webhook that are no AdmissionReview, beside those of every server."""

from http import HTTPStatus

from webhook.serving.refusal import BAD_REQUEST, Refusal


def bad_request(error: str) -> Refusal:
    """Refuse what is no AdmissionReview."""
    fix = "send an AdmissionReview of admission.k8s.io/v1 as the API server does"
    return Refusal(HTTPStatus.BAD_REQUEST, BAD_REQUEST, error, fix)


def too_large(most_bytes: int) -> Refusal:
    """Refuse a body that no API server sends."""
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        BAD_REQUEST,
        f"the body is larger than {most_bytes:,} bytes",
        "send one object at a time; the API server itself accepts none that does not fit",
    )


def cannot_judge(reason: str) -> Refusal:
    """Fail the call, so that the webhook configuration's failurePolicy decides."""
    error = f"no judgement could be had: {reason}"
    fix = "see the log of the webhook; meanwhile failurePolicy decides what is admitted"
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "cannot_judge", error, fix)


def broken() -> Refusal:
    """Fail the call for a fault of ours; what happened is for the log alone."""
    error = "the webhook failed on this request, by a fault of its own"
    fix = "see the traceback in the log of the webhook, and report it"
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "error", error, fix)

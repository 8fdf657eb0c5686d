"""Answers of the audit's server to what it does not do."""

from http import HTTPStatus
from typing import Final

from webhook.serving.body import MIB
from webhook.serving.refusal import BAD_REQUEST, Refusal

MOST_BYTES: Final = 8 * MIB
"""Of a delivery: some thousands of records, or a hundred thousand decisions that fold."""

UNAUTHORIZED: Final = "unauthorized"
FORBIDDEN: Final = "forbidden"
UNAVAILABLE: Final = "unavailable"


def bad_request(error: str) -> Refusal:
    """Refuse what is no delivery and no question."""
    fix = "see what is sent and asked in docs/audit.md"
    return Refusal(HTTPStatus.BAD_REQUEST, BAD_REQUEST, error, fix)


def too_large() -> Refusal:
    """Refuse a delivery that is larger than anybody of ours makes."""
    error = f"the delivery is larger than {MOST_BYTES:,} bytes"
    fix = "deliver fewer records at a time"
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, BAD_REQUEST, error, fix)


def no_token() -> Refusal:
    """Refuse who does not say who they are."""
    error = "there is no bearer token"
    fix = "send Authorization: Bearer …, with a token of the audience scaleguard-audit"
    return Refusal(HTTPStatus.UNAUTHORIZED, UNAUTHORIZED, error, fix)


def bad_token() -> Refusal:
    """Refuse a token that the API server does not know, or that is for somebody else."""
    error = "the API server does not take this token for the audience scaleguard-audit"
    fix = "make one: kubectl create token SERVICEACCOUNT --audience scaleguard-audit"
    return Refusal(HTTPStatus.UNAUTHORIZED, UNAUTHORIZED, error, fix)


def no_writer(user: str) -> Refusal:
    """Refuse a delivery of somebody who is none of --writers."""
    error = f"{user} may not deliver records"
    fix = "name who may with --writers: system:serviceaccount:NAMESPACE:NAME"
    return Refusal(HTTPStatus.FORBIDDEN, FORBIDDEN, error, fix)


def no_reader(user: str, verb: str, namespace: str) -> Refusal:
    """Refuse to show what somebody has no right to see."""
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    error = f"{user} may not {verb} findings.scaleguard.io {where}"
    fix = "ask for that right, or name with namespace= one in which you have it"
    return Refusal(HTTPStatus.FORBIDDEN, FORBIDDEN, error, fix)


def not_known(decision: str) -> Refusal:
    """Say that a decision is not known here, or not to be shown: one answer for both."""
    error = f"no decision {decision} is known here that you may see"
    fix = "see whether it is older than what is kept, and whether you may read its namespace"
    return Refusal(HTTPStatus.NOT_FOUND, "not_found", error, fix)


def store_away() -> Refusal:
    """Ask to come back: the store does not answer."""
    error = "the store does not answer"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE, error, _AGAIN)


def cannot_tell(reason: str) -> Refusal:
    """Ask to come back: the API server does not say who this is."""
    error = f"the API server does not say who this is and what they may: {reason}"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE, error, _AGAIN)


def broken() -> Refusal:
    """Fail for a fault of ours; what happened is for the log alone."""
    error = "the audit failed on this request, by a fault of its own"
    fix = "see the traceback in the log of scaleguard audit, and report it"
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "error", error, fix)


_AGAIN: Final = "ask again in a second; where it stays so, see the log of scaleguard audit"

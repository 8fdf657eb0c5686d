"""What takes the place of a bundle that is due, where it is ours to make; pure but for keys."""

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding

from certs.authority import AUTHORITY_NAME, Names, issue_leaf, make_authority
from certs.inspection import inspect
from certs.pair import Bundle, Pair, fault, parse_certificate
from certs.plan import Keep, RenewAuthority, plan

_OURS = f"CN={AUTHORITY_NAME}"


class NotOursError(Exception):
    """What is there cannot be served, and somebody else made it; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """A bundle that takes the place of another one, and why."""

    bundle: Bundle
    what: str
    """`leaf` or `authority`."""
    reason: str


def renewed(bundle: Bundle, names: Names, now: datetime, trusted: bytes = b"") -> Renewal | None:
    """Return what has to take the bundle's place now; None where it is good.

    `trusted` is the authority that clients know, for where the bundle has lost it. A leaf without
    the authority's key is somebody's own, and good as long as it can be served.
    Raises `NotOursError` rather than take the place of what somebody else made.
    """
    if not bundle.authority.key and not bundle.leaf.is_absent:
        reason = fault(bundle.leaf, "tls", now)
        if reason is None:
            return None
        if not _is_leaf_ours(bundle):
            raise NotOursError(
                f"{reason}; tls.crt and tls.key without ca.key are taken for yours and not written "
                "over: renew them, or remove both to have a certificate made"
            )
    planned = plan(bundle, now, names)
    if isinstance(planned, Keep):
        return None
    if not isinstance(planned, RenewAuthority):
        leaf = issue_leaf(bundle.authority, names, now)
        return Renewal(Bundle(bundle.authority, leaf), "leaf", planned.reason)
    if parse_certificate(bundle.authority.certificate) and not _is_authority_ours(bundle):
        raise NotOursError(
            f"{planned.reason}, and ca.crt comes from elsewhere, so nothing is written over: renew "
            "it, or remove all four to have new ones made"
        )
    authority = make_authority(now)
    leaf = issue_leaf(authority, names, now)
    known = authority.certificate + _still_trusted((bundle.authority.certificate, trusted), now)
    return Renewal(Bundle(Pair(known, authority.key), leaf), "authority", planned.reason)


def _still_trusted(known: tuple[bytes, ...], now: datetime) -> bytes:
    """The authority before the new one: replicas serve its leaf until they have theirs."""
    for before in filter(None, map(parse_certificate, known)):
        if now < before.not_valid_after_utc:
            return before.public_bytes(Encoding.PEM)
    return b""


def _is_authority_ours(bundle: Bundle) -> bool:
    return inspect(bundle.authority.certificate).subject == _OURS


def _is_leaf_ours(bundle: Bundle) -> bool:
    leaf = parse_certificate(bundle.leaf.certificate)
    return leaf is not None and leaf.issuer.rfc4514_string() == _OURS

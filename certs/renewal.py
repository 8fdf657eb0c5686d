"""What takes the place of a bundle that is due, where it is ours to make; pure but for keys."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certs.authority import AUTHORITY_NAME, Names, issue_leaf, make_authority
from certs.pair import Bundle, Pair, fault, parse_certificate
from certs.plan import Keep, RenewLeaf, plan


class NotOursError(Exception):
    """What is there cannot be served, and somebody else made it; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """A bundle that takes the place of another one, and why."""

    bundle: Bundle
    what: str
    """`leaf` or `authority`."""
    reason: str


def renewed(bundle: Bundle, names: Names, now: datetime) -> Renewal | None:
    """Return what has to take the bundle's place now; None where it is good.

    A leaf without the authority's key is somebody's own, and good as long as it can be served; but
    one of ours that stands all alone has lost its authority.
    Raises `NotOursError` rather than take the place of what somebody else made, or sign with it.
    """
    if not bundle.authority.key and not bundle.leaf.is_absent:
        reason = fault(bundle.leaf, "tls", now)
        if reason is None:
            return None
        leaf = parse_certificate(bundle.leaf.certificate)
        if bundle.authority.certificate or leaf is None or not is_ours(leaf.issuer):
            raise NotOursError(
                f"{reason}; tls.crt and tls.key without ca.key are taken for yours and not written "
                "over: renew them, or remove both to have a certificate made here"
            )
    planned = plan(bundle, now, names)
    if isinstance(planned, Keep):
        return None
    _refuse_others(bundle, planned.reason)
    if isinstance(planned, RenewLeaf):
        renewal = Bundle(bundle.authority, issue_leaf(bundle.authority, names, now))
        return Renewal(renewal, "leaf", planned.reason)
    authority = make_authority(now)
    known = authority.certificate + still_trusted(bundle.authority.certificate, now)
    renewal = Bundle(Pair(known, authority.key), issue_leaf(authority, names, now))
    return Renewal(renewal, "authority", planned.reason)


def _refuse_others(bundle: Bundle, reason: str) -> None:
    authority = parse_certificate(bundle.authority.certificate)
    leaf = parse_certificate(bundle.leaf.certificate)
    for name, maker in (
        ("ca.crt", authority.subject if authority else None),
        ("tls.crt", leaf.issuer if leaf else None),
    ):
        if maker is not None and not is_ours(maker):
            raise NotOursError(
                f"{reason}, and {name} comes from another authority ({maker.rfc4514_string()}), so "
                "nothing is written over: remove ca.key to serve with your own tls.crt and tls.key,"
                " or remove all four files to have new ones made"
            )


def is_ours(name: x509.Name) -> bool:
    """Whether a name is that of an authority that was made here."""
    return any(
        attribute.value == AUTHORITY_NAME
        for attribute in name.get_attributes_for_oid(NameOID.COMMON_NAME)
    )


def still_trusted(pem: bytes, now: datetime) -> bytes:
    """Return the first certificate of a PEM text as long as it is valid; nothing after.

    Of an authority that is replaced: replicas serve its leaf until they have theirs.
    """
    before = parse_certificate(pem)
    if before is None or now >= before.not_valid_after_utc:
        return b""
    return before.public_bytes(Encoding.PEM)

"""What has to be done about a bundle now: keep it, renew its leaf, or renew its authority."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from certs.authority import Names
from certs.inspection import inspect
from certs.pair import Bundle, fault, parse_certificate


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing has to be done."""


@dataclass(frozen=True, slots=True)
class RenewLeaf:
    """The authority is good; the leaf is to be made anew."""

    reason: str


@dataclass(frozen=True, slots=True)
class RenewAuthority:
    """Authority and leaf are to be made anew; clients have to be told the new authority."""

    reason: str


Plan = Keep | RenewLeaf | RenewAuthority


def plan(bundle: Bundle, now: datetime, names: Names) -> Plan:
    """Decide about a bundle whose leaf has to be valid for `names`; the reason is one sentence."""
    reason = fault(bundle.authority, "ca", now) or age(bundle.authority.certificate, "ca", now)
    if reason is not None:
        return RenewAuthority(reason)
    reason = leaf_reason(bundle, now, names)
    return Keep() if reason is None else RenewLeaf(reason)


def leaf_reason(bundle: Bundle, now: datetime, names: Names) -> str | None:
    """Say why the leaf of a bundle has to be made anew; None where it is good."""
    return (
        fault(bundle.leaf, "tls", now)
        or _stranger(bundle)
        or _nameless(bundle.leaf.certificate, names)
        or age(bundle.leaf.certificate, "tls", now)
    )


def renewal_time(certificate: x509.Certificate) -> datetime:
    """Return when a certificate is due: after two thirds of its life, as cert-manager does it."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return start + (end - start) * 2 / 3


def age(pem: bytes, name: str, now: datetime) -> str | None:
    """Say that a certificate is due; None where it is not, and where there is none to read."""
    certificate = parse_certificate(pem)
    if certificate is None or now < renewal_time(certificate):
        return None
    return f"two thirds of the life of {name}.crt are over, which ends at {inspect(pem).not_after}"


def is_signed(bundle: Bundle) -> bool:
    """Whether the authority of a bundle signed its leaf."""
    leaf = parse_certificate(bundle.leaf.certificate)
    authority = parse_certificate(bundle.authority.certificate)
    return leaf is not None and authority is not None and is_issued(leaf, authority)


def is_issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether an authority signed a certificate itself."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _stranger(bundle: Bundle) -> str | None:
    return None if is_signed(bundle) else "tls.crt is not signed by ca.crt"


def _nameless(pem: bytes, names: Names) -> str | None:
    info = inspect(pem)
    has = {name.lower() for name in info.dns_names} | set(info.ip_addresses)
    missing = [str(name) for name in (*names.dns, *names.ip_addresses) if name not in has]
    return f"tls.crt is not valid for {', '.join(missing)}" if missing else None

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
    reason = fault(bundle.authority, "ca", now) or _age(bundle.authority.certificate, "ca", now)
    if reason is not None:
        return RenewAuthority(reason)
    reason = (
        fault(bundle.leaf, "tls", now)
        or _stranger(bundle)
        or _nameless(bundle.leaf.certificate, names)
        or _age(bundle.leaf.certificate, "tls", now)
    )
    return Keep() if reason is None else RenewLeaf(reason)


def renewal_time(certificate: x509.Certificate) -> datetime:
    """Return when a certificate is due: after two thirds of its life, as cert-manager does it."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return start + (end - start) * 2 / 3


def _age(pem: bytes, name: str, now: datetime) -> str | None:
    certificate = parse_certificate(pem)
    if certificate is None or now < renewal_time(certificate):
        return None
    return f"two thirds of the life of {name}.crt are over, which ends at {inspect(pem).not_after}"


def _stranger(bundle: Bundle) -> str | None:
    leaf = parse_certificate(bundle.leaf.certificate)
    authority = parse_certificate(bundle.authority.certificate)
    try:
        if leaf is not None and authority is not None:
            leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return "tls.crt is not signed by ca.crt"
    return None


def _nameless(pem: bytes, names: Names) -> str | None:
    info = inspect(pem)
    has = {name.lower() for name in info.dns_names} | set(info.ip_addresses)
    missing = [str(name) for name in (*names.dns, *names.ip_addresses) if name not in has]
    return f"tls.crt is not valid for {', '.join(missing)}" if missing else None

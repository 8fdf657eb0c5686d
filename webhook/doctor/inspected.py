"""What certificates say of themselves, and what is wrong with them: for people and for programs."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from certs.inspection import CertificateInfo, inspect
from certs.pair import Bundle, fault
from certs.plan import renewal_time
from webhook.core.frozen import frozen

_TIME = "%Y-%m-%dT%H:%M:%SZ"


@frozen
class Inspected:
    """A certificate as it was found."""

    role: str
    """`authority` or `certificate`."""
    info: CertificateInfo
    renewal: datetime
    """When two thirds of its life are over."""
    days_left: int
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "role": self.role,
            "subject": self.info.subject,
            "issuer": self.info.issuer,
            "dnsNames": list(self.info.dns_names),
            "ipAddresses": list(map(str, self.info.ip_addresses)),
            "notBefore": f"{self.info.not_before:{_TIME}}",
            "notAfter": f"{self.info.not_after:{_TIME}}",
            "renewal": f"{self.renewal:{_TIME}}",
            "daysLeft": self.days_left,
            "sha256": self.info.fingerprint,
            "problems": list(self.problems),
        }


def inspect_bundle(bundle: Bundle, now: datetime) -> list[Inspected]:
    """Inspect what a folder or Secret holds: the authorities, then what is served.

    Raises `ValueError` where there is no certificate at all.
    """
    authorities = _certificates(bundle.authority.certificate)
    leaf = _certificates(bundle.leaf.certificate)
    if not authorities and not leaf:
        raise ValueError("no PEM certificate")
    found = [_inspected(one, now) for one in authorities]
    for number, one in enumerate(leaf):
        problems = _of_leaf(bundle, one, authorities, now) if number == 0 else ()
        found.append(_inspected(one, now, problems))
    return found


def inspect_pem(pem: bytes, now: datetime) -> list[Inspected]:
    """Inspect every certificate of a PEM text; raises `ValueError` where there is none."""
    found = [_inspected(one, now) for one in _certificates(pem)]
    if not found:
        raise ValueError("no PEM certificate")
    return found


def _inspected(
    certificate: x509.Certificate, now: datetime, problems: Iterable[str] = ()
) -> Inspected:
    info = inspect(certificate.public_bytes(Encoding.PEM))
    return Inspected(
        "authority" if _is_authority(certificate) else "certificate",
        info,
        renewal_time(certificate),
        (info.not_after - now).days,
        tuple(dict.fromkeys((*_time(info, now), *problems))),
    )


def _time(info: CertificateInfo, now: datetime) -> Iterator[str]:
    if now >= info.not_after:
        yield f"expired at {info.not_after:{_TIME}}"
    elif now < info.not_before:
        yield f"not valid before {info.not_before:{_TIME}}"


def _of_leaf(
    bundle: Bundle, leaf: x509.Certificate, authorities: Sequence[x509.Certificate], now: datetime
) -> Iterator[str]:
    reason = fault(bundle.leaf, "tls", now)
    if reason is not None and "expired" not in reason and "not valid before" not in reason:
        yield reason
    if authorities and not any(_issued(leaf, one) for one in authorities):
        yield "signed by none of these authorities"


def _issued(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _certificates(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        return []

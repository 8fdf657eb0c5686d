"""What a certificate says of itself."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from certs.authority import IpAddress
from certs.pair import parse_certificate


@dataclass(frozen=True, slots=True)
class CertificateInfo:
    """The first certificate of a PEM text, as people ask about it; times are in UTC."""

    subject: str
    issuer: str
    dns_names: tuple[str, ...]
    ip_addresses: tuple[IpAddress, ...]
    not_before: datetime
    not_after: datetime
    fingerprint: str
    """SHA-256 over the DER form, in lower-case hexadecimal."""


def inspect(pem: bytes) -> CertificateInfo:
    """Read the first certificate of a PEM text; raises `ValueError` where there is none."""
    certificate = parse_certificate(pem)
    if certificate is None:
        raise ValueError("no PEM certificate")
    names = alternative_names(certificate)
    return CertificateInfo(
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        tuple(names.get_values_for_type(x509.DNSName)),
        tuple(
            address
            for address in names.get_values_for_type(x509.IPAddress)
            if isinstance(address, IpAddress)
        ),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        certificate.fingerprint(hashes.SHA256()).hex(),
    )


def alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    """Return the subject alternative names of a certificate, empty where it has none."""
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return x509.SubjectAlternativeName([])

"""A certificate and its key, both PEM, and what can be wrong with the two."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate (leaf first, where it is a chain) and its key; empty where there is none."""

    certificate: bytes = b""
    key: bytes = b""

    @property
    def is_absent(self) -> bool:
        """Whether there is neither certificate nor key."""
        return not self.certificate and not self.key


@dataclass(frozen=True, slots=True)
class Bundle:
    """An authority and the leaf that the server shows; the authority's key may be elsewhere."""

    authority: Pair = Pair()
    leaf: Pair = Pair()


def parse_certificate(pem: bytes) -> x509.Certificate | None:
    """Parse the first certificate of a PEM text; None where there is none that can be read."""
    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except ValueError:
        return None


def parse_key(pem: bytes) -> PrivateKeyTypes | None:
    """Parse a private key; None where it cannot be read, or only with a passphrase."""
    try:
        return load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def fault(pair: Pair, name: str, now: datetime, *, in_time: bool = True) -> str | None:
    """Say why a pair cannot be used now; None where it can.

    `name` is that of its files: `tls` or `ca`. Without `in_time` it may have expired.
    """
    if not pair.certificate or not pair.key:
        return f"{name}.{'key' if pair.certificate else 'crt'} is missing"
    certificate, key = parse_certificate(pair.certificate), parse_key(pair.key)
    if certificate is None:
        return f"{name}.crt is no PEM certificate"
    if key is None:
        return f"{name}.key is no PEM private key without a passphrase"
    if not _belong_together(certificate, key):
        return f"{name}.key does not belong to {name}.crt"
    return _out_of_time(certificate, name, now) if in_time else None


def _out_of_time(certificate: x509.Certificate, name: str, now: datetime) -> str | None:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now >= end:
        return f"{name}.crt expired at {end:%Y-%m-%dT%H:%M:%SZ}"
    if now < start:
        return f"{name}.crt is not valid before {start:%Y-%m-%dT%H:%M:%SZ}"
    return None


def _belong_together(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    try:
        public = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(*form) == key.public_key().public_bytes(*form)

"""Make a certificate authority and its leaves; pure but for keys and serial numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.pair import Pair, parse_certificate

AUTHORITY_NAME = "scaleguard certificate authority"
"""Common name by which a certificate is known to be one of ours."""

AUTHORITY_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=90)

CLOCK_SKEW = timedelta(minutes=5)
"""So much before it is made a certificate is valid: clocks of API servers and nodes differ."""

IpAddress = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Names:
    """What a leaf is valid for."""

    dns: tuple[str, ...] = ()
    ip_addresses: tuple[IpAddress, ...] = ()

    @classmethod
    def of(cls, hosts: Iterable[str]) -> "Names":
        """Sort host names and IP addresses (IPv6 without brackets) into their kinds."""
        dns: list[str] = []
        addresses: list[IpAddress] = []
        for host in dict.fromkeys(hosts):
            try:
                addresses.append(ip_address(host))
            except ValueError:
                dns.append(host.lower())
        return cls(tuple(dns), tuple(addresses))


def make_authority(now: datetime) -> Pair:
    """Make an authority that is valid for ten years from now and signs leaves only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(AUTHORITY_NAME)
    builder = (
        _builder(name, name, key, now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return _signed(builder, key, key)


def issue_leaf(authority: Pair, names: Names, now: datetime) -> Pair:
    """Issue a server certificate for 90 days; raises `ValueError` where there is nothing to name.

    The authority has to be usable, which `certs.plan` says.
    """
    if not names.dns and not names.ip_addresses:
        raise ValueError("a server certificate needs at least one DNS name or IP address")
    issuer = parse_certificate(authority.certificate)
    issuer_key = serialization.load_pem_private_key(authority.key, password=None)
    if issuer is None or not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority needs a certificate and an elliptic curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    names_extension = x509.SubjectAlternativeName(
        [*map(x509.DNSName, names.dns), *map(x509.IPAddress, names.ip_addresses)]
    )
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        # Not one of the names: a common name ends after 64 characters, a Service's name may not.
        _builder(_name("scaleguard"), issuer.subject, key, now, LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names_extension, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
    )
    return _signed(builder, key, issuer_key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> Pair:
    certificate = builder.sign(issuer_key, hashes.SHA256())
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])

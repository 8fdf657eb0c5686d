import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certs.authority import Names, issue_leaf, make_authority
from certs.pair import Bundle, Pair
from certs.store import save
from webhook.serving.tls import ServedCertificate
from webhook.serving.verification import why_refused

HOST = "scaleguard.guard.svc"
NOW = datetime.now(UTC)


def served(folder: Path, authority: Pair, moment: datetime = NOW) -> ssl.SSLContext:
    save(folder, Bundle(leaf=issue_leaf(authority, Names.of([HOST]), moment)))
    return ServedCertificate(folder).context()


def test_who_trusts_its_authority_takes_it(tmp_path: Path) -> None:
    authority, other = make_authority(NOW), make_authority(NOW)
    context = served(tmp_path, authority)
    assert why_refused(context, authority.certificate, HOST) is None
    assert why_refused(context, other.certificate + authority.certificate, HOST) is None
    assert "unable to get local issuer" in str(why_refused(context, other.certificate, HOST))


@pytest.mark.parametrize("bundle", [b"", b"garbage", b"\xff"])
def test_what_is_no_bundle_is_said(bundle: bytes, tmp_path: Path) -> None:
    context = served(tmp_path, make_authority(NOW))
    assert why_refused(context, bundle, HOST) == "there is no certificate in it"


def test_names_are_looked_at_and_the_time_is_left_to_the_api_server(tmp_path: Path) -> None:
    authority = make_authority(NOW)
    context = served(tmp_path, authority)
    assert "Hostname mismatch" in str(why_refused(context, authority.certificate, "other.svc"))
    for name, days in (("late", -91), ("early", 1)):
        context = served(tmp_path / name, authority, NOW + timedelta(days=days))
        assert why_refused(context, authority.certificate, HOST) is None


def test_an_authority_that_another_one_signed_is_enough_as_it_is_for_go(tmp_path: Path) -> None:
    authority = make_authority(NOW)
    context = served(tmp_path, authority)
    assert why_refused(context, signed_by_another(authority), HOST) is None


def signed_by_another(authority: Pair) -> bytes:
    """Return the certificate that a company's root gives this authority."""
    own = x509.load_pem_x509_certificate(authority.certificate)
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "corporate root")]),
        subject_name=own.subject,
        public_key=own.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=own.not_valid_before_utc,
        not_valid_after=own.not_valid_after_utc,
        extensions=list(own.extensions),
    )
    root = ec.generate_private_key(ec.SECP256R1())
    return builder.sign(root, hashes.SHA256()).public_bytes(Encoding.PEM)

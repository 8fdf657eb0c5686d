from datetime import datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from certs.authority import Names, issue_leaf, make_authority
from certs.inspection import inspect
from certs.pair import Bundle, Pair, fault, parse_certificate


def certificate(pair: Pair) -> x509.Certificate:
    parsed = parse_certificate(pair.certificate)
    assert parsed is not None
    return parsed


def test_names_are_sorted_into_their_kinds_once() -> None:
    names = Names.of(["Web.ML.svc", "127.0.0.1", "::1", "127.0.0.1"])
    assert names == Names(("web.ml.svc",), (ip_address("127.0.0.1"), ip_address("::1")))


def test_authority_signs_leaves_only_for_ten_years(now: datetime) -> None:
    authority = certificate(make_authority(now))
    constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = authority.extensions.get_extension_for_class(x509.KeyUsage)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)
    assert usage.critical
    assert (usage.value.key_cert_sign, usage.value.digital_signature) == (True, False)
    assert authority.not_valid_after_utc == now + timedelta(days=3650)
    assert isinstance(authority.public_key(), ec.EllipticCurvePublicKey)


def test_leaf_serves_for_ninety_days(bundle: Bundle, now: datetime) -> None:
    leaf, authority = certificate(bundle.leaf), certificate(bundle.authority)
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    authority_key = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    subject_key = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert leaf.not_valid_after_utc == now + timedelta(days=90)
    assert (usage.key_cert_sign, usage.digital_signature) == (False, True)
    assert list(extended) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert authority_key.key_identifier == subject_key.digest


def test_chain_is_accepted_by_a_strict_verifier(bundle: Bundle, now: datetime) -> None:
    store = Store([certificate(bundle.authority)])
    verifier = (
        PolicyBuilder()
        .store(store)
        .time(now)
        .build_server_verifier(x509.DNSName("scaleguard.scaleguard.svc"))
    )
    assert len(verifier.verify(certificate(bundle.leaf), [])) == 2


def test_serial_numbers_and_keys_differ(now: datetime) -> None:
    one, other = make_authority(now), make_authority(now)
    assert certificate(one).serial_number != certificate(other).serial_number
    assert one.key != other.key


def test_clock_that_is_minutes_behind_accepts_a_new_certificate(
    bundle: Bundle, now: datetime
) -> None:
    assert fault(bundle.leaf, "tls", now - timedelta(minutes=4)) is None


def test_leaf_without_names_is_refused(bundle: Bundle, now: datetime) -> None:
    with pytest.raises(ValueError, match="at least one DNS name or IP address"):
        issue_leaf(bundle.authority, Names(), now)


def test_authority_that_cannot_sign_is_refused(bundle: Bundle, now: datetime, names: Names) -> None:
    with pytest.raises(ValueError, match="needs a certificate and an elliptic curve key"):
        issue_leaf(Pair(b"", bundle.authority.key), names, now)


def test_inspection_tells_what_people_ask(bundle: Bundle, now: datetime) -> None:
    info = inspect(bundle.leaf.certificate)
    assert info.subject == "CN=scaleguard"
    assert info.issuer == "CN=scaleguard certificate authority"
    assert info.dns_names == ("scaleguard.scaleguard.svc",)
    assert info.ip_addresses == (ip_address("127.0.0.1"), ip_address("::1"))
    assert info.not_before == now - timedelta(minutes=5)
    assert info.not_after == now + timedelta(days=90)
    assert len(info.fingerprint) == 64


def test_inspection_of_an_authority_has_no_names(bundle: Bundle) -> None:
    info = inspect(bundle.authority.certificate)
    assert (info.dns_names, info.ip_addresses) == ((), ())


def test_inspection_of_something_else_fails() -> None:
    with pytest.raises(ValueError, match="no PEM certificate"):
        inspect(b"hello")

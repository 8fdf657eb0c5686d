from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from certs.authority import Names, issue_leaf, make_authority
from certs.pair import Bundle, Pair
from certs.plan import Keep, RenewAuthority, RenewLeaf, plan


@pytest.mark.parametrize("days", [0, 59])
def test_young_bundle_is_kept(bundle: Bundle, names: Names, now: datetime, days: int) -> None:
    assert plan(bundle, now + timedelta(days=days), names) == Keep()


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (60, "two thirds of the life of tls.crt are over"),
        (90, "tls.crt expired at 2026-05-30T12:00:00Z"),
        (-1, "tls.crt is not valid before 2026-03-01T11:55:00Z"),
    ],
)
def test_leaf_is_renewed_in_time(names: Names, now: datetime, days: int, reason: str) -> None:
    old = make_authority(now - timedelta(days=30))
    aged = Bundle(old, issue_leaf(old, names, now))
    planned = plan(aged, now + timedelta(days=days), names)
    assert isinstance(planned, RenewLeaf)
    assert planned.reason.startswith(reason)


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (2434, "two thirds of the life of ca.crt are over"),
        (3650, "ca.crt expired at"),
        (-1, "ca.crt is not valid before"),
    ],
)
def test_authority_is_renewed_in_time(
    bundle: Bundle, names: Names, now: datetime, days: int, reason: str
) -> None:
    planned = plan(bundle, now + timedelta(days=days), names)
    assert isinstance(planned, RenewAuthority)
    assert planned.reason.startswith(reason)


def test_leaf_that_lacks_names_is_renewed(bundle: Bundle, now: datetime) -> None:
    wanted = Names.of(["scaleguard.scaleguard.svc", "other.svc", "10.0.0.1"])
    assert plan(bundle, now, wanted) == RenewLeaf("tls.crt is not valid for other.svc, 10.0.0.1")


def test_leaf_of_another_authority_is_renewed(bundle: Bundle, names: Names, now: datetime) -> None:
    stranger = replace(bundle, leaf=issue_leaf(make_authority(now), names, now))
    assert plan(stranger, now, names) == RenewLeaf("tls.crt is not signed by ca.crt")


def test_halves_that_do_not_belong_together_are_renewed(
    bundle: Bundle, names: Names, now: datetime
) -> None:
    other = issue_leaf(bundle.authority, names, now)
    mixed = replace(bundle, leaf=Pair(bundle.leaf.certificate, other.key))
    assert plan(mixed, now, names) == RenewLeaf("tls.key does not belong to tls.crt")
    mixed = replace(bundle, authority=Pair(bundle.authority.certificate, other.key))
    assert plan(mixed, now, names) == RenewAuthority("ca.key does not belong to ca.crt")


@pytest.mark.parametrize(
    ("half", "reason"),
    [
        (Pair(b"", b"K"), "tls.crt is missing"),
        (Pair(b"C", b""), "tls.key is missing"),
        (Pair(b"-----BEGIN CERTIFICATE-----\nMIIB", b"K"), "tls.crt is no PEM certificate"),
        (
            Pair(b"C", b"-----BEGIN PRIVATE KEY-----\nMIIB"),
            "tls.key is no PEM private key without a passphrase",
        ),
    ],
)
def test_half_written_leaf_is_renewed(
    bundle: Bundle, names: Names, now: datetime, half: Pair, reason: str
) -> None:
    leaf = Pair(
        bundle.leaf.certificate if half.certificate == b"C" else half.certificate,
        bundle.leaf.key if half.key == b"K" else half.key,
    )
    assert plan(replace(bundle, leaf=leaf), now, names) == RenewLeaf(reason)


def test_nothing_at_all_needs_an_authority(names: Names, now: datetime) -> None:
    assert plan(Bundle(), now, names) == RenewAuthority("ca.crt is missing")

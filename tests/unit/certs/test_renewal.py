from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from certs import authority
from certs.authority import AUTHORITY_LIFE, LEAF_LIFE, Names, issue_leaf, make_authority
from certs.pair import Bundle, Pair
from certs.plan import Keep, plan
from certs.renewal import NotOursError, renewed


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch, now: datetime, names: Names) -> Bundle:
    """What somebody else's authority made."""
    with monkeypatch.context() as patched:
        patched.setattr(authority, "AUTHORITY_NAME", "corporate CA")
        other = make_authority(now)
    return Bundle(other, issue_leaf(other, names, now))


def test_a_good_bundle_stays(bundle: Bundle, names: Names, now: datetime) -> None:
    assert renewed(bundle, names, now) is None


def test_nothing_becomes_a_bundle(names: Names, now: datetime) -> None:
    renewal = renewed(Bundle(), names, now)
    assert renewal is not None
    assert renewal.what == "authority"
    assert plan(renewal.bundle, now, names) == Keep()


def test_a_leaf_is_renewed_after_two_thirds_of_its_life(
    bundle: Bundle, names: Names, now: datetime
) -> None:
    assert renewed(bundle, names, now + LEAF_LIFE * 0.66) is None
    later = now + LEAF_LIFE * 0.67
    renewal = renewed(bundle, names, later)
    assert renewal is not None
    assert (renewal.what, renewal.bundle.authority) == ("leaf", bundle.authority)
    assert plan(renewal.bundle, later, names) == Keep()


def test_a_new_authority_is_told_together_with_the_one_before(
    bundle: Bundle, names: Names, now: datetime
) -> None:
    later = now + AUTHORITY_LIFE * 0.67
    renewal = renewed(bundle, names, later)
    assert renewal is not None
    assert renewal.what == "authority"
    assert renewal.bundle.authority.certificate.endswith(bundle.authority.certificate)
    assert plan(renewal.bundle, later, names) == Keep()
    third = renewed(renewal.bundle, names, later + AUTHORITY_LIFE * 0.67)
    assert third is not None
    assert third.bundle.authority.certificate.count(b"BEGIN CERTIFICATE") == 2


def test_an_authority_that_expired_is_not_told_any_more(
    bundle: Bundle, names: Names, now: datetime
) -> None:
    renewal = renewed(bundle, names, now + AUTHORITY_LIFE)
    assert renewal is not None
    assert renewal.bundle.authority.certificate.count(b"BEGIN CERTIFICATE") == 1


@pytest.mark.parametrize("name", ["certificate", "key"])
def test_what_is_corrupted_is_made_anew(
    name: str, bundle: Bundle, names: Names, now: datetime
) -> None:
    broken = replace(bundle, authority=replace(bundle.authority, **{name: b"garbage"}))
    renewal = renewed(broken, names, now)
    assert renewal is not None
    assert renewal.what == "authority"
    assert plan(renewal.bundle, now, names) == Keep()


def test_a_clock_a_day_behind_ends_in_one_bundle_that_both_accept(
    bundle: Bundle, names: Names, now: datetime
) -> None:
    behind = now - timedelta(days=1)
    renewal = renewed(bundle, names, behind)
    assert renewal is not None
    assert renewed(renewal.bundle, names, behind) is None
    assert renewed(renewal.bundle, names, now) is None


def test_a_leaf_without_the_key_of_its_authority_is_used_as_it_is(
    foreign: Bundle, now: datetime
) -> None:
    supplied = replace(foreign, authority=Pair(foreign.authority.certificate))
    assert renewed(supplied, Names.of(["another.name"]), now) is None


def test_the_leaf_of_somebody_else_is_never_replaced(
    foreign: Bundle, names: Names, now: datetime
) -> None:
    with pytest.raises(NotOursError, match=r"tls\.crt expired .* renew them, or remove both"):
        renewed(replace(foreign, authority=Pair()), names, now + LEAF_LIFE)


def test_our_own_leaf_is_replaced_where_the_authority_was_lost(
    bundle: Bundle, names: Names, now: datetime
) -> None:
    lost = replace(bundle, authority=Pair())
    assert renewed(lost, names, now) is None
    renewal = renewed(lost, names, now + LEAF_LIFE)
    assert renewal is not None
    assert renewal.what == "authority"


def test_a_leaf_whose_authority_is_kept_elsewhere_is_never_replaced(
    bundle: Bundle, names: Names, now: datetime
) -> None:
    elsewhere = replace(bundle, authority=Pair(bundle.authority.certificate))
    with pytest.raises(NotOursError, match=r"without ca\.key are taken for yours"):
        renewed(elsewhere, names, now + LEAF_LIFE)


@pytest.mark.parametrize("life", [LEAF_LIFE, AUTHORITY_LIFE])
def test_the_authority_of_somebody_else_signs_nothing_and_is_never_replaced(
    foreign: Bundle, names: Names, now: datetime, life: timedelta
) -> None:
    assert renewed(foreign, names, now) is None
    for leaf in (foreign.leaf, Pair()):
        with pytest.raises(NotOursError, match=r"ca\.crt comes from another authority \(CN=corp"):
            renewed(replace(foreign, leaf=leaf), names, now + life)


@pytest.mark.parametrize("life", [timedelta(), AUTHORITY_LIFE])
def test_the_leaf_of_somebody_else_beside_our_authority_is_never_replaced(
    bundle: Bundle, foreign: Bundle, names: Names, now: datetime, life: timedelta
) -> None:
    with pytest.raises(NotOursError, match=r"tls\.crt comes from another authority \(CN=corp"):
        renewed(replace(bundle, leaf=foreign.leaf), names, now + life)

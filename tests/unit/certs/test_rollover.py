from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from certs import authority
from certs.authority import AUTHORITY_LIFE, LEAF_LIFE, Names, issue_leaf, make_authority
from certs.pair import Bundle, Pair, fault, parse_certificate
from certs.phases import Phased
from certs.plan import leaf_reason
from certs.renewal import NotOursError
from certs.rollover import (
    PATH_LIFE,
    Served,
    Terms,
    authority_change,
    leaf_change,
    make_path,
    path_change,
    trusted_bundle,
)

OVERLAP = timedelta(minutes=5)
NOTHING = Served(Pair(), b"")


def at(moment: datetime) -> Terms:
    return Terms(moment, OVERLAP)


def test_an_authority_is_made_where_there_is_none(now: datetime) -> None:
    change = authority_change(None, at(now), NOTHING)
    assert change is not None
    assert fault(change.to.current, "ca", now) is None
    assert change.to.is_settled
    assert authority_change(change.to, at(now + AUTHORITY_LIFE * 0.66), NOTHING) is None


def test_one_that_is_due_is_followed_in_three_steps(
    bundle: Bundle, names: Names, now: datetime
) -> None:
    due = now + AUTHORITY_LIFE * 0.67
    announced = authority_change(Phased(bundle.authority, now), at(due), NOTHING)
    assert announced is not None
    assert "a new one is announced" in announced.why
    assert announced.to.current == bundle.authority
    assert trusted_bundle(announced.to, due).count(b"BEGIN CERTIFICATE") == 2
    later = due + OVERLAP
    turned = authority_change(announced.to, at(later), NOTHING)
    assert turned is not None
    assert turned.to.current == announced.to.next
    assert turned.to.before == Pair(bundle.authority.certificate), "its key signs nothing any more"
    # Whoever serves has not been given another leaf yet.
    last = later + OVERLAP
    assert authority_change(turned.to, at(last), Served(bundle.leaf, b"")) is None
    leaf = issue_leaf(turned.to.current, names, last)
    assert authority_change(turned.to, at(last + OVERLAP * 0.9), Served(leaf, b"")) is None
    settled = authority_change(turned.to, at(last + OVERLAP), Served(leaf, b""))
    assert settled is not None
    assert settled.to.is_settled
    assert trusted_bundle(settled.to, last) == turned.to.current.certificate


def test_one_that_is_asked_for_waits_until_the_one_on_its_way_has_come(
    bundle: Bundle, now: datetime
) -> None:
    asked = authority_change(Phased(bundle.authority, now), at(now), NOTHING, asked=True)
    assert asked is not None
    assert asked.why == "asked for: a new one is announced"
    assert authority_change(asked.to, at(now), NOTHING, asked=True) is None


@pytest.mark.parametrize("part", ["certificate", "key"])
def test_one_that_is_broken_is_replaced_at_once_and_stays_trusted_where_it_can(
    part: str, bundle: Bundle, now: datetime
) -> None:
    broken = replace(bundle.authority, **{part: b"garbage"})
    served = Served(bundle.leaf, bundle.authority.certificate)
    change = authority_change(Phased(broken, now), at(now), served)
    assert change is not None
    assert fault(change.to.current, "ca", now) is None
    assert trusted_bundle(change.to, now).endswith(bundle.authority.certificate)
    lost = authority_change(None, at(now), served)
    assert lost is not None
    assert trusted_bundle(lost.to, now).endswith(bundle.authority.certificate)


def test_not_ever_more_are_trusted_where_the_state_is_lost_again_and_again(now: datetime) -> None:
    served = NOTHING
    for _ in range(20):
        change = authority_change(None, at(now), served)
        assert change is not None
        served = Served(Pair(), trusted_bundle(change.to, now))
        assert served.trusted.startswith(change.to.current.certificate.strip())
    assert served.trusted.count(b"BEGIN CERTIFICATE") == 8


def test_one_that_expired_is_not_trusted_any_more(bundle: Bundle, now: datetime) -> None:
    late = now + AUTHORITY_LIFE
    change = authority_change(Phased(bundle.authority, now), at(late), NOTHING)
    assert change is not None
    assert trusted_bundle(change.to, late) == change.to.current.certificate


def test_a_successor_that_is_broken_is_given_up(bundle: Bundle, now: datetime) -> None:
    state = Phased(bundle.authority, now, next=Pair(b"garbage", b"garbage"))
    change = authority_change(state, at(now + OVERLAP), NOTHING)
    assert change is not None
    assert change.to == Phased(bundle.authority, now + OVERLAP)


def test_a_leaf_is_made_where_it_is_due_asked_for_or_of_another_authority(
    bundle: Bundle, names: Names, now: datetime
) -> None:
    other = make_authority(now)
    assert leaf_change(bundle.leaf, bundle.authority, names, now) is None
    for leaf, signer, moment, asked in (
        (Pair(), bundle.authority, now, False),
        (bundle.leaf, bundle.authority, now + LEAF_LIFE * 0.67, False),
        (bundle.leaf, bundle.authority, now + LEAF_LIFE * 2, False),
        (bundle.leaf, bundle.authority, now - timedelta(days=1), False),
        (bundle.leaf, bundle.authority, now, True),
        (bundle.leaf, other, now, False),
    ):
        change = leaf_change(leaf, signer, names, moment, asked=asked)
        assert change is not None
        assert leaf_reason(Bundle(signer, change.to), moment, names) is None or moment < now


def test_a_leaf_of_somebody_else_is_never_written_over(
    bundle: Bundle, names: Names, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(authority, "AUTHORITY_NAME", "corporate CA")
        foreign = issue_leaf(make_authority(now), names, now)
    with pytest.raises(NotOursError, match=r"set certificates\.source to secret"):
        leaf_change(foreign, bundle.authority, names, now)


def test_a_path_is_followed_with_the_leaf_or_by_age(now: datetime) -> None:
    first = path_change(None, at(now))
    assert first is not None
    assert path_change(first.to, at(now + PATH_LIFE * 0.99)) is None
    for moment, asked in ((now + PATH_LIFE, False), (now, True)):
        announced = path_change(first.to, at(moment), asked=asked)
        assert announced is not None
        assert announced.to.current == first.to.current
        turned = path_change(announced.to, at(moment + OVERLAP))
        assert turned is not None
        assert turned.to.known == (announced.to.next, first.to.current)
        settled = path_change(turned.to, at(moment + 2 * OVERLAP))
        assert settled is not None
        assert settled.to.known == (announced.to.next,)


def test_a_path_that_was_lost_is_the_one_that_is_asked_at(now: datetime) -> None:
    asked_at = make_path()
    change = path_change(None, at(now), asked_at)
    assert change is not None
    assert change.to == Phased(asked_at, now)


def test_certificates_of_a_bundle_are_whole(bundle: Bundle, now: datetime) -> None:
    state = Phased(bundle.authority, now, before=Pair(make_authority(now).certificate))
    trusted = trusted_bundle(state, now)
    assert parse_certificate(trusted) == parse_certificate(bundle.authority.certificate)

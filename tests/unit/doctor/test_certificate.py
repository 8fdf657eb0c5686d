"""A certificate against the caBundles, the name and the clock."""

from datetime import timedelta

import pytest

from certs.authority import Names, issue_leaf, make_authority
from tests.unit.doctor.facts import AUTHORITY, LEAF, NOW, OTHER, installation
from webhook.doctor.certificate import Served, judge_certificate, not_dialled
from webhook.doctor.verdict import State, Verdict

TRUSTED = {"webhook a": AUTHORITY.certificate, "webhook b": AUTHORITY.certificate}


def judged(
    served: Served, trusted: dict[str, bytes] | None = None, days: float = 0
) -> list[Verdict]:
    return judge_certificate(served, trusted or TRUSTED, installation(), NOW + timedelta(days=days))


def test_a_good_one() -> None:
    (said,) = judged(Served("Secret x", LEAF.certificate))
    assert (said.state, said.message) == (
        State.OK,
        "Secret x: trusted by every caBundle, valid for 90 more days",
    )


@pytest.mark.parametrize(
    ("days", "state", "message"),
    [
        (59, State.OK, "valid for 31 more days"),
        (62, State.WARNING, "was to be renewed on 2026-07-"),
        (90, State.FAULT, "expired at 2026-08-30T00:00:00Z"),
        (-1, State.FAULT, "not valid before 2026-05-31T23:55:00Z"),
    ],
)
def test_its_time(days: int, state: State, message: str) -> None:
    (said,) = judged(Served("it", LEAF.certificate), days=days)
    assert said.state is state
    assert message in said.message
    assert said.fix or state is State.OK


def test_its_name() -> None:
    leaf = issue_leaf(AUTHORITY, Names.of(["localhost"]), NOW)
    (said,) = judged(Served("it", leaf.certificate))
    assert said.message == "it: is for localhost, and the API server asks for scaleguard.guard.svc"
    wild = issue_leaf(AUTHORITY, Names.of(["*.guard.svc"]), NOW)
    assert judged(Served("it", wild.certificate))[0].state is State.OK


def test_an_authority_that_is_not_in_a_bundle() -> None:
    trusted = TRUSTED | {"webhook b": OTHER.certificate}
    (said,) = judged(Served("it", LEAF.certificate), trusted)
    assert (said.state, said.message) == (
        State.FAULT,
        "webhook b: its caBundle does not trust it: signed by another authority",
    )
    both = TRUSTED | {"webhook b": OTHER.certificate + AUTHORITY.certificate}
    assert judged(Served("it", LEAF.certificate), both)[0].state is State.OK
    assert judged(Served("it", LEAF.certificate), {"webhook a": b""})[0].state is State.FAULT
    itself = {"webhook a": LEAF.certificate}
    assert judged(Served("it", LEAF.certificate), itself)[0].state is State.OK


def test_a_chain_is_followed() -> None:
    stranger = LEAF.certificate + OTHER.certificate
    (said,) = judged(Served("it", stranger), {"webhook a": OTHER.certificate})
    assert said.state is State.FAULT


def test_what_tls_itself_says_counts_where_it_was_dialled() -> None:
    refused = {AUTHORITY.certificate: "self-signed certificate in chain"}
    said = judged(Served("https://x:443", LEAF.certificate, refused))
    assert [one.message for one in said] == [
        f"webhook {name}: its caBundle does not trust https://x:443: "
        "self-signed certificate in chain"
        for name in "ab"
    ]


def test_an_authority_that_ends_soon() -> None:
    old = make_authority(NOW - timedelta(days=3645))
    leaf = issue_leaf(old, Names.of(["scaleguard.guard.svc"]), NOW)
    (said,) = judged(Served("it", leaf.certificate), {"webhook a": old.certificate})
    assert said.state is State.WARNING
    assert "its authority ends at 2026-06-06T" in said.message


def test_nothing_there() -> None:
    (said,) = judged(Served("Secret x", b""))
    assert (said.state, said.message) == (State.FAULT, "Secret x holds no certificate yet")
    assert not_dialled("you may not get secrets").state is State.UNSEEN

"""Certificates in Secrets, told to webhook configurations, whatever happens to either."""

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from prometheus_client import CollectorRegistry

from certs.authority import AUTHORITY_LIFE, LEAF_LIFE, Names, issue_leaf, make_authority
from certs.inspection import inspect
from certs.kept import read_paths
from certs.pair import Bundle, Pair
from certs.plan import leaf_reason
from tests.unit.controller.certificates import (
    AUTHORITY,
    CERTIFICATE,
    MUTATING,
    OVERLAP,
    PATH,
    START,
    VALIDATING,
    FakeApi,
    Kept,
    Replica,
    names,
)
from webhook.cluster.configurations import Told
from webhook.cluster.errors import ApiError
from webhook.controller.certificate_counters import CertificateCounters
from webhook.controller.certificates import ROUND_SECONDS, Certificates, Keeping

if TYPE_CHECKING:
    from webhook.cluster.api import Api

OURS = Keeping(
    namespace="guard",
    name="scaleguard",
    configurations=("scaleguard",),
    names=names(),
    overlap=OVERLAP,
)


@pytest.fixture
def kept() -> Kept:
    return Kept(FakeApi(), OURS)


@pytest.fixture
def replica(kept: Kept) -> Replica:
    assert kept.round()
    made = Replica(kept.api)
    made.sync()
    return made


def leaf(api: FakeApi) -> Pair:
    held = api.held(CERTIFICATE)
    return Pair(held["tls.crt"], held["tls.key"])


def authority(api: FakeApi) -> Pair:
    held = api.held(AUTHORITY)
    return Pair(held["ca.crt"], held["ca.key"])


def told(api: FakeApi) -> tuple[set[bytes], set[str]]:
    seen = [client for path in (VALIDATING, MUTATING) for client in api.clients(path)]
    return {bundle for bundle, _ in seen}, {path for _, path in seen}


def test_at_first_all_of_it_is_made_and_told(kept: Kept, replica: Replica) -> None:
    api = kept.api
    assert leaf_reason(Bundle(authority(api), leaf(api)), START, names()) is None
    assert set(api.held(CERTIFICATE)) == {"ca.crt", "tls.crt", "tls.key"}
    segment = api.held(PATH)["path"].decode()
    assert told(api) == (
        {authority(api).certificate},
        {f"/{segment}/validate", f"/{segment}/mutate"},
    )
    assert replica.failure(START) == ""
    assert kept.count("scaleguard_certificate_renewals_total", what="leaf") == 1
    expiry = kept.count("scaleguard_authority_expiry_timestamp_seconds")
    assert expiry == (START + AUTHORITY_LIFE).timestamp()


def test_a_round_that_finds_all_well_writes_nothing(kept: Kept, replica: Replica) -> None:
    kept.api.writes.clear()
    for _ in range(3):
        assert kept.round(timedelta(hours=1))
    assert kept.api.writes == []
    assert replica.failure(kept.now) == ""


@pytest.mark.parametrize("why", ["age", "leaf"])
def test_a_leaf_is_renewed_and_the_path_with_it(why: str, kept: Kept, replica: Replica) -> None:
    api, before = kept.api, leaf(kept.api)
    first = replica.segments
    if why == "leaf":
        kept.ask("leaf")
    assert kept.round(LEAF_LIFE * 0.67 if why == "age" else timedelta(minutes=1))
    assert leaf(api) != before
    assert not kept.is_asked
    for _ in range(8):
        assert kept.round(OVERLAP / 2)
        assert replica.failure(kept.now) == ""
        replica.sync()
        assert replica.failure(kept.now) == ""
    assert replica.segments.isdisjoint(first)
    assert len(replica.segments) == 1
    assert kept.count("scaleguard_certificate_renewals_total", what="path") == 4


@pytest.mark.parametrize("why", ["age", "authority"])
def test_an_authority_is_renewed_without_a_moment_of_distrust(
    why: str, kept: Kept, replica: Replica
) -> None:
    api, before = kept.api, authority(kept.api)
    if why == "authority":
        kept.ask("authority")
    else:
        kept.now += AUTHORITY_LIFE * 0.67
    for _ in range(40):
        assert kept.round(OVERLAP / 4)
        assert why == "age" or replica.failure(kept.now) == ""
        replica.sync()
        assert replica.failure(kept.now) == ""
    assert authority(api) != before
    assert told(api)[0] == {authority(api).certificate}
    assert not kept.is_asked
    assert set(api.held(AUTHORITY)) == {"ca.crt", "ca.key", "since"}


def test_an_authority_that_is_asked_for_meanwhile_comes_after(kept: Kept, replica: Replica) -> None:
    kept.ask("authority")
    assert kept.round()
    kept.ask("authority")
    seen = {authority(kept.api)}
    assert kept.round(OVERLAP / 2)
    asked = kept.is_asked
    assert not asked, "the one that is announced is the one that is asked for"
    assert kept.round(OVERLAP / 2)
    seen.add(authority(kept.api))
    kept.ask("authority")
    assert kept.round()
    assert kept.is_asked
    for _ in range(40):
        assert kept.round(OVERLAP / 2)
        replica.sync()
        seen.add(authority(kept.api))
    assert len(seen) == 3
    assert not kept.is_asked


def test_what_is_asked_for_and_unknown_is_said(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    assert kept.round()
    before = leaf(kept.api)
    kept.ask("leave")
    assert kept.round()
    assert "scaleguard.io/rotate is leaf or authority: 'leave'" in caplog.text
    assert (kept.is_asked, leaf(kept.api)) == (False, before)


def test_somebody_elses_edit_does_not_last(kept: Kept, replica: Replica) -> None:
    webhook = kept.api.objects[MUTATING]["webhooks"][1]["clientConfig"]
    webhook["caBundle"], webhook["service"]["path"] = "b3RoZXI=", "/mutate"
    assert replica.failure(kept.now) == "the leaf is not trusted"
    assert kept.round()
    assert replica.failure(kept.now) == ""


@pytest.mark.parametrize(
    "data", [{}, {"ca.crt": b"!", "ca.key": b"x", "tls.crt": b"x", "path": b"!"}]
)
@pytest.mark.parametrize("path", [AUTHORITY, CERTIFICATE, PATH])
def test_an_emptied_or_corrupted_secret_is_mended_and_no_review_fails(
    path: str, data: dict[str, bytes], kept: Kept, replica: Replica
) -> None:
    kept.api.fill(path, data)
    for _ in range(12):
        assert kept.round(OVERLAP / 4)
        assert replica.failure(kept.now) == ""
        replica.sync()
        assert replica.failure(kept.now) == ""


def test_an_expired_leaf_is_replaced_at_once(kept: Kept, replica: Replica) -> None:
    kept.now += LEAF_LIFE
    assert replica.failure(kept.now) == "the leaf is out of time"
    assert kept.round()
    replica.sync()
    assert replica.failure(kept.now) == ""


@pytest.mark.parametrize("wrong", [timedelta(days=1), -timedelta(days=1)])
def test_certificates_are_made_by_the_clock_of_the_api_server(
    wrong: timedelta, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    kept.now = START + wrong
    with caplog.at_level(logging.WARNING):
        assert kept.certificates.attempt()
        assert kept.certificates.attempt()
    (record,) = caplog.records
    assert "one of the two is to be set right" in record.message
    made = inspect(leaf(kept.api).certificate)
    assert made.not_before < START < made.not_after
    assert made.not_after == START + LEAF_LIFE


def test_where_the_api_server_tells_no_time_our_own_counts(kept: Kept) -> None:
    kept.api.now = None
    assert kept.round()
    assert inspect(leaf(kept.api).certificate).not_after == START + LEAF_LIFE


def test_configurations_that_are_not_there_are_no_error() -> None:
    kept = Kept(FakeApi(AUTHORITY, CERTIFICATE, PATH), OURS)
    assert kept.round()
    assert leaf(kept.api).certificate


def test_a_webhook_that_is_asked_by_a_url_gets_no_path(kept: Kept) -> None:
    kept.api.objects[VALIDATING]["webhooks"][0]["clientConfig"] = {"url": "https://127.0.0.1/"}
    assert kept.round()
    client = kept.api.objects[VALIDATING]["webhooks"][0]["clientConfig"]
    assert set(client) == {"url", "caBundle"}


@pytest.mark.parametrize("what", ["leaf", "authority"])
@pytest.mark.parametrize("rounds", range(6))
def test_no_phase_ends_before_it_could_be_told(
    rounds: int, what: str, kept: Kept, replica: Replica
) -> None:
    """A right that is withdrawn for hours, in the middle of a rotation of authority or path."""
    kept.ask(what)
    assert kept.round()
    for _ in range(rounds):
        assert kept.round(OVERLAP / 2)
        replica.sync()
    kept.api.refused["patch", VALIDATING] = ApiError(403, "Forbidden", "no patch")
    for _ in range(40):
        kept.round(OVERLAP / 2)
        replica.sync()
        assert replica.failure(kept.now) == ""
    kept.api.refused.clear()
    for _ in range(12):
        assert kept.round(OVERLAP / 4)
        replica.sync()
        assert replica.failure(kept.now) == ""


def test_failures_are_said_once_and_counted(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    kept.api.refused["get", CERTIFICATE] = ApiError(0, "Unreachable", "no route")
    with caplog.at_level(logging.ERROR):
        assert not any(kept.round() for _ in range(3))
    assert [one.message for one in caplog.records] == [
        "certificates cannot be seen to: Unreachable: no route"
    ]
    assert kept.count("scaleguard_certificate_errors_total") == 3


def test_a_fault_of_our_own_is_told_and_the_next_round_comes(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("broken")

    kept.api.before_write = broken
    assert not kept.round()
    assert "Traceback" in caplog.text
    kept.api.before_write = lambda: None
    assert kept.round()


def test_a_secret_that_is_not_there_is_said_with_the_remedy(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    del kept.api.objects[AUTHORITY]
    assert not kept.round()
    assert "there is no Secret guard/scaleguard-authority: `helm upgrade` makes it" in caplog.text


def test_who_comes_second_to_a_secret_takes_what_the_first_one_wrote(kept: Kept) -> None:
    other = Kept(kept.api, OURS)

    def first() -> None:
        kept.api.before_write = lambda: None
        assert other.round()

    kept.api.before_write = first
    assert not kept.round()
    assert kept.round()
    replica = Replica(kept.api)
    replica.sync()
    assert replica.failure(START) == ""
    assert kept.api.writes.count(AUTHORITY) == 1


@pytest.mark.parametrize("has_authority", [True, False])
def test_of_somebody_elses_certificates_the_path_alone_is_ours(
    tmp_path: Path, *, has_authority: bool
) -> None:
    given = tmp_path / "ca.crt"
    given.write_bytes(make_authority(START).certificate)
    keeping = replace(OURS, names=Names(), published=given if has_authority else None)
    kept = Kept(FakeApi(PATH, VALIDATING, MUTATING), keeping)
    assert kept.round()
    paths = read_paths(kept.api.held(PATH), START)
    assert paths is not None
    bundles, asked = told(kept.api)
    assert bundles == ({given.read_bytes()} if has_authority else {b""})
    assert asked == {f"/{paths.current}/validate", f"/{paths.current}/mutate"}
    assert set(kept.api.objects) == {PATH, VALIDATING, MUTATING}


def test_somebody_elses_authority_that_is_broken_is_not_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given, good = tmp_path / "ca.crt", make_authority(START).certificate
    given.write_bytes(good)
    api = FakeApi(PATH, VALIDATING, MUTATING)
    kept = Kept(api, replace(OURS, names=Names(), published=given))
    assert kept.round()
    for broken in (b"", b"garbage", good[:100]):
        given.write_bytes(broken)
        assert not kept.round()
        assert told(api)[0] == {good}
    assert "ca.crt holds no PEM certificate: the one before stays trusted" in caplog.text


def test_who_led_before_and_comes_late_takes_nothing_back(kept: Kept) -> None:
    assert kept.round()
    late = Told(kept.api, OURS.configurations)
    Told(kept.api, OURS.configurations).tell(b"newer", "newer")
    with pytest.raises(ApiError) as refused:
        late.tell(b"older", "older")
    assert refused.value.is_conflict
    assert told(kept.api)[0] == {b"newer"}


def test_a_leaf_of_somebody_else_is_not_written_over(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("certs.authority.AUTHORITY_NAME", "corporate CA")
        foreign = issue_leaf(make_authority(START), names(), START)
    kept.api.fill(CERTIFICATE, {"tls.crt": foreign.certificate, "tls.key": foreign.key})
    assert not kept.round()
    assert "set certificates.source to secret" in caplog.text
    assert leaf(kept.api) == foreign


# ---------------------------------------------------------------- in its thread


class Steps:
    """Waits in place of an event, and notes for how long."""

    def __init__(self, rounds: int) -> None:
        self.rounds, self.waited = rounds, list[float]()

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return len(self.waited) > self.rounds


def run(api: FakeApi, rounds: int, *, leads: bool = True) -> list[float]:
    counters = CertificateCounters(CollectorRegistry())
    made = Certificates(cast("Api", api), OURS, lambda: leads, counters, lambda: START)
    steps = Steps(rounds)
    made._stop = steps  # type: ignore[assignment]
    made._run()
    return steps.waited


def test_rounds_come_sooner_after_a_failure_and_ever_more_slowly() -> None:
    api = FakeApi()
    assert run(api, 2) == [0, ROUND_SECONDS, ROUND_SECONDS]
    api.refused["get", PATH] = ApiError(0, "Unreachable")
    assert run(api, 7) == [0, 1, 2, 4, 8, 16, 30, 30]


def test_who_does_not_lead_writes_nothing() -> None:
    api = FakeApi()
    assert run(api, 2, leads=False) == [0, 1, 1]
    assert api.writes == []


def test_no_phase_is_missed_by_much() -> None:
    short = replace(OURS, overlap=timedelta(seconds=2))
    assert Kept(FakeApi(), short).certificates.round_seconds == 0.5

"""Certificates in a Secret, told to webhook configurations, written where they are served from."""

import base64
import logging
from dataclasses import replace

import pytest

from certs.authority import LEAF_LIFE, issue_leaf, make_authority
from certs.pair import Bundle, Pair
from certs.plan import Keep, plan
from certs.store import load
from tests.unit.cluster.certificates import (
    MUTATING,
    SECRET,
    SECRETS,
    START,
    VALIDATING,
    Clock,
    FakeApi,
    make,
    run,
)
from webhook.cluster.certificates import ROUND_SECONDS, Keeping
from webhook.cluster.errors import ApiError


@pytest.fixture
def api() -> FakeApi:
    return FakeApi(SECRET, VALIDATING, MUTATING)


def test_at_first_all_of_it_is_made_told_and_served(api: FakeApi, keeping: Keeping) -> None:
    keeper = make(api, keeping)
    assert keeper.not_ready() == ["no certificate yet: Secret guard/certificate was not read yet"]
    assert run(keeper, 1) == [ROUND_SECONDS]
    kept = api.bundle()
    assert plan(kept, START, keeping.names) == Keep()
    assert api.trusted(VALIDATING) == api.trusted(MUTATING) == {kept.authority.certificate}
    assert load(keeping.folder) == Bundle(Pair(kept.authority.certificate), kept.leaf)
    assert keeper.not_ready() == []


def test_a_round_that_finds_all_well_writes_nothing(api: FakeApi, keeping: Keeping) -> None:
    keeper = make(api, keeping)
    run(keeper, 1)
    api.writes.clear()
    before = (keeping.folder / "tls.crt").stat().st_ino
    run(keeper, 3)
    assert api.writes == []
    assert (keeping.folder / "tls.crt").stat().st_ino == before


def test_the_secret_is_created_where_there_is_none(keeping: Keeping) -> None:
    api = FakeApi(VALIDATING)
    run(make(api, keeping), 1)
    assert plan(api.bundle(), START, keeping.names) == Keep()


def test_a_leaf_that_is_due_is_renewed_and_served(api: FakeApi, keeping: Keeping) -> None:
    clock = Clock()
    keeper = make(api, keeping, clock)
    run(keeper, 1)
    before = api.bundle()
    clock.now += LEAF_LIFE * 0.67
    run(keeper, 1)
    after = api.bundle()
    assert after.authority == before.authority
    assert load(keeping.folder).leaf == after.leaf != before.leaf


def test_what_another_replica_renewed_is_taken(api: FakeApi, keeping: Keeping) -> None:
    clock = Clock()
    mine = make(api, keeping, clock)
    others = make(api, replace(keeping, folder=keeping.folder / "others"), clock)
    run(mine, 1)
    clock.now += LEAF_LIFE * 0.67
    run(others, 1)
    api.writes.clear()
    run(mine, 1)
    assert load(keeping.folder).leaf == api.bundle().leaf
    assert api.writes == []


def test_somebody_elses_edit_of_a_bundle_does_not_last(api: FakeApi, keeping: Keeping) -> None:
    keeper = make(api, keeping)
    run(keeper, 1)
    api.objects[MUTATING]["webhooks"][1]["clientConfig"]["caBundle"] = "b3RoZXI="
    run(keeper, 1)
    assert api.trusted(MUTATING) == {api.bundle().authority.certificate}


def test_an_emptied_or_corrupted_secret_is_filled_again(api: FakeApi, keeping: Keeping) -> None:
    keeper = make(api, keeping)
    run(keeper, 1)
    for data in ({}, {"ca.crt": "!", "ca.key": "AAAA", "tls.crt": "AAAA"}):
        before = load(keeping.folder).authority.certificate
        api.put(SECRET, {"data": data})
        run(keeper, 1)
        kept = api.bundle()
        # Other replicas serve the leaf that they have, until their next round.
        first = before.partition(b"-----END CERTIFICATE-----")[0]
        assert first in kept.authority.certificate
        assert plan(kept, START, keeping.names) == Keep()
        assert load(keeping.folder).leaf == kept.leaf
        assert api.trusted() == {kept.authority.certificate}


def test_configurations_that_are_not_there_are_no_error(keeping: Keeping) -> None:
    keeper = make(FakeApi(SECRET), keeping)
    assert run(keeper, 1) == [ROUND_SECONDS]
    assert keeper.not_ready() == []


def test_a_new_authority_is_not_served_before_it_is_told(api: FakeApi, keeping: Keeping) -> None:
    api.refused["patch", MUTATING] = ApiError(403, "Forbidden", "no patch")
    keeper = make(api, keeping)
    run(keeper, 1)
    assert keeper.not_ready() == ["no certificate yet: Forbidden: no patch"]
    api.refused.clear()
    run(keeper, 1)
    assert keeper.not_ready() == []


def test_a_new_leaf_is_served_although_nothing_can_be_told(api: FakeApi, keeping: Keeping) -> None:
    clock = Clock()
    keeper = make(api, keeping, clock)
    run(keeper, 1)
    before = api.bundle()
    api.refused["get", VALIDATING] = ApiError(403, "Forbidden")
    clock.now += LEAF_LIFE * 0.67
    run(keeper, 1)
    assert load(keeping.folder).leaf == api.bundle().leaf != before.leaf


def test_failures_are_said_once_counted_and_tried_again_ever_more_slowly(
    api: FakeApi, keeping: Keeping, caplog: pytest.LogCaptureFixture
) -> None:
    api.refused["get", SECRET] = ApiError(0, "Unreachable", "no route")
    keeper = make(api, keeping)
    with caplog.at_level(logging.ERROR):
        assert run(keeper, 7) == [1, 2, 4, 8, 16, 30, 30]
    assert len(caplog.records) == 1
    assert keeper._errors._value.get() == 7
    assert keeper.not_ready() == ["no certificate yet: Unreachable: no route"]
    api.refused.clear()
    assert run(keeper, 2) == [ROUND_SECONDS, ROUND_SECONDS]
    assert keeper.not_ready() == []


def test_a_fault_of_our_own_does_not_end_the_rounds(
    api: FakeApi, keeping: Keeping, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("broken")

    api.before_write = broken
    keeper = make(api, keeping)
    assert run(keeper, 2) == [1, 2]
    assert keeper.not_ready() == ["no certificate yet: RuntimeError('broken')"]
    assert "Traceback" in caplog.text


def test_where_no_secret_may_be_created_the_remedy_is_said(keeping: Keeping) -> None:
    api = FakeApi()
    api.refused["create", SECRETS] = ApiError(403, "Forbidden", "no create")
    keeper = make(api, keeping)
    run(keeper, 1)
    assert "`helm upgrade` makes it" in keeper.not_ready()[0]


def test_somebodys_own_certificate_is_served_and_nothing_is_written(
    api: FakeApi, keeping: Keeping
) -> None:
    authority = make_authority(START)
    leaf = issue_leaf(authority, keeping.names, START)
    pem = {"tls.crt": leaf.certificate, "tls.key": leaf.key}
    data = {name: base64.b64encode(value).decode() for name, value in pem.items()}
    api.put(SECRET, {"data": data})
    keeper = make(api, keeping)
    run(keeper, 1)
    assert load(keeping.folder) == Bundle(leaf=leaf)
    assert api.writes == []
    assert keeper.not_ready() == []

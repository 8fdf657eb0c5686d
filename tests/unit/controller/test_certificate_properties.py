"""Whatever fails, and whenever: no review fails that a replica could have been ready for."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.controller.certificates import (
    AUTHORITY,
    CERTIFICATE,
    MUTATING,
    OVERLAP,
    PATH,
    VALIDATING,
    FakeApi,
    Kept,
    Replica,
)
from tests.unit.controller.test_certificates import OURS
from webhook.cluster.errors import ApiError

ROUND = OVERLAP / 10
# The kubelet is quicker than the overlap, by the round that may lie between.
SLOWEST_SYNC_ROUNDS = 8

ASKED = st.sampled_from(["leaf", "authority"])
FAILED = st.tuples(
    st.sampled_from(["get", "patch"]),
    st.sampled_from([AUTHORITY, CERTIFICATE, PATH, VALIDATING, MUTATING]),
)


def look_at(kept: Kept, replicas: list[Replica], lags: list[int], number: int) -> None:
    for replica, lag in zip(replicas, lags, strict=True):
        assert replica.failure(kept.now) == "", number
        if number % lag == 0:
            replica.sync()
            assert replica.failure(kept.now) == "", number


@settings(max_examples=15)
@given(
    asked=st.dictionaries(st.integers(0, 40), ASKED, max_size=8),
    failed=st.dictionaries(st.integers(0, 40), FAILED, max_size=30),
    lost=st.dictionaries(st.integers(0, 40), st.sampled_from([AUTHORITY, PATH]), max_size=2),
    lags=st.lists(st.integers(1, SLOWEST_SYNC_ROUNDS), min_size=1, max_size=3),
    crashes=st.dictionaries(st.integers(0, 40), st.integers(1, 4), max_size=10),
)
def test_every_review_is_answered_and_trusted(
    asked: dict[int, str],
    failed: dict[int, tuple[str, str]],
    lost: dict[int, str],
    lags: list[int],
    crashes: dict[int, int],
) -> None:
    kept = Kept(FakeApi(), OURS)
    assert kept.round()
    replicas = [Replica(kept.api) for _ in lags]
    for replica in replicas:
        replica.sync()
    for number in range(60):
        if number in asked:
            kept.ask(asked[number])
        if number in lost:
            kept.api.fill(lost[number], {})
        kept.api.refused = {failed[number]: ApiError(500, "x")} if number in failed else {}
        left = [crashes.get(number, 99)]

        def crash(left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise ApiError(0, "Unreachable")

        kept.api.before_write = crash
        kept.round(ROUND)
        look_at(kept, replicas, lags, number)
    assert kept.round(timedelta(days=1))
    assert not kept.is_asked

"""That a run can fail: what is excused, and what grows."""

import pytest

from tests.chaos.memory import Life, Sample
from tests.chaos.schedule import schedule
from tests.chaos.traffic import Seen
from tests.chaos.verdict import judge, unexcused
from tests.chaos.windows import Window, Windows

WINDOWS = Windows([Window("etcd", 100, 105, 107)], kills=[(200.0, 200.0)])


@pytest.mark.parametrize(
    ("begun", "ended", "why"),
    [
        (99, 99.9, None),
        (99, 100.1, "etcd"),
        (106.9, 120, "etcd"),
        (107.1, 120, None),
        (199.5, 200.1, "in flight at who was killed"),
        (199, 199.9, None),
        (200.3, 201, None),
    ],
)
def test_only_what_met_a_fault_is_excused(begun: float, ended: float, why: str | None) -> None:
    assert WINDOWS.excuse(begun, ended) == why


def seen(name: str, begun: float, outcome: str) -> Seen:
    return Seen("HPA", name, begun, begun + 0.1, outcome, "")


def test_what_is_wrong_is_never_excused() -> None:
    requests = [seen("a", 101, "failed"), seen("b", 50, "failed"), seen("c", 101, "wrong")]
    judged = judge([*requests, seen("d", 50, "right")], WINDOWS)
    assert judged.excused == {("failed", "etcd"): 1}
    assert judged.faults == requests[1:]


def test_of_two_in_conflict_one_has_to_have_met_a_fault() -> None:
    requests = [seen("h1", 50, "right"), seen("v1", 102, "right"), seen("h2", 50, "right")]
    pairs = [frozenset({"h1", "v1"}), frozenset({"h2", "v2"})]
    assert unexcused(pairs, requests, WINDOWS) == {"h2 v2": [requests[2]]}


def test_what_overlaps_counts_once() -> None:
    windows = Windows([Window("etcd", 0, 5, 8), Window("OPA", 4, 9, 10), Window("no webhook", 20)])
    assert windows.seconds(until=25) == 15


def test_what_grows_is_seen_once_it_is_warm() -> None:
    start = [Sample(at, at) for at in range(300)]
    flat = [Sample(at, 300.0) for at in range(300, 600)]
    steep = [Sample(at, 300.0 + at / 60) for at in range(300, 600)]
    assert Life("flat", 1, start + flat).slope() == pytest.approx(0)
    assert Life("steep", 1, start + steep).slope() == pytest.approx(1)
    assert Life("short", 1, start[:3]).slope() is None


@pytest.mark.parametrize("seconds", [30, 1200])
def test_a_schedule_can_be_had_again_and_leaves_nothing_out(seconds: float) -> None:
    due = schedule(seconds, 1)
    assert due == schedule(seconds, 1)
    assert all(0 < one.at_seconds < seconds for one in due)
    faults = {one.fault for one in due}
    assert {"a webhook", "both webhooks", "API server", "etcd", "PostgreSQL", "OPA"} <= faults
    assert {"leaf", "engine opa", "broken configuration"} <= faults
    assert seconds < 120 or due != schedule(seconds, 2)

"""Two requests that conflict, at two replicas: each way in which both could pass."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.cluster import replicas
from tests.unit.cluster.replicas import LEASE, Raw, Replica, Server, judge, lost, once
from tests.unit.core.autoscalers import asked, at, hpa, scaled_object, vpa
from webhook.cluster import ledger
from webhook.cluster.errors import ApiError
from webhook.core import shard
from webhook.core.decide import ALLOWED, Judge
from webhook.core.entry import Entry
from webhook.core.mode import Mode
from webhook.core.shard import Shard
from webhook.core.verdict import CannotJudge

FREE = hpa("free", "other")
MEMORY = vpa(
    resourcePolicy={
        "containerPolicies": [_POLICY := {"containerName": "*", "controlledResources": ["memory"]}]
    }
)
OFF = vpa(updatePolicy={"updateMode": "Off"})

Make = Callable[[], Replica]


@pytest.fixture(scope="module")
def rules() -> Judge:
    return judge()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing changes while a request waits, unless a test changes it."""
    monkeypatch.setattr(ledger, "WAIT_SECONDS", 0.05)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def make(server: Server, rules: Judge) -> Make:
    return lambda: Replica(server, rules)


def test_of_two_that_conflict_one_is_let_in_whatever_replica_they_reach(make: Make) -> None:
    first, second = make(), make()
    assert first.admits(hpa())
    decision = second.decides(vpa())
    assert not decision.allowed
    assert decision.findings == ()
    assert decision.ask_again == (
        "HorizontalPodAutoscaler shop/h is being written at this moment and may conflict with this"
    )
    assert (first.outcomes("entered"), second.outcomes("clash")) == (1, 1)


def test_it_takes_one_read_and_one_write(server: Server, make: Make) -> None:
    replica = make()
    assert replica.admits(hpa())
    assert replica.admits(FREE)
    about_the_ledger = [verb for verb, path in server.asked if path == LEASE]
    assert about_the_ledger == ["get", "create", *("get", "update"), *("get", "update")]


def test_what_does_not_conflict_passes_beside_it(make: Make) -> None:
    first, second = make(), make()
    assert first.admits(hpa())
    assert second.admits(MEMORY)
    assert second.admits(FREE)
    assert second.admits(vpa("v", "elsewhere"))


def test_it_is_denied_once_what_was_in_flight_is_there(server: Server, make: Make) -> None:
    first, second = make(), make()
    assert first.admits(hpa())
    second.sees(server.store(hpa()))
    assert second.is_denied(vpa())


def test_who_waits_sees_it_come(
    server: Server, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "WAIT_SECONDS", 5.0)
    first, second = make(), make()
    assert first.admits(hpa())
    stored = server.store(hpa())
    threading.Timer(0.1, second.sees, [stored]).start()
    assert second.is_denied(vpa())
    assert second.outcomes("clash") == 0


def test_update_that_brings_the_conflict_counts(server: Server, make: Make) -> None:
    first, second = make(), make()
    old = server.store(MEMORY)
    for replica in (first, second):
        replica.sees(old)
    assert first.admits(vpa(), old)
    assert second.is_asked_again(hpa())
    second.sees(server.store(vpa()))
    assert second.is_denied(hpa())


def test_of_two_updates_of_one_object_both_may_come_to_be(server: Server, make: Make) -> None:
    """The second must not make the first be forgotten: whichever is written first, is."""
    first, second = make(), make()
    old = server.store(OFF)
    for replica in (first, second):
        replica.sees(old)
    assert first.admits(vpa(), old, uid="1")
    assert second.admits(MEMORY, old, uid="2")
    assert make().is_asked_again(hpa())


def test_update_of_what_no_judgement_reads_needs_no_ledger(server: Server, make: Make) -> None:
    replica = make()
    old = server.store(hpa())
    assert replica.admits(at(old, 101, labels={"a": "b"}), old)
    assert replica.admits(OFF)
    assert LEASE not in [path for _, path in server.asked]
    assert replica.outcomes("not_needed") == 2


def test_request_that_is_decided_without_others_needs_no_ledger(server: Server, make: Make) -> None:
    replica = make()
    assert replica.ledger.settle(asked(hpa()), lambda _counterparts: ALLOWED, 0.0) is ALLOWED
    assert server.asked == []
    assert replica.outcomes("not_needed") == 1


@pytest.mark.parametrize("mode", [Mode.WARN, Mode.AUDIT])
def test_where_nobody_is_refused_nobody_is_asked_to_come_back(
    server: Server, make: Make, mode: Mode
) -> None:
    first, second = make(), make()
    assert first.admits(hpa())
    settings = replace(second.rules.settings, mode=mode)
    second.rules = replace(second.rules, settings=settings)
    assert second.admits(vpa())
    server.shard = Shard((), {"HorizontalPodAutoscaler.autoscaling": 10**6})
    assert second.admits(vpa())
    assert second.outcomes("not_needed") == 2


# ------------------------------------------------------- entries that are removed


def test_what_a_quick_replica_removed_a_slow_one_must_have_seen(server: Server, make: Make) -> None:
    first, quick, slow = make(), make(), make()
    assert first.admits(hpa())
    stored = server.store(hpa())
    quick.sees(stored)
    assert quick.admits(FREE)
    assert server.in_flight() == ["free"]
    assert slow.is_asked_again(vpa())
    assert slow.outcomes("behind") == 1
    slow.sees(stored)
    assert slow.is_denied(vpa())


def test_who_is_behind_waits_for_a_moment(
    server: Server, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "WAIT_SECONDS", 5.0)
    first, slow = make(), make()
    assert first.admits(hpa())
    stored = server.store(hpa())
    first.sees(stored)
    first.sweeps()
    threading.Timer(0.1, slow.sees, [stored]).start()
    assert slow.is_denied(vpa())
    assert slow.outcomes("behind") == 0


def test_what_came_and_went_does_not_stand_in_the_way(server: Server, make: Make) -> None:
    first, second = make(), make()
    assert first.admits(hpa())
    stored = server.store(hpa())
    gone = server.delete(hpa())
    second.sees(stored)
    second.sees(gone, is_gone=True)
    assert second.admits(vpa())


def test_request_that_was_refused_elsewhere_counts_until_nobody_waits_for_it(
    server: Server, make: Make
) -> None:
    first, second = make(), make()
    assert first.admits(hpa())
    second.sweeps()
    second.now += 64
    second.sweeps()
    assert second.is_asked_again(vpa())
    second.now += 2
    second.sweeps()
    assert server.in_flight() == []
    assert second.admits(vpa())


def test_its_age_is_counted_from_when_this_process_first_saw_it(make: Make) -> None:
    first, second = make(), make()
    assert first.admits(hpa())
    second.now = 1e6
    second.sweeps()
    assert second.is_asked_again(vpa())


def test_old_entry_of_what_is_there_stays_until_it_is_seen(server: Server, make: Make) -> None:
    first, second = make(), make()
    assert first.admits(hpa())
    stored = server.store(hpa())
    second.sweeps()
    second.now += 66
    second.sweeps()
    assert len(server.in_flight()) == 1
    second.sees(stored)
    second.sweeps()
    assert server.in_flight() == []
    assert list(server.shard.floors.values()) == [int(stored["metadata"]["resourceVersion"])]


@pytest.mark.parametrize("error", [ApiError(403, "Forbidden"), ApiError(0, "DeadlineExceeded")])
def test_old_entry_stays_while_nobody_can_look(server: Server, make: Make, error: ApiError) -> None:
    first, second = make(), make()
    assert first.admits(hpa())
    second.sweeps()
    second.now += 66

    def refuse(_verb: str, path: str) -> None:
        if path != LEASE:
            raise error

    server.before = refuse
    second.sweeps()
    assert len(server.in_flight()) == 1


@pytest.mark.parametrize("raw", [{"kind": "Robot"}, {**hpa(), "metadata": {"namespace": "shop"}}])
def test_old_entry_of_nothing_that_can_be_read_goes(server: Server, make: Make, raw: Raw) -> None:
    server.shard = Shard((Entry("1", {**raw, "metadata": {"namespace": "shop"}}, 0),))
    replica = make()
    replica.sweeps()
    replica.now += 66
    replica.sweeps()
    assert server.in_flight() == []


def test_update_that_never_was_goes(server: Server, make: Make) -> None:
    replica = make()
    old = server.store(MEMORY)
    replica.sees(old)
    assert replica.admits(vpa(), old)
    replica.sweeps()
    replica.now += 66
    replica.sweeps()
    assert server.in_flight() == []


# ------------------------------------------------------- floors that cannot be reached


def test_floor_of_a_time_that_a_backup_took_back_is_given_up(server: Server, make: Make) -> None:
    server.shard = Shard((), {"HorizontalPodAutoscaler.autoscaling": 10**6})
    replica = make()
    assert replica.is_asked_again(hpa())
    replica.now += 119
    hear(replica)
    assert replica.is_asked_again(hpa())
    replica.now += 2
    hear(replica)
    assert replica.admits(hpa())
    assert server.shard.floors == {}


def test_floor_is_not_given_up_by_a_watch_that_hears_nothing(server: Server, make: Make) -> None:
    server.shard = Shard((), {"HorizontalPodAutoscaler.autoscaling": 10**6})
    replica = make()
    assert replica.is_asked_again(hpa())
    replica.now += 1000
    assert replica.is_asked_again(hpa())


def test_floor_that_rises_is_waited_for_anew(server: Server, make: Make) -> None:
    replica = make()
    for floor in (10**6, 10**7):
        server.shard = Shard((), {"HorizontalPodAutoscaler.autoscaling": floor})
        assert replica.is_asked_again(hpa())
        replica.now += 119
        hear(replica)
    assert replica.is_asked_again(hpa())


def test_floor_of_a_crd_that_was_removed_is_given_up_soon(server: Server, make: Make) -> None:
    server.shard = Shard((), {"VerticalPodAutoscaler.autoscaling.k8s.io": 10**6, "Robot.x": 10**6})
    replica = make()
    for watch in replica.watches.values():
        watch.is_absent = True
    assert replica.is_asked_again(hpa())
    replica.now += 11
    hear(replica)
    assert replica.admits(hpa())


def hear(replica: Replica) -> None:
    for watch in replica.watches.values():
        watch._hear()


# ------------------------------------------------------- writes


def test_who_was_overtaken_judges_again(server: Server, make: Make) -> None:
    first, second = make(), make()
    assert first.admits(FREE)

    def overtake(_verb: str, _path: str) -> None:
        assert first.admits(hpa())

    server.before = once(overtake)
    assert second.is_asked_again(vpa())
    assert second.requests("update", "conflict") == 1


def test_lease_that_another_one_made_first_is_read(server: Server, make: Make) -> None:
    first, second = make(), make()

    def overtake(_verb: str, _path: str) -> None:
        assert first.admits(hpa())

    server.before = once(overtake)
    assert second.is_asked_again(vpa())
    assert second.requests("create", "conflict") == 1


def test_lease_that_was_deleted_is_made_anew(server: Server, make: Make) -> None:
    replica = make()
    assert replica.admits(FREE)

    def delete(_verb: str, path: str) -> None:
        del server.objects[path]

    server.before = once(delete)
    assert replica.admits(hpa())
    assert (replica.requests("update", "not_found"), replica.requests("create", "ok")) == (1, 2)


def test_write_whose_end_is_not_known_fails_the_call_and_still_counts(
    server: Server, make: Make
) -> None:
    first, second = make(), make()
    assert first.admits(FREE)
    server.after = once(lost)
    with pytest.raises(CannotJudge, match="no update of Lease guard/scaleguard-in-flight-02"):
        first.decides(hpa())
    assert first.outcomes("failed") == 1
    assert second.is_asked_again(vpa())


def test_who_comes_again_is_not_in_its_own_way(server: Server, make: Make) -> None:
    replica = make()
    assert replica.admits(hpa())
    again = {**hpa(), "metadata": {**hpa()["metadata"], "uid": "next"}}
    assert replica.admits(again, uid="another")
    assert len(server.in_flight()) == 1


def test_whom_many_overtake_is_asked_to_come_back(
    server: Server, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "REQUEST_SECONDS", 2.0)
    replica = make()
    assert replica.admits(FREE)

    def conflict(verb: str, _path: str) -> None:
        if verb == "update":
            raise ApiError(409, "Conflict")

    server.before = conflict
    assert replica.is_asked_again(hpa())
    assert replica.outcomes("contended") == 1
    assert replica.requests("update", "conflict") > 3


def test_full_shard_asks_to_come_back(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    replica = make()
    assert replica.admits(FREE)
    monkeypatch.setattr(shard, "MOST_BYTES", 500)
    decision = replica.decides(hpa())
    assert decision.ask_again == "too many requests are in flight: 2 of them"
    assert replica.outcomes("full") == 1


def test_dry_run_is_judged_alike_and_leaves_no_trace(server: Server, make: Make) -> None:
    first, second = make(), make()
    assert first.admits(hpa(), dry_run=True)
    assert LEASE not in server.objects
    assert first.admits(hpa())
    assert second.is_asked_again(vpa(), dry_run=True)
    assert first.outcomes("dry_run") == 1


@pytest.mark.parametrize(
    "error", [ApiError(403, "Forbidden"), ApiError(0, "DeadlineExceeded"), ApiError(500, "Oops")]
)
def test_ledger_that_cannot_be_written_leaves_no_judgement(
    server: Server, make: Make, error: ApiError
) -> None:
    replica = make()

    def refuse(verb: str, _path: str) -> None:
        if verb == "create":
            raise error

    server.before = refuse
    with pytest.raises(CannotJudge, match=error.reason):
        replica.decides(hpa())
    assert replica.outcomes("failed") == 1


def test_document_that_cannot_be_relied_on_leaves_no_judgement(server: Server, make: Make) -> None:
    server.shard = Shard()
    server.objects[LEASE]["metadata"]["annotations"] = {"scaleguard.io/in-flight": "?"}
    with pytest.raises(CannotJudge, match=r"guard/scaleguard-in-flight-02 .*delete the Lease"):
        make().decides(hpa())


def test_lease_without_the_document_is_taken(server: Server, make: Make) -> None:
    server.shard = Shard()
    server.objects[LEASE]["metadata"] = {"resourceVersion": "7", "labels": {"kept": "yes"}}
    assert make().admits(hpa())
    assert server.objects[LEASE]["metadata"]["labels"] == {"kept": "yes"}


# ------------------------------------------------------- what is told of an object


def test_too_large_an_object_may_meet_anything_on_its_workload(make: Make) -> None:
    first, second = make(), make()
    many = [{"containerName": f"c{number}", "mode": "Auto"} for number in range(400)]
    assert first.admits(vpa(resourcePolicy={"containerPolicies": [*many, _POLICY]}))
    assert second.admits(hpa("x", "other"))
    assert second.is_asked_again(scaled_object())


def test_entry_of_a_kind_that_only_another_version_judges_is_left_alone(
    server: Server, make: Make
) -> None:
    robot = {"apiVersion": "x/v1", "kind": "Robot", "metadata": {"namespace": "shop", "name": "r"}}
    server.shard = Shard((Entry("1", robot, 0),))
    assert make().admits(hpa())
    assert [one.ref.kind for one in server.shard.entries] == ["Robot", "HorizontalPodAutoscaler"]


def test_objects_without_a_uid_are_told_by_name_and_version(server: Server, make: Make) -> None:
    first, second = make(), make()
    nameless = hpa()
    del nameless["metadata"]["uid"]
    before = server.store(nameless)
    server.delete(nameless)
    second.sees(before)
    assert first.admits(nameless)
    assert second.is_asked_again(vpa())
    second.sees(server.store(nameless))
    assert second.is_denied(vpa())


# ------------------------------------------------------- watches that are behind


def test_denial_by_what_is_gone_is_taken_back(server: Server, make: Make) -> None:
    replica = make()
    replica.sees(server.store(hpa()))
    assert replica.is_denied(vpa())
    server.delete(hpa())
    assert replica.admits(vpa())


def test_denial_by_what_has_changed_is_judged_again(server: Server, make: Make) -> None:
    replica = make()
    replica.sees(server.store(vpa()))
    server.store(MEMORY)
    assert replica.admits(hpa())
    server.store(vpa(updatePolicy={"updateMode": "Initial"}))
    decision = replica.decides(hpa("again"))
    assert "mode Initial" in decision.findings[0].message


def test_denial_by_several_is_taken_back_where_all_are_gone(server: Server, make: Make) -> None:
    replica = make()
    for name in ("a", "b", "c"):
        replica.sees(server.store(hpa(name)))
        server.delete(hpa(name))
    assert replica.admits(hpa("d"))


@pytest.mark.parametrize(
    ("error", "is_final"), [(ApiError(403, "Forbidden"), True), (ApiError(500, "Oops"), False)]
)
def test_denial_stands_where_nobody_may_look_and_else_waits(
    server: Server, make: Make, error: ApiError, *, is_final: bool
) -> None:
    replica = make()
    replica.sees(server.store(hpa()))
    server.delete(hpa())

    def refuse(_verb: str, path: str) -> None:
        if path != LEASE:
            raise error

    server.before = refuse
    assert replica.is_denied(vpa()) is is_final
    assert replica.outcomes("unconfirmed") == (not is_final)


def test_what_was_written_long_ago_denies_though_no_watch_has_told_of_it(
    server: Server, make: Make
) -> None:
    first, second = make(), make()
    assert first.admits(hpa())
    assert second.is_asked_again(vpa())
    second.now += 3
    assert second.is_asked_again(vpa()), "it is not there yet"
    server.store(hpa())
    assert second.is_denied(vpa())


def test_what_was_written_otherwise_than_announced_denies_nothing(
    server: Server, make: Make
) -> None:
    first, second = make(), make()
    old = server.store(OFF)
    for replica in (first, second):
        replica.sees(old)
    assert first.admits(vpa(), old)
    assert second.is_asked_again(hpa())
    second.now += 3
    server.store(MEMORY)
    assert second.is_asked_again(hpa())

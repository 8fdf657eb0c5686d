"""Who writes: taking, keeping, losing and giving up a Lease."""

import logging
from collections.abc import Callable

import pytest

from tests.unit.controller.leases import Candidate, LeaseServer, Raw, Time
from webhook.cluster.errors import ApiError


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


@pytest.fixture
def ada(server: LeaseServer, time: Time) -> Candidate:
    return Candidate(server, time, "ada")


@pytest.fixture
def bob(server: LeaseServer, time: Time) -> Candidate:
    return Candidate(server, time, "bob", ahead=1000.0)


def spec(server: LeaseServer) -> Raw:
    assert server.lease is not None
    found: Raw = server.lease["spec"]
    return found


def failing(error: ApiError, *verbs: str) -> Callable[[str], None]:
    def fail(verb: str) -> None:
        if verb in verbs:
            raise error

    return fail


def test_the_first_one_makes_the_lease(server: LeaseServer, ada: Candidate) -> None:
    assert not ada.leads
    assert ada.step()
    assert ada.elected == 1
    assert server.lease == {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"namespace": "guard", "name": "controller", "resourceVersion": "1"},
        "spec": {
            "holderIdentity": "ada",
            "leaseDurationSeconds": 15,
            "leaseTransitions": 0,
            "acquireTime": "2026-01-01T00:00:00.000000Z",
            "renewTime": "2026-01-01T00:00:00.000000Z",
        },
    }


def test_it_is_kept_by_writing_it(server: LeaseServer, ada: Candidate, time: Time) -> None:
    for _ in range(30):
        assert ada.step()
        time.seconds += 2
    assert ada.elected == 1
    assert spec(server)["leaseTransitions"] == 0
    assert spec(server)["acquireTime"] == "2026-01-01T00:00:00.000000Z"
    assert spec(server)["renewTime"] == "2026-01-01T00:00:58.000000Z"


def test_what_else_stands_in_the_lease_stays(server: LeaseServer, ada: Candidate) -> None:
    server.lease = {
        "metadata": {"name": "controller", "resourceVersion": "0", "labels": {"a": "b"}},
        "spec": {"strategy": "x", "leaseTransitions": 6},
    }
    assert ada.step()
    assert server.lease["metadata"]["labels"] == {"a": "b"}
    assert spec(server)["strategy"] == "x"
    assert spec(server)["leaseTransitions"] == 7


def test_others_wait_for_the_lease_to_rest_by_their_own_clock(
    server: LeaseServer, ada: Candidate, bob: Candidate, time: Time
) -> None:
    ada.step()
    for _ in range(20):
        time.seconds += 2
        assert ada.step()
        assert not bob.step()
    time.seconds += 14.9
    assert not bob.step()
    assert not ada.leads
    time.seconds += 0.1
    assert bob.step()
    assert spec(server)["holderIdentity"] == "bob"
    assert spec(server)["leaseTransitions"] == 1
    assert not ada.step()
    assert ada.elected == bob.elected == 1


def test_the_duration_of_the_holder_counts(
    server: LeaseServer, ada: Candidate, bob: Candidate, time: Time
) -> None:
    ada.step()
    spec(server)["leaseDurationSeconds"] = 60
    bob.step()
    time.seconds += 59
    assert not bob.step()
    time.seconds += 1
    assert bob.step()


def test_a_lease_without_a_duration_lasts_as_long_as_ours(
    server: LeaseServer, bob: Candidate, time: Time
) -> None:
    server.lease = {"metadata": {"resourceVersion": "0"}, "spec": {"holderIdentity": "x"}}
    assert not bob.step()
    time.seconds += 15
    assert bob.step()


def test_who_cannot_renew_stops_before_others_begin(
    server: LeaseServer,
    ada: Candidate,
    time: Time,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ada.step()
    server.before = failing(ApiError(0, "Unreachable"), "replace")
    time.seconds = 9.9
    assert ada.step(), "it may still be ours"
    assert str(ada.election.problem) == "Unreachable"
    time.seconds = 10.0
    assert not ada.leads
    assert not ada.step()
    assert not ada.step()
    # Another test of the process may have had the log say more.
    warned = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert warned == [
        "Lease guard/controller: Unreachable",
        "no leader any more: Lease guard/controller is not ours, or not renewed",
    ]
    server.before = lambda _: None
    assert ada.step()
    assert ada.election.problem is None
    assert ada.elected == 2


def test_after_a_renewal_that_took_too_long_all_is_looked_at_again(
    server: LeaseServer, ada: Candidate, time: Time
) -> None:
    """Meanwhile it was no leader, and whatever happened then was left to another one."""

    def take_long(verb: str) -> None:
        if verb == "replace":
            time.seconds += 4

    ada.step()
    time.seconds = 7.0
    server.before = take_long
    assert ada.step()
    assert time.seconds == 11
    assert ada.elected == 2


def test_a_renewal_that_is_over_when_it_comes_is_none(
    server: LeaseServer, ada: Candidate, time: Time
) -> None:
    def take_long(_: str) -> None:
        time.seconds += 5

    ada.step()
    server.after = take_long
    assert not ada.step()
    server.after = lambda _: None
    assert ada.elected == 1
    assert ada.step()
    assert ada.elected == 2


def test_of_two_at_once_one_gets_it(server: LeaseServer, ada: Candidate, bob: Candidate) -> None:
    def meet(verb: str) -> None:
        server.before = lambda _: None
        assert verb == "create"
        assert bob.step()

    server.after = lambda _: None
    server.before = lambda verb: meet(verb) if verb != "get" else None
    assert not ada.step()
    assert ada.election.problem is None, "somebody else was quicker: nothing is wrong"
    assert bob.leads


def test_a_holder_whose_write_meets_another_ones_is_none(
    server: LeaseServer, ada: Candidate
) -> None:
    ada.step()

    def write(verb: str) -> None:
        if verb == "replace" and server.lease is not None:
            server.lease["metadata"]["resourceVersion"] = "someone"

    server.before = write
    assert not ada.step()
    assert ada.election.problem is None
    assert ada.step(), "but it still is its holder"
    assert ada.elected == 2


def test_a_lease_that_is_deleted_is_made_again_by_its_holder(
    server: LeaseServer, ada: Candidate, bob: Candidate, time: Time
) -> None:
    ada.step()
    bob.step()
    server.lease = None
    assert not bob.step()
    assert ada.step()
    assert ada.elected == 1
    assert not bob.step()
    server.lease = None
    time.seconds += 16
    assert not bob.step(), "it may have been renewed since, and then deleted"
    time.seconds += 15
    assert not bob.step(), "it may have been made and deleted since"
    assert server.asked[-1] == "create"
    time.seconds += 9
    assert not bob.step()
    time.seconds += 6
    assert bob.step()
    assert bob.elected == 1


def test_a_lease_that_is_let_go_is_taken_at_once(
    server: LeaseServer, ada: Candidate, bob: Candidate
) -> None:
    ada.step()
    bob.step()
    ada.election.stop()
    assert not ada.leads
    assert spec(server)["holderIdentity"] == ""
    assert bob.step()


def test_who_does_not_lead_lets_nothing_go(
    server: LeaseServer, ada: Candidate, bob: Candidate
) -> None:
    ada.step()
    bob.step()
    asked = len(server.asked)
    bob.election.stop()
    assert len(server.asked) == asked


def test_a_lease_of_another_one_is_not_let_go(server: LeaseServer, ada: Candidate) -> None:
    ada.step()
    spec(server)["holderIdentity"] = "bob"
    ada.election.stop()
    assert spec(server)["holderIdentity"] == "bob"


def test_a_lease_that_cannot_be_let_go_is_said(
    server: LeaseServer, ada: Candidate, caplog: pytest.LogCaptureFixture
) -> None:
    ada.step()
    server.before = failing(ApiError(500, "InternalError", "etcd"), "replace")
    ada.election.stop()
    assert "Lease guard/controller is not let go: InternalError: etcd" in caplog.messages


def test_a_problem_is_logged_once(
    server: LeaseServer, ada: Candidate, caplog: pytest.LogCaptureFixture
) -> None:
    server.before = failing(ApiError(403, "Forbidden", "no"), "get", "create")
    for _ in range(3):
        assert not ada.step()
    assert caplog.messages == ["Lease guard/controller: Forbidden: no"]
    assert ada.election.problem == "Forbidden: no"


def test_the_thread_goes_on_after_a_fault_of_its_own(
    server: LeaseServer, ada: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webhook.controller.election.RETRY_SECONDS", 0.01)
    faults = iter([RuntimeError("odd"), RuntimeError("odd")])

    def fail(_: str) -> None:
        if (fault := next(faults, None)) is not None:
            raise fault

    server.before = fail
    ada.election.start()
    deadline = Time()
    while not ada.leads and deadline.seconds < 1000:
        deadline.seconds += 1
        ada.election._stop.wait(0.01)
    assert ada.leads
    ada.election.stop()
    assert spec(server)["holderIdentity"] == ""

"""What is told at workloads: once for each thing said, and never in anybody's way."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.unit.cluster.fake import Answer, FakeApi, status
from tests.unit.cluster.states import wait_until, workload
from webhook.cluster.api import Api
from webhook.cluster.bucket import Bucket
from webhook.cluster.events import Events, Told

FOLDER = "/api/v1/namespaces/shop/events"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ABOUT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "namespace": "shop",
    "name": "web",
    "uid": "uid-web",
}


class Unbounded(Bucket):
    """Counts who asks, and lets everybody through."""

    def __init__(self) -> None:
        super().__init__(1.0, 1)
        self.taken = 0

    def take(self) -> None:
        self.taken += 1


@pytest.fixture
def bucket() -> Unbounded:
    return Unbounded()


class Counted(list[str]):
    """How each event ended."""

    def requests(self, result: str = "ok") -> int:
        return self.count(result)


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def events(api: Api, bucket: Unbounded, counted: Counted) -> Iterator[Events]:
    made = Events(api, bucket, "scaleguard-controller", counted.append, lambda: NOW)
    yield made
    made.stop()


def test_an_event_is_complete(
    server: FakeApi, events: Events, counted: Counted, bucket: Unbounded
) -> None:
    server.on(FOLDER, Answer(201))
    events.start().tell(workload("web"), "VPAMade", "made it")
    wait_until(lambda: counted.requests() == 1)
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", FOLDER)
    written = json.loads(asked.body)
    name = written["metadata"].pop("name")
    assert name.startswith("web.")
    assert len(name) == len("web.") + 16
    assert written == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": "shop"},
        "involvedObject": ABOUT,
        "reason": "VPAMade",
        "message": "made it",
        "type": "Normal",
        "source": {"component": "scaleguard-controller"},
        "reportingComponent": "scaleguard-controller",
        "reportingInstance": "",
        "firstTimestamp": "2026-01-02T03:04:05Z",
        "lastTimestamp": "2026-01-02T03:04:05Z",
        "count": 1,
    }
    assert bucket.taken == 1


def test_what_was_said_before_is_counted_up_and_each_write_takes_its_turn(
    server: FakeApi, events: Events, counted: Counted, bucket: Unbounded
) -> None:
    told = Told(ABOUT, "VPARefused", "no", "Warning")
    server.on(FOLDER, status(409, "AlreadyExists"))
    there = b'{"metadata": {"resourceVersion": "7"}, "count": 4}'
    server.on(f"{FOLDER}/{told.name}", Answer(body=there), Answer())
    events.start().tell(workload("web"), "VPARefused", "no", is_warning=True)
    wait_until(lambda: counted.requests() == 1)
    assert [asked.method for asked in server.asked] == ["POST", "GET", "PATCH"]
    assert json.loads(server.asked[0].body)["type"] == "Warning"
    assert json.loads(server.asked[-1].body) == {
        "metadata": {"resourceVersion": "7"},
        "count": 5,
        "lastTimestamp": "2026-01-02T03:04:05Z",
    }
    assert bucket.taken == 2


def test_what_another_process_counts_at_the_same_moment_is_not_lost(
    server: FakeApi, events: Events, counted: Counted, bucket: Unbounded
) -> None:
    told = Told(ABOUT, "VPARefused", "no", "Warning")
    server.on(FOLDER, status(409, "AlreadyExists"))
    first, then = (Answer(body=b'{"count": %d}' % count) for count in (4, 5))
    server.on(f"{FOLDER}/{told.name}", first, status(409, "Conflict"), then, Answer())
    events.start().tell(workload("web"), "VPARefused", "no", is_warning=True)
    wait_until(lambda: counted.requests() == 1)
    assert json.loads(server.asked[-1].body)["count"] == 6
    assert bucket.taken == 3


def test_an_event_that_others_write_all_the_time_is_given_up(
    server: FakeApi, events: Events, counted: Counted
) -> None:
    told = Told(ABOUT, "VPARefused", "no", "Warning")
    server.on(FOLDER, status(409, "AlreadyExists"))
    again = [answer for _ in range(9) for answer in (Answer(), status(409, "Conflict"))]
    server.on(f"{FOLDER}/{told.name}", *again)
    events.start().tell(workload("web"), "VPARefused", "no", is_warning=True)
    wait_until(lambda: counted.requests("conflict") == 1)
    assert [asked.method for asked in server.asked].count("PATCH") == 5


def test_a_fault_of_ours_ends_nothing(
    server: FakeApi, events: Events, counted: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks() -> dict[str, object]:
        raise ValueError("odd")

    server.on(FOLDER, Answer(201))
    events.start().tell(workload("web"), "VPARefused", "no", find=breaks)
    events.tell(workload("web"), "VPARefused", "another")
    wait_until(lambda: counted.requests() == 1)
    assert counted.requests("fault") == 1
    assert "no event VPARefused on web" in caplog.text


def test_a_noisy_namespace_waits_for_itself_alone(
    server: FakeApi, events: Events, counted: Counted
) -> None:
    quiet = FOLDER.replace("shop", "quiet")
    server.on(FOLDER, Answer(201))
    server.on(quiet, Answer(201))
    for number in range(1500):
        events.tell(workload("web"), "VPARefused", str(number))
    events.tell(workload("web", metadata={"namespace": "quiet"}), "VPARefused", "no")
    assert counted.requests("dropped") == 501  # all of them noisy
    events.start()
    wait_until(lambda: counted.requests() >= 3)
    assert [asked.path for asked in server.asked[:3]] == [FOLDER, quiet, FOLDER]


def test_the_object_is_found_when_it_is_told(
    server: FakeApi, events: Events, counted: Counted
) -> None:
    server.on(FOLDER, Answer(201))
    found = workload("api")
    events.tell(workload("web"), "VPARefused", "no", find=lambda: found)
    found["metadata"]["uid"] = "uid-now"
    events.start()
    wait_until(lambda: counted.requests() == 1)
    written = json.loads(server.asked[0].body)
    assert written["involvedObject"]["uid"] == "uid-now"
    assert written["metadata"]["name"].startswith("api.")


def test_an_event_that_cannot_be_written_is_counted_and_the_next_one_follows(
    server: FakeApi, events: Events, counted: Counted
) -> None:
    server.on(FOLDER, status(403, "Forbidden"), Answer(201))
    events.start()
    events.tell(workload("web"), "VPAMade", "a")
    events.tell(workload("web"), "VPAMade", "b")
    wait_until(lambda: counted.requests() == 1)
    assert counted.requests("forbidden") == 1


def test_one_name_for_what_says_the_same() -> None:
    told = Told(ABOUT, "VPAMade", "made it", "Normal")
    assert told.name == Told(ABOUT, "VPAMade", "made it", "Normal").name
    others = {
        Told(ABOUT | {"uid": "other"}, "VPAMade", "made it", "Normal").name,
        Told(ABOUT | {"uid": None}, "VPAMade", "made it", "Normal").name,
        Told(ABOUT | {"kind": "StatefulSet"}, "VPAMade", "made it", "Normal").name,
        Told(ABOUT, "VPAChanged", "made it", "Normal").name,
        Told(ABOUT, "VPAMade", "made another", "Normal").name,
    }
    assert len(others) == 5
    assert told.name not in others


@pytest.mark.parametrize("at", [228, 229, 230])
@pytest.mark.parametrize("odd", ["-", "."])
def test_a_long_name_is_cut_where_a_name_may_end(at: int, odd: str) -> None:
    name = Told(ABOUT | {"name": "a" * at + odd + "b" * 20}, "r", "m", "Normal").name
    assert len(name) <= 253
    start, _, digest = name.rpartition(".")
    assert start[-1].isalnum()
    assert len(digest) == 16


def test_what_cannot_be_told_in_time_is_dropped_and_counted(
    events: Events, counted: Counted
) -> None:
    for number in range(1003):
        events.tell(workload("web"), "VPAMade", str(number))
    assert counted.requests("dropped") == 3
    events.stop()  # even then


def test_messages_have_a_bound(server: FakeApi, events: Events, counted: Counted) -> None:
    server.on(FOLDER, Answer(201))
    events.start().tell(workload("web"), "VPAMade", "x" * 5000)
    wait_until(lambda: counted.requests() == 1)
    assert json.loads(server.asked[0].body)["message"] == "x" * 1024

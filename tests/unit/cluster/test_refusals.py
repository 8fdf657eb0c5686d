"""What is told of refusals in the cluster: where `kubectl describe` looks, and within bounds."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.cluster.fake import Answer, FakeApi, status
from tests.unit.cluster.states import DEPLOYMENTS, KINDS, answer, owned_by, wait_until, workload
from tests.unit.core.autoscalers import asked, hpa
from webhook.cluster.api import Api
from webhook.cluster.bucket import Bucket
from webhook.cluster.events import Events
from webhook.cluster.lookups import Lookups
from webhook.cluster.recorder import Silent
from webhook.cluster.refusals import MOST_DIFFERENT, Refusals
from webhook.core.decide import Decision
from webhook.core.finding import Action, Finding

FOLDER = "/api/v1/namespaces/shop/events"
DENIED = Finding("hpa-vpa-same-metric", Action.DENY, "both act on cpu", "leave memory to the VPA")
REFUSED = Decision(allowed=False, findings=(DENIED,))


class Telling:
    """Refusals that are told, and what came of it at the API server."""

    def __init__(self, server: FakeApi, api: Api) -> None:
        self.ended: list[str] = []
        self.server = server
        self.events = Events(api, Bucket(1000.0, 1000), "scaleguard", self.ended.append)
        self.lookups = Lookups(api, lambda: KINDS, Silent())
        self.refusals = Refusals(self.events, self.lookups)

    def written(self, count: int) -> list[dict[str, Any]]:
        """The events, once so many were written."""
        self.events.start()
        wait_until(lambda: len(self.ended) == count)
        assert self.ended == ["ok"] * count
        posted = (one for one in self.server.asked if one.method == "POST")
        return [json.loads(one.body) for one in posted]


@pytest.fixture
def telling(server: FakeApi, api: Api) -> Iterator[Telling]:
    server.on(FOLDER, Answer(201))
    made = Telling(server, api)
    yield made
    made.events.stop()


def made(owner: dict[str, Any]) -> dict[str, Any]:
    raw = hpa()
    raw["metadata"] |= owner
    return raw


def saying(message: str) -> Decision:
    return Decision(allowed=False, findings=(replace(DENIED, message=message),))


def test_a_denial_is_told_at_the_workload_with_the_uid_by_which_describe_finds_it(
    server: FakeApi, telling: Telling
) -> None:
    server.on(f"{DEPLOYMENTS}/web", answer(workload("web")))
    telling.refusals.tell(asked(hpa()), REFUSED)
    (event,) = telling.written(1)
    assert event["involvedObject"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "web",
        "uid": "uid-web",
    }
    assert event["type"] == "Warning"
    assert event["reason"] == "AutoscalerRefused"
    said = f"HorizontalPodAutoscaler shop/h was refused: {DENIED.sentence()}"
    assert event["message"] == said


def test_where_the_workload_is_not_known_it_is_told_in_the_namespace(
    server: FakeApi, telling: Telling
) -> None:
    server.on(f"{DEPLOYMENTS}/web", status(404, "NotFound"))
    telling.refusals.tell(asked(hpa()), REFUSED)
    (event,) = telling.written(1)
    assert event["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "namespace": "shop",
        "name": "shop",
        "uid": None,
    }
    assert event["metadata"]["namespace"] == "shop"


def test_an_object_that_is_nobodys_yet_is_told_of_in_the_namespace(telling: Telling) -> None:
    telling.refusals.tell(asked(workload("new")), REFUSED)
    (event,) = telling.written(1)
    assert event["involvedObject"]["kind"] == "Namespace"
    assert event["reason"] == "WorkloadRefused"


def test_the_topmost_owner_is_climbed_to_as_far_as_it_can_be_read(
    server: FakeApi, telling: Telling
) -> None:
    replica_sets = DEPLOYMENTS.replace("deployments", "replicasets")
    of = workload("web-1", kind="ReplicaSet", metadata=owned_by("web"))
    server.on(f"{replica_sets}/web-1", answer(of))
    server.on(f"{DEPLOYMENTS}/web", answer(workload("web")))
    telling.refusals.tell(asked(made(owned_by("web-1", kind="ReplicaSet"))), REFUSED)
    (event,) = telling.written(1)
    assert event["involvedObject"]["kind"] == "Deployment"
    assert event["involvedObject"]["uid"] == "uid-web"


def test_an_owner_that_nobody_can_read_is_told_by_what_the_object_says_of_it(
    telling: Telling,
) -> None:
    owner = owned_by("llama", "InferenceService", "serving.kserve.io/v1beta1")
    telling.refusals.tell(asked(made(owner)), REFUSED)
    (event,) = telling.written(1)
    assert event["involvedObject"] == {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "namespace": "shop",
        "name": "llama",
        "uid": "uid-llama",
    }


def test_who_says_that_a_foreign_namespace_is_the_owner_is_told_in_its_own(
    telling: Telling,
) -> None:
    forged = owned_by("kube-system", "Namespace", "v1")
    telling.refusals.tell(asked(workload("web", metadata=forged)), REFUSED)
    (event,) = telling.written(1)
    assert event["metadata"]["namespace"] == "shop"
    assert event["involvedObject"]["name"] == "shop"


def test_the_same_again_and_again_is_one_event_with_a_count(
    server: FakeApi, telling: Telling
) -> None:
    server.on(f"{DEPLOYMENTS}/web", answer(workload("web")))
    for _ in range(500):
        telling.refusals.tell(asked(hpa()), REFUSED)
    (event,) = telling.written(1)
    assert event["count"] == 500


def test_of_what_differs_a_few_are_told_and_the_rest_is_counted(
    server: FakeApi, telling: Telling
) -> None:
    server.on(f"{DEPLOYMENTS}/web", answer(workload("web")))
    for number in range(20):
        telling.refusals.tell(asked(hpa()), saying(f"averageValue {number} …"))
    found = telling.written(MOST_DIFFERENT + 1)
    assert [one["count"] for one in found] == [1] * MOST_DIFFERENT + [20 - MOST_DIFFERENT]
    assert found[-1]["message"] == (
        "more was refused by hpa-vpa-same-metric within the hour than is told one by one; the "
        "count says how often, and the webhook's log what"
    )
    assert found[-1]["involvedObject"]["uid"] == "uid-web"


def test_what_is_invalid_has_a_bound_as_well(server: FakeApi, telling: Telling) -> None:
    server.on(f"{DEPLOYMENTS}/web", answer(workload("web")))
    for number in range(MOST_DIFFERENT + 1):
        telling.refusals.tell(asked(hpa()), Decision(allowed=False, invalid=f"{number}"))
    found = telling.written(MOST_DIFFERENT + 1)
    assert found[-1]["message"].startswith("more was refused within the hour")


def test_where_nobody_wants_to_be_told_nothing_is(telling: Telling) -> None:
    wanted = [False]
    is_on: Callable[[], bool] = lambda: wanted[0]  # noqa: E731 - it is changed below
    refusals = Refusals(telling.events, telling.lookups, is_on)
    refusals.tell(asked(workload("new")), REFUSED)
    wanted[0] = True
    refusals.tell(asked(workload("new")), saying("later"))
    (event,) = telling.written(1)
    assert "later" in event["message"]


def test_of_dry_runs_and_of_what_is_let_in_nothing_is_told(telling: Telling) -> None:
    telling.refusals.tell(asked(hpa(), dry_run=True), REFUSED)
    telling.refusals.tell(asked(hpa()), replace(REFUSED, allowed=True))
    telling.refusals.tell(asked(workload("new")), REFUSED)
    (event,) = telling.written(1)
    assert event["reason"] == "WorkloadRefused"

"""A controller from start to end: it leads, works, takes up another configuration, lets go."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.unit.cluster.fake import Answer, Asked, FakeApi, status
from tests.unit.cluster.states import wait_until
from tests.unit.controller.recorded import Counted
from tests.unit.controller.scanning import QUICK as SCAN_PACE
from tests.unit.controller.scanning import Audit
from tests.unit.controller.test_following import OURS, QUICK, WORKLOADS, Looking
from tests.unit.core.vpa_plan.test_plan import judge_of
from tests.unit.core.vpa_plan.workloads import Raw, workload
from webhook.cluster.api import Api
from webhook.cluster.recorder import Counters
from webhook.controller import controller as module
from webhook.controller.controller import Controller
from webhook.controller.election import Candidacy
from webhook.controller.following import Following
from webhook.controller.reconcile import Reconciler
from webhook.core.decide import Judge

LEASES = "/apis/coordination.k8s.io/v1/namespaces/guard/leases"
LEASE = f"{LEASES}/controller"
VPA = f"/apis/autoscaling.k8s.io/v1/namespaces/ml/verticalpodautoscalers/{OURS}"
ME: Raw = {
    "metadata": {"name": "controller", "resourceVersion": "1"},
    "spec": {"holderIdentity": "me"},
}
ANOTHER: Raw = {**ME, "spec": {"holderIdentity": "another", "renewTime": "x"}}


def answer(raw: Raw) -> Answer:
    return Answer(body=json.dumps(raw).encode())


class Running:
    """A controller in a thread, before a cluster with one AI workload."""

    def __init__(self, server: FakeApi, api: Api, counted: Counted) -> None:
        self.server, self.counted = server, counted
        self.cluster = cluster = Looking(server, api)
        cluster.has(WORKLOADS["deployments"], workload())
        server.on(LEASE, answer(ME))
        server.on(VPA, Answer())
        server.on("/api/v1/namespaces/ml/events", Answer(201))
        self.judge = judge_of("{}")
        self.controller = Controller(
            api,
            Candidacy("guard", "controller", "me"),
            lambda: self.judge,
            timing=QUICK,
            recorder=Counters(CollectorRegistry()),
            counters=counted.counters,
        )
        self.thread = threading.Thread(target=self.controller.run, daemon=True)

    def asked(self, method: str, path: str) -> list[Asked]:
        return [one for one in self.server.asked if (one.method, one.path) == (method, path)]

    def end(self) -> None:
        self.controller.stop()
        self.thread.join(15)
        assert not self.thread.is_alive()


@pytest.fixture
def running(
    server: FakeApi, api: Api, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Running]:
    monkeypatch.setattr(module, "_TICK_SECONDS", 0.05)
    monkeypatch.setattr("webhook.controller.election.RETRY_SECONDS", 0.05)
    made = Running(server, api, counted)
    yield made
    made.controller.stop()


def test_it_leads_works_and_lets_go(running: Running) -> None:
    assert running.controller.not_ready() != []
    running.thread.start()
    wait_until(lambda: running.asked("PATCH", VPA) != [])
    wait_until(lambda: running.controller.not_ready() == [])
    assert running.counted.value("leader") == 1
    wait_until(lambda: running.counted.value("queue_depth") == 0)
    wait_until(lambda: running.asked("POST", "/api/v1/namespaces/ml/events") != [])
    wait_until(lambda: running.counted.looks("made") == len(running.asked("PATCH", VPA)))
    running.end()
    let_go = json.loads(running.asked("PUT", LEASE)[-1].body)
    assert let_go["spec"]["holderIdentity"] == ""
    assert running.asked("DELETE", VPA) == []


def test_who_does_not_lead_follows_and_writes_nothing(running: Running) -> None:
    running.server.on(LEASE, answer(ANOTHER))
    running.thread.start()
    wait_until(lambda: running.controller.not_ready() == [])
    running.controller._look_at_all()
    threading.Event().wait(0.3)
    assert running.counted.value("leader") == 0
    assert running.counted.value("queue_depth") == 0
    assert running.asked("PATCH", VPA) == []
    # The other one lets go: what was seen until now is enough.
    lists = len(running.asked("GET", WORKLOADS["deployments"]))
    running.server.on(LEASE, answer(ME))
    wait_until(lambda: running.asked("PATCH", VPA) != [])
    assert len(running.asked("GET", WORKLOADS["deployments"])) == lists
    running.end()


def test_a_lease_that_cannot_be_had_is_no_readiness(running: Running) -> None:
    running.server.on(LEASE, status(403, "Forbidden", "no right"))
    running.thread.start()
    wait_until(lambda: running.controller.not_ready() == ["Lease: Forbidden: no right"])
    running.end()
    assert running.asked("PATCH", VPA) == []


def test_another_configuration_has_everything_looked_at_again(running: Running) -> None:
    running.thread.start()
    wait_until(lambda: running.asked("PATCH", VPA) != [])
    before = running.controller._following
    running.judge = judge_of('{"vpa": {"mode": "recommend"}}')

    def last_mode() -> str:
        body = json.loads(running.asked("PATCH", VPA)[-1].body)
        return str(body["spec"]["updatePolicy"]["updateMode"])

    wait_until(lambda: last_mode() == "Off")
    assert running.controller._following is not before
    assert before._stop.is_set(), "it tells nothing any more"
    assert running.controller._following._shapes is before._shapes
    running.end()


def test_what_is_read_and_not_followed_is_looked_at_now_and_then(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLAIMS_SECONDS", 0.1)
    spec = {"devices": {"requests": [{"exactly": {"deviceClassName": "gpu.nvidia.com"}}]}}
    claim = "/apis/resource.k8s.io/v1/namespaces/ml/resourceclaims/gpu"
    group = {"preferredVersion": {"version": "v1"}, "versions": [{"version": "v1"}]}
    running.server.on("/apis/resource.k8s.io", answer(group))
    listed = {"resources": [{"name": "resourceclaims", "kind": "ResourceClaim"}]}
    running.server.on("/apis/resource.k8s.io/v1", answer(listed))
    pod = {
        "containers": [{"name": "a", "image": "a", "resources": {"claims": [{"name": "gpu"}]}}],
        "resourceClaims": [{"name": "gpu", "resourceClaimName": "gpu"}],
    }
    raw: dict[str, Any] = dict(workload())
    raw["spec"]["template"]["spec"] = pod
    running.cluster.has(WORKLOADS["deployments"], raw)
    running.thread.start()
    wait_until(lambda: running.counted.looks("unchanged") > 1)
    assert running.asked("PATCH", VPA) == [], "no such claim yet: no AI workload"
    running.server.on(claim, answer({"kind": "ResourceClaim", "spec": spec}))
    wait_until(lambda: running.asked("PATCH", VPA) != [])
    running.end()


def test_nobody_works_with_what_knows_nothing_yet(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a cluster would be planned for as if it were all: an HPA would not be seen."""
    controller, seen = running.controller, []
    follow: Callable[[Judge], tuple[Following, Reconciler]] = controller._follow

    def note(judge: Judge) -> tuple[Following, Reconciler]:
        seen.append(controller._was_ready)
        return follow(judge)

    monkeypatch.setattr(controller, "_follow", note)
    running.thread.start()
    wait_until(lambda: controller._was_ready)
    running.judge = replace(running.judge)
    wait_until(lambda: len(seen) == 1)
    assert seen == [False]
    running.end()


def test_a_failure_comes_again(running: Running) -> None:
    running.server.on(VPA, status(500, "InternalError"), Answer())
    running.thread.start()
    wait_until(lambda: running.counted.looks("made") >= 1)
    assert running.counted.looks("failed") >= 1
    running.end()


def test_vpas_that_come_late_are_made(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = "/apis/autoscaling.k8s.io/v1/verticalpodautoscalers"
    page: Any = running.server.answers[listed]
    running.server.on(listed, status(404, "NotFound"))
    running.thread.start()
    wait_until(lambda: running.counted.looks("absent") >= 1)
    monkeypatch.setitem(running.server.answers, listed, page)
    served = {"resources": [{"name": "verticalpodautoscalers", "kind": "VerticalPodAutoscaler"}]}
    running.server.on("/apis/autoscaling.k8s.io/v1", answer(served))
    wait_until(lambda: running.counted.looks("made") >= 1)
    running.end()


def test_with_an_audit_it_tells_how_things_stand(
    server: FakeApi, api: Api, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TICK_SECONDS", 0.05)
    monkeypatch.setattr("webhook.controller.election.RETRY_SECONDS", 0.05)
    running, audit = Running(server, api, counted), Audit()
    for path in ("/api/v1/resourcequotas", "/api/v1/services"):
        running.cluster.has(path)
    running.cluster.has("/apis/policy/v1/poddisruptionbudgets")
    running.controller = Controller(
        api,
        Candidacy("guard", "controller", "me"),
        lambda: running.judge,
        timing=QUICK,
        recorder=Counters(CollectorRegistry()),
        counters=Counted().counters,
        receiver=audit,
        scan_pace=SCAN_PACE,
    )
    running.thread = threading.Thread(target=running.controller.run, daemon=True)
    running.thread.start()
    wait_until(lambda: [one.name for one in audit.holds()] == ["llama"])
    wait_until(lambda: any(one.pass_began is not None for one in audit.taken))
    passes = len([one for one in audit.taken if one.pass_began is not None])
    running.judge = judge_of('{"mode": "audit"}')
    wait_until(lambda: '"would": "patch"' in next(iter(audit.holds().values())))
    wait_until(lambda: len([one for one in audit.taken if one.pass_began]) > passes)
    running.end()
    assert audit.is_closed

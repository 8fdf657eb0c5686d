"""What the scan looks at, when, and what it tells of it."""

import itertools
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.cluster.states import wait_until
from tests.unit.controller.scanning import QUICK, Audit, Cluster, Raw, Replica, from_scratch
from tests.unit.controller.test_scan_properties import (
    deployment,
    home,
    own_vpa,
    quota,
    replica_set,
    scaler,
)
from tests.unit.core.vpa_plan.test_plan import judge_of
from webhook.controller import scan as module
from webhook.controller.scan import ScanPace
from webhook.core import scanned
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.verdict import CannotJudge

WEB = WorkloadKey("ml", "apps", "Deployment", "web")
NODE: Raw = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "a"},
    "spec": {"taints": [{"key": "others", "effect": "NoSchedule"}]},
    "status": {"allocatable": {"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "1"}},
}


class Scene:
    """A cluster, an audit, and a replica that leads once it is asked to."""

    def __init__(self, pace: ScanPace = QUICK) -> None:
        self.cluster, self.audit, self.now = Cluster(), Audit(), itertools.count(1.0)
        self.replica = Replica(self.cluster, self.audit, self.now, pace)

    def put(self, *raws: Raw) -> None:
        for raw in raws:
            self.replica.heard(self.cluster.put(raw))

    def delete(self, raw: Raw) -> None:
        self.replica.heard(self.cluster.objects.pop(Cluster.name(raw)), is_gone=True)

    def lead(self) -> None:
        self.replica.lead()
        self.replica.settle()

    def settle(self) -> None:
        self.audit.taken.clear()
        self.replica.settle()

    def is_right(self) -> bool:
        return self.audit.holds() == from_scratch(self.cluster)


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.replica.scan.stop()


def plain(name: str = "web") -> Raw:
    return deployment(name, "plain")


def test_a_pass_tells_of_everything_and_says_that_it_is_over(scene: Scene) -> None:
    scene.put(plain(), scaler("a", "web", "cpu"), deployment("llama", "ai"), plain("web-canary"))
    scene.lead()
    assert sorted(scene.audit.told()) == ["llama", "web"]
    assert {one.pass_began for one in scene.audit.taken[:-1]} <= {None}
    assert scene.audit.taken[-1].pass_began == 1.0
    assert scene.audit.taken[0].at > 1.0
    assert scene.is_right()
    scene.settle()
    assert scene.audit.taken == [], "nothing is news"


def test_an_empty_cluster_has_a_pass_too(scene: Scene) -> None:
    scene.audit.kept[WEB] = (0.5, "{}")
    scene.lead()
    assert [(one.standings, one.pass_began) for one in scene.audit.taken] == [([], 1.0)]
    assert scene.audit.kept == {}


def test_only_what_differs_is_told_between_passes(scene: Scene) -> None:
    llama = deployment("llama", "ai")
    scene.put(plain(), scaler("a", "web", "cpu"), llama)
    scene.lead()
    scene.put(llama)  # another version, and the same
    scene.put(own_vpa("b", "web", "cpu"))
    scene.settle()
    assert scene.audit.told() == ["web"]
    scene.delete(own_vpa("b", "web", "cpu"))
    scene.settle()
    assert scene.audit.told() == ["web"]
    assert scene.is_right()
    scene.replica.scan.begin()
    scene.settle()
    assert sorted(scene.audit.told()) == ["llama", "web"], "a pass tells all there are"


def test_what_is_gone_is_told_as_nothing(scene: Scene) -> None:
    llama = deployment("llama", "ai")
    scene.put(llama)
    scene.lead()
    scene.delete(llama)
    scene.settle()
    (delivery,) = scene.audit.taken
    assert [one.is_empty for one in delivery.standings] == [True]
    assert scene.audit.holds() == {}
    scene.put(plain("nobodys"))
    scene.delete(plain("nobodys"))
    scene.settle()
    assert scene.audit.taken == []


def test_a_workload_is_read_once_an_autoscaler_names_it(scene: Scene) -> None:
    scene.put(plain(), plain("web-canary"))
    scene.lead()
    stores = scene.replica.following._workloads
    assert stores.seen() == []
    scene.put(scaler("a", "web", "cpu"))
    scene.settle()
    assert scene.cluster.asked == ["/apis/apps/v1/namespaces/ml/deployments"]
    assert stores.seen() == [WEB]
    scene.put(plain() | {"spec": plain()["spec"] | {"replicas": 7}})
    scene.settle()
    assert len(scene.cluster.asked) == 1, "its watch tells from now on"
    assert scene.is_right()
    assert '"now": 7' in scene.audit.holds()[WEB]
    scene.delete(scaler("a", "web", "cpu"))
    scene.settle()
    assert stores.seen() == []
    assert scene.audit.holds() == {}
    assert stores.keys() == [], "no VPA is planned for any of them"


def test_a_workload_that_cannot_be_read_is_tried_again(scene: Scene) -> None:
    scene.put(plain())
    scene.lead()
    scene.cluster.is_down = True
    scene.put(scaler("a", "web", "cpu"))
    scene.replica.scan.step()
    assert scene.replica.number("looks_total", result="failed") == 1
    scene.cluster.is_down = False
    scene.settle()
    assert scene.is_right()


def test_one_that_went_before_it_was_read_is_told_as_it_is(scene: Scene) -> None:
    scene.put(plain())
    scene.lead()
    raw = scene.cluster.objects.pop(Cluster.name(plain()))
    scene.put(scaler("a", "web", "cpu"))
    scene.settle()
    assert len(scene.cluster.asked) == 1
    scene.replica.heard(raw, is_gone=True)
    scene.settle()
    assert scene.is_right()


def test_what_came_in_anew_before_it_was_known_to_matter_is_read_again(scene: Scene) -> None:
    scene.put(plain())
    scene.lead()
    store = scene.replica.stores[WEB.group_kind]
    late = store.read(scene.cluster.put(plain() | {"spec": plain()["spec"] | {"replicas": 9}}))
    scene.put(scaler("a", "web", "cpu"))
    scene.settle()
    store.put(late)
    scene.settle()
    assert scene.is_right()


def test_kept_is_what_autoscalers_name_and_nothing_else(scene: Scene) -> None:
    for number in range(40):
        scene.put(plain(f"other-{number}"))
    scene.put(plain(), scaler("a", "web", "cpu"), deployment("squats", "squats"))
    replica = Replica(scene.cluster, scene.audit, scene.now)
    kept = replica.following._workloads.seen()
    assert sorted(kept) == [WEB._replace(name="squats"), WEB]
    assert scene.cluster.asked == [], "those that are there before need not be read"


@pytest.mark.parametrize("raw", [home(ignored=True), quota(0)], ids=["namespace", "quota"])
def test_what_is_around_has_all_of_it_looked_at(scene: Scene, raw: Raw) -> None:
    scene.put(deployment("llama", "ai"), plain(), scaler("a", "web", "cpu"))
    scene.lead()
    before = scene.audit.holds()
    scene.put(raw)
    scene.settle()
    assert scene.is_right()
    assert scene.audit.holds() != before
    scene.delete(raw)
    scene.settle()
    assert scene.is_right()


def test_a_new_kind_of_node_has_all_looked_at(scene: Scene) -> None:
    scene.put(deployment("llama", "ai"))
    scene.lead()
    scene.put(NODE)
    scene.settle()
    assert scene.is_right()
    (written,) = scene.audit.holds().values()
    assert "gpu-unschedulable" in written


def test_what_of_a_quota_is_used_is_no_news(scene: Scene) -> None:
    scene.put(deployment("llama", "ai"), quota(1))
    scene.lead()
    looks = scene.replica.number("look_seconds_count")
    scene.put(quota(1) | {"status": {"used": {"requests.nvidia.com/gpu": "1"}}})
    scene.settle()
    assert scene.replica.number("look_seconds_count") == looks


def test_a_namespace_that_counts_again_has_all_of_it_told(scene: Scene) -> None:
    scene.put(home(ignored=True), plain(), scaler("a", "web", "cpu"))
    scene.lead()
    assert scene.audit.holds() == {}
    scene.put(home(ignored=False))
    scene.settle()
    assert scene.audit.holds().keys() == {WEB}


def test_whose_pods_are_selected_is_looked_at_too(scene: Scene) -> None:
    scene.put(deployment("web", "bare"), scaler("a", "web", "cpu"), deployment("web-1", "bare"))
    scene.lead()
    assert "shared" not in scene.audit.holds()[WEB]
    scene.put(scaler("b", "web-1", "cpu"))
    scene.settle()
    assert scene.is_right()
    assert len(scene.audit.told()) >= 2


def test_a_vpa_below_meets_the_scaler_above(scene: Scene) -> None:
    scene.put(plain(), replica_set("web"), scaler("a", "web", "cpu"))
    scene.lead()
    scene.put(own_vpa("b", "web-1", "cpu"))
    scene.settle()
    assert scene.is_right()


def test_an_autoscaler_that_names_nothing_is_told_by_its_own_name(scene: Scene) -> None:
    raw = own_vpa("b", None, "nvidia.com/gpu")
    scene.put(raw)
    scene.lead()
    (key,) = scene.audit.holds()
    assert (key.kind, key.name) == ("VerticalPodAutoscaler", "b")
    scene.put(own_vpa("b", "web", "cpu"))
    scene.settle()
    assert [one.kind for one in scene.audit.holds()] == ["Deployment"]
    assert scene.is_right()


# ---------------------------------------------------------------- who leads


def test_who_does_not_lead_tells_nothing(scene: Scene) -> None:
    scene.put(deployment("llama", "ai"))
    assert scene.replica.scan.step() == QUICK.settle_seconds
    assert scene.audit.taken == []
    assert scene.replica.number("findings", rule="", action="patch") == 0


def test_who_takes_over_tells_all_of_it_and_what_went_meanwhile_is_gone(scene: Scene) -> None:
    web, llama = plain(), deployment("llama", "ai")
    scene.put(web, scaler("a", "web", "cpu"), llama)
    other = Replica(scene.cluster, scene.audit, scene.now)
    scene.lead()
    scene.replica.leads = False
    raw = scene.cluster.objects.pop(Cluster.name(llama))
    other.heard(raw, is_gone=True)
    other.lead()
    other.settle()
    assert scene.audit.holds().keys() == {WEB}
    scene.replica.heard(raw, is_gone=True)
    scene.replica.lead()
    scene.replica.settle()
    assert scene.is_right()


def test_leadership_that_ends_before_it_is_told_tells_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.put(deployment("llama", "ai"))
    judge = scanned.standing_of

    def lose(*arguments: Any) -> Any:
        scene.replica.leads = False
        return judge(*arguments)

    monkeypatch.setattr(module, "standing_of", lose)
    scene.replica.lead()
    scene.replica.scan.step()
    assert scene.audit.taken == []


def test_another_configuration_is_told_by_a_pass(scene: Scene) -> None:
    scene.put(plain(), scaler("a", "web", "cpu"), own_vpa("b", "web", "cpu"))
    scene.lead()
    assert '"action": "deny"' in scene.audit.holds()[WEB]
    scene.replica.judge = judge_of('{"mode": "audit"}')
    scene.replica.following = scene.replica.follow()
    scene.replica.scan.begin()
    scene.settle()
    assert '"action": "deny"' not in scene.audit.holds()[WEB]


def test_a_pass_comes_by_itself(scene: Scene) -> None:
    pace = ScanPace(0.0, 1e6, 0.02, pass_seconds=0.05)
    replica = Replica(scene.cluster, scene.audit, scene.now, pace)
    replica.lead()
    replica.settle()
    time.sleep(0.06)
    replica.scan.step()
    assert [one.pass_began is not None for one in scene.audit.taken] == [True, True]


# ---------------------------------------------------------------- deliveries


def test_while_the_audit_is_away_only_names_wait(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.put(plain(), scaler("a", "web", "cpu"))
    scene.lead()
    scene.audit.is_away = True
    scene.put(own_vpa("b", "web", "cpu"))
    pauses = [scene.replica.scan.step() for _ in range(10)]
    assert pauses[0] > 0
    assert pauses == sorted(pauses)
    assert max(pauses) <= 60.0
    assert len(scene.replica.scan._queue) == 1
    said = [one for one in caplog.records if "findings wait" in one.message]
    assert [one.levelno for one in said if one.levelno > logging.DEBUG] == [logging.WARNING]
    # As it is by then: the conflict has gone again.
    scene.delete(own_vpa("b", "web", "cpu"))
    scene.audit.is_away = False
    scene.settle()
    assert scene.is_right()
    assert scene.replica.number("deliveries_total", result="failed") == 10


def test_a_pass_whose_end_is_not_taken_is_not_over(scene: Scene) -> None:
    scene.audit.is_away = True
    scene.replica.lead()
    scene.replica.scan.step()
    assert scene.replica.scan._pass is not None
    scene.audit.is_away = False
    scene.settle()
    assert [one.pass_began for one in scene.audit.taken] == [1.0]


def test_one_that_is_refused_is_left_out_and_keeps_nobody(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a-1", "b-1", "c-1"):
        scene.put(deployment(name, "ai"))
    scene.audit.refuses = {WEB._replace(name="b-1")}
    scene.lead()
    assert {one.name for one in scene.audit.holds()} == {"a-1", "c-1"}
    assert scene.audit.taken[-1].pass_began == 1.0
    assert "Deployment ml/b-1 is refused, and left out: status 400: no" in caplog.text
    assert scene.replica.number("deliveries_total", result="refused") >= 1
    scene.settle()
    assert scene.audit.taken == []


@pytest.mark.parametrize(("name", "value"), [("MOST_STANDINGS", 2), ("MOST_BYTES", 2500)])
def test_a_delivery_has_room_for_so_much(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    monkeypatch.setattr(module, name, value)
    for number in range(5):
        scene.put(deployment(f"n{number}", "ai"))
    scene.lead()
    assert len(scene.audit.taken) >= 3
    assert all(one.pass_began is None for one in scene.audit.taken[:-1])
    assert scene.is_right()


def test_a_workload_that_cannot_be_judged_keeps_the_pass_open(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scene.put(deployment("llama", "ai"), deployment("other", "ai"))
    judge, faults = scanned.standing_of, [CannotJudge("no answer"), RuntimeError("a fault")]

    def fail(key: WorkloadKey, *arguments: Any) -> Any:
        if key.name == "llama" and faults:
            raise faults.pop(0)
        return judge(key, *arguments)

    monkeypatch.setattr(module, "standing_of", fail)
    scene.replica.lead()
    scene.replica.scan.step()
    assert scene.audit.told() == ["other"]
    assert [one.pass_began for one in scene.audit.taken] == [None]
    wait_until(lambda: bool(scene.replica.scan.step() == 0.0 and scene.replica.scan._pass is None))
    assert scene.is_right()
    assert "Deployment ml/llama: no answer" in caplog.text
    assert "a fault of the controller's own" in caplog.text


def test_one_that_is_never_judged_does_not_keep_the_rest_from_being_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(ScanPace(0.0, 1e6, linger_seconds=0.02, pass_seconds=0.2))
    scene.put(deployment("llama", "ai"), deployment("other", "ai"))
    judge = scanned.standing_of

    def fail(key: WorkloadKey, *arguments: Any) -> Any:
        if key.name == "llama":
            raise CannotJudge("never")
        return judge(key, *arguments)

    monkeypatch.setattr(module, "standing_of", fail)
    scene.replica.lead()
    scene.replica.scan.step()
    assert scene.audit.told() == ["other"]
    time.sleep(0.2)
    scene.replica.scan.step()
    assert scene.audit.told() == ["other", "other"]
    assert [one.pass_began for one in scene.audit.taken] == [None, None], "and none is over"


def test_what_is_seen_twice_before_it_is_told_is_told_as_it_was_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(ScanPace(0.0, 1e6, linger_seconds=0.5))
    scene.put(plain(), scaler("a", "web", "cpu"))
    scene.lead()
    look, late = scanned.standing_of, own_vpa("b", "web", "cpu")

    def back(*arguments: Any) -> Any:
        found = look(*arguments)
        if Cluster.name(late) in scene.cluster.objects:
            scene.delete(late)
        return found

    scene.put(late)
    monkeypatch.setattr(module, "standing_of", back)
    scene.settle()
    assert scene.audit.taken == [], "it is as it was"
    assert scene.is_right()


# ---------------------------------------------------------------- its thread, its numbers


def test_it_runs_and_ends(scene: Scene) -> None:
    scene.put(deployment("llama", "ai"))
    scene.replica.scan.start()
    scene.replica.lead()
    wait_until(lambda: scene.audit.holds() != {})
    scene.replica.scan.stop()
    assert scene.audit.is_closed
    assert not any(one.name == "scan" for one in threading.enumerate())


def test_a_fault_of_its_own_does_not_end_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 0.01)
    keys, faults = scene.replica.following.sight.keys, [RuntimeError("a fault")]

    def fail(*arguments: Any) -> Any:
        if faults:
            raise faults.pop()
        return keys(*arguments)

    monkeypatch.setattr(scene.replica.following.sight, "keys", fail)
    scene.replica.lead()
    scene.replica.scan.start()
    wait_until(lambda: "a fault of the controller's own" in caplog.text)
    wait_until(lambda: scene.audit.taken != [])


def test_a_fault_while_it_tells_loses_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 0.01)
    take, faults = scene.audit.take, [RuntimeError("a fault")]

    def fail(*arguments: Any) -> None:
        if faults:
            raise faults.pop()
        take(*arguments)

    monkeypatch.setattr(scene.audit, "take", fail)
    scene.put(deployment("llama", "ai"))
    scene.replica.lead()
    scene.replica.scan.start()
    wait_until(lambda: scene.audit.holds() != {} and scene.is_right())
    assert "a fault of the controller's own" in caplog.text


def test_numbers_say_how_it_is(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene.put(plain(), scaler("a", "web", "cpu"), own_vpa("b", "web", "cpu"))
    assert "pass_age_seconds" not in _names(scene)
    scene.lead()
    rule = {"rule": "hpa-vpa-same-metric", "action": "deny"}
    assert scene.replica.number("findings", **rule) == 2
    number = scene.replica.number
    assert (number("pass_workloads"), number("pass_done")) == (1, 1)
    assert number("pass_seconds") > 0
    assert number("queue_depth") == 0
    assert number("looks_total", result="seen") == number("look_seconds_count") >= 1
    assert number("deliveries_total", result="ok") == 1
    assert 0 <= number("pass_age_seconds") < 60
    assert "the scan looks at 1 workloads" in caplog.text
    assert caplog.messages[-1].endswith(" s: 2 findings")
    scene.replica.leads = False
    scene.replica.scan.step()
    assert "pass_age_seconds" not in _names(scene)
    assert number("findings", **rule) == 0


def _names(scene: Scene) -> set[str]:
    return {
        one.name.removeprefix("scaleguard_controller_scan_")
        for one in scene.replica.registry.collect()
    }


def test_the_pace_is_bounded() -> None:
    assert ScanPace().settle_seconds >= 10 * 0.1, "VPAs come first"
    assert QUICK.looks_per_second > ScanPace().looks_per_second

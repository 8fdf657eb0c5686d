"""The world of a request: what is asked for when, and what becomes of what cannot be had."""

from dataclasses import replace

import pytest

from tests.unit.cluster.fake import Answer, FakeApi, Raw, status
from tests.unit.cluster.states import (
    ASKED,
    DEPLOYMENTS,
    WEB,
    Cluster,
    answer,
    autoscaler,
    on_watches,
    wait_until,
    workload,
    world_of,
)
from tests.unit.core.autoscalers import asked, hpa, vpa
from webhook import config as configuration
from webhook.cluster import watches
from webhook.core.decide import ALLOWED, Decision, validate
from webhook.core.objects import GroupKind
from webhook.core.verdict import CannotJudge
from webhook.core.world import World
from webhook.wiring import build_judge


def ask_for_counterparts(world: World) -> Decision:
    world.scalers(WEB)
    return ALLOWED


def test_nothing_is_read_before_somebody_asks(server: FakeApi, cluster: Cluster) -> None:
    known = cluster.state(lease_namespace="guard")
    assert known.decided(asked(hpa()), lambda _world: ALLOWED) is ALLOWED
    assert server.asked == []


def test_what_makes_pods_is_advised_upon_by_the_watches_alone(
    server: FakeApi, cluster: Cluster
) -> None:
    pods = replace(ASKED, group_kind=GroupKind("apps", "Deployment"))
    assert world_of(cluster.state(lease_namespace="guard"), pods).vpas(WEB) == []
    assert server.asked == []


def test_autoscaler_is_settled_between_replicas(server: FakeApi, cluster: Cluster) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/guard/leases"
    lease = f"{path}/scaleguard-in-flight-02"
    server.on(lease, status(404, "NotFound"), Answer())
    server.on(path, Answer(status=201))
    known = cluster.state(lease_namespace="guard")
    assert known.decided(asked(hpa()), ask_for_counterparts) is ALLOWED
    made = [("GET", lease), ("POST", path), ("GET", lease), ("PUT", lease)]
    assert [(one.method, one.path) for one in server.asked] == made
    assert b"uid-h" in server.asked[-1].body


LABELLED = {"labels": {"scaleguard.io/managed": "true"}}
_OWNER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u"}
MANAGED = LABELLED | {"ownerReferences": [_OWNER | {"controller": True}]}
CONTROLLER = "system:serviceaccount:guard:controller"


@pytest.mark.parametrize(
    ("user", "metadata", "needs_ledger"),
    [
        (CONTROLLER, MANAGED, False),
        (CONTROLLER, LABELLED, True),
        (CONTROLLER, {}, True),
        ("me", MANAGED, True),
    ],
)
def test_what_the_controller_makes_gives_way_and_needs_no_ledger(
    server: FakeApi,
    cluster: Cluster,
    user: str,
    metadata: Raw,
    *,
    needs_ledger: bool,
) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/guard/leases"
    server.on(f"{path}/scaleguard-in-flight-02", status(404, "NotFound"), Answer())
    server.on(path, Answer(status=201))
    known = cluster.state(lease_namespace="guard", controller=CONTROLLER)
    raw = vpa()
    raw["metadata"] |= metadata
    assert known.decided(replace(asked(raw), user=user), ask_for_counterparts) is ALLOWED
    assert bool(server.asked) is needs_ledger
    counted = cluster.registry.get_sample_value
    outcomes = {"not_needed": 1.0 - needs_ledger, "entered": float(needs_ledger)}
    assert {
        outcome: counted("scaleguard_ledger_reviews_total", {"outcome": outcome}) or 0.0
        for outcome in outcomes
    } == outcomes


@pytest.mark.parametrize(
    ("refused", "label", "fix"),
    [
        (status(403, "Forbidden"), "forbidden", "needs get, create and update on leases of"),
        (status(500, "InternalError"), "http_500", "InternalError"),
    ],
)
def test_ledger_that_cannot_be_read_leaves_no_judgement(
    server: FakeApi, cluster: Cluster, refused: Answer, label: str, fix: str
) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/guard/leases/scaleguard-in-flight-02"
    server.on(path, refused)
    with pytest.raises(CannotJudge, match=f"no read of Lease guard/scaleguard-in-flight-02.*{fix}"):
        cluster.state(lease_namespace="guard").decided(asked(hpa()), ask_for_counterparts)
    counted = cluster.registry.get_sample_value
    failed = {"verb": "get", "result": label}
    assert counted("scaleguard_ledger_requests_total", failed) == 1
    assert counted("scaleguard_ledger_reviews_total", {"outcome": "failed"}) == 1


def test_world_is_that_of_the_watches(
    server: FakeApi, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watches, "_NOTE_SECONDS", 0.01)
    on_watches(
        server,
        verticalpodautoscalers=[autoscaler("v", WEB, vpa=True)],
        horizontalpodautoscalers=[autoscaler("h", WEB)],
        namespaces=[
            {"metadata": {"name": "out", "labels": {"scaleguard.io/ignore": "true"}}},
            {"metadata": {"name": "shop"}},
        ],
        limitranges=[
            {
                "metadata": {"namespace": "shop", "name": "l"},
                "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]},
            }
        ],
    )
    known = cluster.state()
    assert len(known.not_ready()) == 7
    known.start()
    wait_until(lambda: known.not_ready() == [])
    world = world_of(known)
    assert [scaler.ref.name for scaler in world.scalers(WEB)] == ["h"]
    assert [vpa.ref.name for vpa in world.vpas(WEB)] == ["v"]
    assert world.is_ignored("out")
    assert world.bounds("shop").filled == {"cpu"}
    assert not any("leases" in path for path in server.paths())
    held = {"resource": "namespaces"}
    wait_until(lambda: cluster.registry.get_sample_value("scaleguard_watch_objects", held) == 2)
    age = cluster.registry.get_sample_value("scaleguard_watch_last_event_age_seconds", held)
    assert age is not None
    assert 0 <= age < 5


def test_a_workload_that_is_written_is_judged_as_it_is_written_and_not_read(
    server: FakeApi, cluster: Cluster
) -> None:
    """Reads are kept for a moment and would be behind: the request's own versions count."""
    on_watches(
        server,
        verticalpodautoscalers=[autoscaler("v", WEB, vpa=True)],
        horizontalpodautoscalers=[autoscaler("h", WEB)],
    )
    known = cluster.state().start()
    wait_until(lambda: known.not_ready() == [])
    old, new = workload("web"), workload("web")
    new["spec"]["template"]["spec"]["containers"].append({"name": "istio-proxy"})
    update = replace(
        ASKED,
        operation="UPDATE",
        group_kind=GroupKind("apps", "Deployment"),
        object=new,
        old_object=old,
    )
    server.on(f"{DEPLOYMENTS}/web", answer(old))
    judge = build_judge(configuration.parse({}, "no file"))
    before = len(server.asked)
    said = known.decided(update, lambda world: validate(update, world, judge)).findings
    assert [(one.rule, one.containers) for one in said] == [
        ("hpa-vpa-same-metric", ("app", "istio-proxy")),
        ("hpa-missing-request", ("app", "istio-proxy")),
    ]
    read = [one for one in server.asked[before:] if "watch" not in one.query]
    assert [one.path for one in read if "deployments" in one.path] == []
    assert not any(one.method != "GET" for one in server.asked[before:])


def test_shards_are_looked_after_and_their_entries_noted(
    server: FakeApi, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watches, "_NOTE_SECONDS", 0.01)
    on_watches(server)
    cluster.state(lease_namespace="guard").start()
    leases = "/apis/coordination.k8s.io/v1/namespaces/guard/leases/"
    wait_until(lambda: sum(path.startswith(leases) for path in server.paths()) == 16)
    wait_until(lambda: cluster.registry.get_sample_value("scaleguard_ledger_entries") == 0)


def test_services_are_those_of_the_watch_and_never_all(server: FakeApi, cluster: Cluster) -> None:
    metadata = {"namespace": "shop", "name": "web", "resourceVersion": "1"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
    on_watches(server, services=[service | {"spec": {"selector": {"app": "web"}}}])
    known = cluster.state().start()
    world = world_of(known)
    wait_until(lambda: len(world.services("shop")) == 1)
    (found,) = world.services("shop")
    assert found.selects({"app": "web"})
    assert world.services("other") == ()
    # It may be applied after its HPA, in the same moment.
    assert not world.has_all_services(WEB)

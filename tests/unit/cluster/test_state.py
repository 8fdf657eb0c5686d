"""The world of a request: what is asked for when, and what becomes of what cannot be had."""

import time
from dataclasses import replace

import pytest

from tests.unit.cluster.fake import Answer, FakeApi, page, status
from tests.unit.cluster.states import (
    ASKED,
    HPAS,
    VPAS,
    WEB,
    Cluster,
    autoscaler,
    on_watches,
    wait_until,
)
from webhook.cluster import counterparts, state
from webhook.core.objects import GroupKind
from webhook.core.verdict import CannotJudge


def test_nothing_is_read_before_somebody_asks(server: FakeApi, cluster: Cluster) -> None:
    world = cluster.world()
    assert not world.is_ignored("shop")
    assert server.asked == []


def test_what_makes_pods_is_advised_upon_by_the_watches_alone(
    server: FakeApi, cluster: Cluster
) -> None:
    asked = replace(ASKED, group_kind=GroupKind("apps", "Deployment"))
    assert cluster.state().world(asked).vpas(WEB) == []
    assert server.asked == []


def test_counterparts_are_listed_once_and_now(server: FakeApi, cluster: Cluster) -> None:
    server.on(HPAS, page([autoscaler("h", WEB)]))
    server.on(VPAS, page([autoscaler("v", WEB, vpa=True)]))
    world = cluster.world()
    assert [scaler.ref.name for scaler in world.scalers(WEB)] == ["h"]
    assert [vpa.ref.name for vpa in world.vpas(WEB)] == ["v"]
    assert world.scaled_objects(WEB) == []  # its CRD is not there
    assert len(server.asked) == 3
    assert all("resourceVersion" not in asked.query for asked in server.asked)
    assert cluster.looked_up("counterparts", "found") == 1


@pytest.mark.parametrize(
    ("refused", "label"),
    [(status(403, "Forbidden"), "forbidden"), (status(500, "InternalError"), "http_500")],
)
def test_list_that_is_refused_leaves_no_judgement(
    server: FakeApi, cluster: Cluster, refused: Answer, label: str
) -> None:
    server.on(VPAS, refused)
    with pytest.raises(CannotJudge, match=r"verticalpodautoscalers.* of namespace shop cannot be"):
        cluster.world().scalers(WEB)
    assert cluster.looked_up("counterparts", label) == 1


def test_built_in_list_that_is_not_there_leaves_no_judgement(
    server: FakeApi, cluster: Cluster
) -> None:
    server.on(HPAS, status(404, "NotFound"))
    with pytest.raises(CannotJudge):
        cluster.world().scalers(WEB)


def test_crd_that_is_missing_beside_known_objects_leaves_no_judgement(
    server: FakeApi, cluster: Cluster
) -> None:
    on_watches(server, verticalpodautoscalers=[autoscaler("v", WEB, vpa=True)])
    known = cluster.state().start()
    wait_until(lambda: known.not_ready() == [])
    with pytest.raises(CannotJudge, match="NotFound"):
        known.world(ASKED).scalers(WEB)


def test_list_that_is_slow_leaves_no_judgement(
    server: FakeApi, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counterparts, "LIST_SECONDS", 0.2)
    server.on(VPAS, Answer(delay=3))
    begun = time.monotonic()
    with pytest.raises(CannotJudge):
        cluster.world().scalers(WEB)
    assert time.monotonic() - begun < 1
    assert cluster.looked_up("counterparts", "deadline") == 1


def test_list_that_waits_for_a_thread_too_long_leaves_no_judgement(
    server: FakeApi, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counterparts, "LIST_SECONDS", 0.2)
    monkeypatch.setattr(counterparts, "LISTING_THREADS", 1)
    server.on(HPAS, Answer(delay=0.5))
    world = cluster.world()
    with pytest.raises(CannotJudge, match="no answer in time"):
        world.scalers(WEB)


def test_cached_world_is_that_of_the_watches(
    server: FakeApi, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "_NOTE_SECONDS", 0.01)
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
    known = cluster.state(strict=False)
    assert len(known.not_ready()) == 5
    known.start()
    wait_until(lambda: known.not_ready() == [])
    world = known.world(ASKED)
    assert [scaler.ref.name for scaler in world.scalers(WEB)] == ["h"]
    assert [vpa.ref.name for vpa in world.vpas(WEB)] == ["v"]
    assert world.is_ignored("out")
    assert world.bounds("shop").filled == {"cpu"}
    assert HPAS not in server.paths()
    held = {"resource": "namespaces"}
    wait_until(lambda: cluster.registry.get_sample_value("scaleguard_watch_objects", held) == 2)
    age = cluster.registry.get_sample_value("scaleguard_watch_last_event_age_seconds", held)
    assert age is not None
    assert 0 <= age < 5


def test_services_are_those_of_the_watch_and_never_all(server: FakeApi, cluster: Cluster) -> None:
    metadata = {"namespace": "shop", "name": "web", "resourceVersion": "1"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
    on_watches(server, services=[service | {"spec": {"selector": {"app": "web"}}}])
    known = cluster.state().start()
    world = known.world(ASKED)
    wait_until(lambda: len(world.services("shop")) == 1)
    (found,) = world.services("shop")
    assert found.selects({"app": "web"})
    assert world.services("other") == ()
    # It may be applied after its HPA, in the same moment.
    assert not world.has_all_services(WEB)

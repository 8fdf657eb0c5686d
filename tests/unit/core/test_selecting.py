"""Which workloads share pods: found by labels they have in common, told by their selectors."""

from typing import Any

import pytest

from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.objects import GroupKind
from webhook.core.selector import read_requirements, read_selector
from webhook.core.shared_pods import sharing_pods
from webhook.core.workload import Workload, read_workload
from webhook.core.world import World
from webhook.knowledge import knowledge

KINDS = knowledge().kinds
Raw = dict[str, Any]


def deployment(
    name: str, selector: Raw | None = None, namespace: str = "shop", **labels: str
) -> Raw:
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app"}]}}
    spec = {"template": template, **({"selector": selector} if selector is not None else {})}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def read(raw: Raw) -> Workload:
    kind = KINDS.get(GroupKind("apps", "Deployment"))
    assert kind is not None
    return read_workload(raw, kind)


def by(**labels: str) -> Raw:
    return {"matchLabels": labels}


def expression(key: str, operator: str, *values: str) -> Raw:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


WEB = deployment("web", by(app="web"), app="web")


@pytest.mark.parametrize(
    ("selector", "labels", "selects"),
    [
        (by(app="web"), {"app": "web", "track": "canary"}, True),
        (by(app="web", track="stable"), {"app": "web", "track": "canary"}, False),
        (expression("app", "In", "web", "api"), {"app": "api"}, True),
        (expression("app", "NotIn", "web"), {"app": "api"}, True),
        (expression("app", "NotIn", "web"), {}, False),  # a part of a template: nobody knows
        ({}, {"app": "web"}, False),  # the API server refuses an empty one
        (None, {"app": "web"}, False),
    ],
)
def test_pods_are_selected_by_their_labels(
    selector: Raw | None, labels: dict[str, str], *, selects: bool
) -> None:
    one, other = read(deployment("web", selector)), deployment("other")
    other["spec"]["template"]["metadata"] = {"labels": labels}
    assert one.selects(read(other)) is selects


def test_a_replication_controller_selects_by_bare_labels() -> None:
    raw = WEB | {"apiVersion": "v1", "kind": "ReplicationController"}
    raw["spec"] = raw["spec"] | {"selector": {"app": "web"}}
    kind = KINDS.get(GroupKind("", "ReplicationController"))
    assert kind is not None
    assert read_workload(raw, kind).selects(read(WEB))


def test_a_patch_of_an_overlay_keeps_the_selector() -> None:
    whole, patch = read(WEB), read(deployment("web"))
    assert whole.merged(patch).selector == whole.selector == patch.merged(whole).selector


def test_a_patch_of_an_overlay_keeps_what_a_workload_is_another_name_of() -> None:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    whole = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "r", "namespace": "shop"},
        "spec": {"workloadRef": ref},
    }
    patch = whole | {"spec": {"replicas": 3}}
    for versions in ([whole, patch], [patch, whole]):
        world = World.of(versions, KINDS)
        rollout = WorkloadKey("shop", "argoproj.io", "Rollout", "r")
        found = world.workload(rollout)
        assert found is not None
        assert (found.same_as, found.replicas) == (key("web"), 3)
        assert set(world.other_names(rollout)) == {key("web")}


def key(name: str, namespace: str = "shop") -> WorkloadKey:
    return WorkloadKey(namespace, "apps", "Deployment", name)


def test_near_is_what_asks_for_a_label_or_has_one() -> None:
    canary = deployment("canary", by(app="web", track="canary"), app="web", track="canary")
    by_expression = deployment("loose", expression("app", "Exists"), app="loose")
    elsewhere = deployment("web", by(app="web"), "other", app="web")
    others = [deployment(f"other-{n}", by(app=f"other-{n}"), app=f"other-{n}") for n in range(3)]
    world = World.of([WEB, canary, by_expression, elsewhere, *others], KINDS)
    assert world.near(key("web")) == [key("canary")]
    assert world.near(key("canary")) == [key("web")]
    assert world.near(key("loose")) == []
    assert world.near(key("web", "other")) == []
    assert world.near(key("gone")) == []


def test_a_copy_goes_on_by_itself() -> None:
    world = World.of([WEB], KINDS)
    other = world.copy()
    other.put(deployment("canary", by(app="web", track="canary"), app="web", track="canary"))
    assert world.near(key("web")) == []
    assert other.near(key("web")) == [key("canary")]


@pytest.mark.parametrize(
    ("selector", "shown"),
    [
        (by(b="2", a="1"), "a=1,b=2"),
        (expression("app", "In", "web", "api"), "app in (api,web)"),
        (expression("app", "NotIn", "web"), "app notin (web)"),
        (expression("app", "Exists"), "app"),
        (expression("app", "DoesNotExist"), "!app"),
    ],
)
def test_a_selector_is_shown_as_kubectl_takes_it(selector: Raw, shown: str) -> None:
    assert str(read_selector(selector)) == shown


def test_what_asks_for_one_value_is_known() -> None:
    found = read_selector(by(app="web") | expression("track", "In", "a", "b"))
    assert found.equal == {"app": "web"}
    assert read_requirements(by(app="web")) == ()


def test_one_workload_under_two_names_does_not_share_pods_with_itself() -> None:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    rollout = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"workloadRef": ref, "selector": by(app="web")},
    }
    hpas = [scaler("h", "web"), scaler("r", "web", "Rollout", "argoproj.io/v1alpha1")]
    world = World.of([WEB, rollout, *hpas], KINDS)
    assert world.near(key("web")) == [WorkloadKey("shop", "argoproj.io", "Rollout", "web")]
    (found,) = world.scalers(key("web"))
    assert list(sharing_pods(found, key("web"), world)) == []


def test_only_what_the_hpa_controller_computes_is_stopped() -> None:
    canary = deployment("canary", by(app="web", track="canary"), app="web", track="canary")
    by_itself = {
        "apiVersion": "autoscaling.aibrix.ai/v1alpha1",
        "kind": "PodAutoscaler",
        "metadata": {"name": "k", "namespace": "shop"},
        "spec": {
            "scalingStrategy": "KPA",
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    }
    world = World.of([WEB, canary, by_itself, scaler("c", "canary")], KINDS)
    (kpa,), (of_canary,) = world.scalers(key("web")), world.scalers(key("canary"))
    assert list(sharing_pods(kpa, key("web"), world)) == []
    assert list(sharing_pods(of_canary, key("canary"), world)) == []
    assert list(sharing_pods(of_canary, key("gone"), world)) == []


def scaler(name: str, of: str, kind: str = "Deployment", api: str = "apps/v1") -> Raw:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"scaleTargetRef": {"apiVersion": api, "kind": kind, "name": of}},
    }

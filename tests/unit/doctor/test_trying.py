"""Dry runs and what is looked at beside scaleguard, from an API server of the tests."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cluster.fake import Answer, FakeApi, page, status
from tests.unit.doctor.facts import mutating, running, selector, validating
from tests.unit.doctor.test_fetching import MAY, MUTATING, VALIDATING, api, made, only, review

__all__ = ["api"]

NAMESPACES = "/api/v1/namespaces"
CONFIG = "/api/v1/namespaces/guard/configmaps/scaleguard"
METRICS = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"

FITTED = {"metadata": {"annotations": {"scaleguard.io/mutations": "tolerations: nvidia.com/gpu"}}}


def pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


def hpas(namespace: str) -> str:
    return f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"


def created(raw: dict[str, Any], *warnings: str) -> Answer:
    said = ", ".join(f'299 - "{one}"' for one in warnings)
    return Answer(201, json.dumps(raw).encode(), {"Warning": said} if said else {})


def states(api: FakeApi, folder: Path, name: str, **meant: str) -> list[str]:
    (checked,) = made(api, folder, name, **meant).values()
    return [str(one.state) for one in checked.verdicts]


def namespaces(*names: str) -> Answer:
    return page([{"metadata": {"name": name}} for name in names])


def test_a_canary_that_sings(api: FakeApi, tmp_path: Path) -> None:
    api.on(NAMESPACES, namespaces("a", "default"))
    api.on(pods("default"), created(FITTED))
    api.on(hpas("default"), created({}, "[hpa-no-effect] HPA default/scaleguard-doctor"))
    assert states(api, tmp_path, "canary") == ["ok", "ok"]
    tried = [one for one in api.asked if one.method == "POST" and one.path != MAY]
    assert [one.query for one in tried] == [{"dryRun": "All"}] * 2


def test_it_is_tried_where_it_is_judged(api: FakeApi, tmp_path: Path) -> None:
    left_out = selector("kube-system", "kube-node-lease", "guard", "default")
    api.on(MUTATING, page([mutating(namespaceSelector=left_out)]))
    api.on(NAMESPACES, namespaces("default", "guard", "kube-public", "shop"))
    api.on(pods("shop"), created(FITTED))
    api.on(hpas("shop"), created({}, "[x] y"))
    assert states(api, tmp_path, "canary") == ["ok", "ok"]
    api.on(NAMESPACES, namespaces("default", "guard"))
    assert only(made(api, tmp_path, "canary"))[1].startswith("no namespace is judged")
    api.on(pods("lab"), created(FITTED))
    api.on(hpas("lab"), created({}, "[x] y"))
    assert states(api, tmp_path, "canary", try_in="lab") == ["ok", "ok"]


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ("mode: enforce", ["fault", "fault"]),
        ("mode: audit", ["unseen", "unseen"]),
        ("rules: {hpa-no-effect: off}", ["fault", "unseen"]),
        ("rules: {hpa-no-effect: deny}", ["fault", "fault"]),
        ("nonsense: 1", ["fault", "fault"]),
        ("]", ["fault", "fault"]),
    ],
)
def test_silence_is_judged_by_the_configuration(
    api: FakeApi, tmp_path: Path, config: str, wanted: list[str]
) -> None:
    api.on(CONFIG, Answer(body=json.dumps({"data": {"config.yaml": config}}).encode()))
    api.on(pods("default"), created({}))
    api.on(hpas("default"), created({}))
    api.on(NAMESPACES, status(403, "Forbidden"))
    assert states(api, tmp_path, "canary") == wanted


def test_without_the_right_to_create_nothing_is_tried(api: FakeApi, tmp_path: Path) -> None:
    api.on(NAMESPACES, namespaces("default"))
    api.on(MAY, review(allowed=False))
    assert states(api, tmp_path, "canary") == ["unseen", "unseen"]
    assert not [one for one in api.asked if one.path == pods("default")]


def test_what_stands_beside(api: FakeApi, tmp_path: Path) -> None:
    api.on(MUTATING, page([mutating()]))
    api.on(VALIDATING, page([validating()]))
    assert states(api, tmp_path, "order") == ["ok"]
    assert states(api, tmp_path, "vpa") == ["warning"]
    assert states(api, tmp_path, "keda") == ["ok"]
    assert states(api, tmp_path, "metrics") == ["warning"]
    api.on(METRICS, status(403, "Forbidden"))
    assert only(made(api, tmp_path, "metrics"))[1].startswith("you may not get apiservices.")


def test_a_vpa_and_its_modes(api: FakeApi, tmp_path: Path) -> None:
    group = {"versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}}
    api.on("/apis/autoscaling.k8s.io", Answer(body=json.dumps(group).encode()))
    parts = ("vpa-recommender", "vpa-updater", "vpa-admission-controller")
    api.on("/apis/apps/v1/deployments", page([running(f"x/{one}:1.8.1", one) for one in parts]))
    api.on(NAMESPACES, namespaces("default"))
    tried = "/apis/autoscaling.k8s.io/v1/namespaces/default/verticalpodautoscalers"
    api.on(f"{tried}/scaleguard-tries-a-mode", Answer(body=b"{}"))
    found = made(api, tmp_path, "vpa", namespace="guard", release="scaleguard")
    gone, modes = found["vpa"].verdicts
    assert "VPA's webhook configuration is gone" in gone.message
    assert "InPlaceOrRecreate" in modes.message
    api.on(MAY, review(allowed=False))
    found = made(api, tmp_path, "vpa", namespace="guard", release="scaleguard")
    assert "you may not create verticalpodautoscalers" in found["vpa"].verdicts[1].message
    api.on("/apis/apps/v1/deployments", status(403, "Forbidden"))
    found = made(api, tmp_path, "vpa", namespace="guard", release="scaleguard")
    assert "you may not list deployments.apps" in found["vpa"].verdicts[0].message


def test_keda_and_what_is_paused(api: FakeApi, tmp_path: Path) -> None:
    group = {"versions": [{"version": "v1alpha1"}]}
    api.on("/apis/keda.sh", Answer(body=json.dumps(group).encode()))
    operator = running("ghcr.io/kedacore/keda:2.21.0", "keda-operator")
    api.on("/apis/apps/v1/deployments", page([operator]))
    annotations = {"autoscaling.keda.sh/paused": "true"}
    paused = {"metadata": {"name": "x", "namespace": "ml", "annotations": annotations}}
    api.on("/apis/keda.sh/v1alpha1/scaledobjects", page([paused]))
    named = {"namespace": "guard", "release": "scaleguard"}
    assert states(api, tmp_path, "keda", **named) == ["ok", "warning"]
    assert states(api, tmp_path, "metrics", **named) == ["warning", "warning"]


def test_the_audit(api: FakeApi, tmp_path: Path) -> None:
    assert only(made(api, tmp_path, "audit"))[1].startswith("not installed")

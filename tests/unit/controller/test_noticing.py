"""Which workloads are looked at for what changes: for differences, before and after."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.unit.cluster.states import autoscaler, key
from tests.unit.core.vpa_plan.workloads import Raw
from webhook.cluster.records import Autoscalers, Brought, Held
from webhook.controller.noticing import (
    ManagedVpas,
    Noticing,
    VpaRecord,
    of_brought,
    of_held,
    of_vpa,
)
from webhook.core.autoscalers.hpa import read_hpa
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa, read_vpa

WEB, API = key("web"), key("api")


class Told:
    """Who is told what."""

    def __init__(self) -> None:
        self.keys: list[list[WorkloadKey]] = []

    def tell(self, keys: Iterable[WorkloadKey]) -> None:
        self.keys.append(list(keys))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def hpas(told: Told) -> Noticing[Held[Scaler]]:
    held = Autoscalers(read_hpa)
    return Noticing(held, lambda one: one.identity, of_held, told.tell)


def hpa(target: WorkloadKey = WEB, version: str = "1", name: str = "h", **spec: Any) -> Raw:
    raw = autoscaler(name, target)
    raw["metadata"]["resourceVersion"] = version
    raw["spec"] |= spec
    return raw


def test_a_new_one_is_told_of(hpas: Noticing[Held[Scaler]], told: Told) -> None:
    hpas.put(hpas.read(hpa()))
    assert told.keys == [[WEB]]
    assert len(hpas) == 1


def test_one_that_means_the_same_is_not(hpas: Noticing[Held[Scaler]], told: Told) -> None:
    hpas.put(hpas.read(hpa()))
    hpas.put(hpas.read(hpa(version="2") | {"status": {"currentReplicas": 3}}))
    assert len(told.keys) == 1
    hpas.put(hpas.read(hpa(version="3", minReplicas=4)))
    assert told.keys[1:] == [[WEB, WEB]]


def test_where_it_acted_before_is_told_as_well(hpas: Noticing[Held[Scaler]], told: Told) -> None:
    hpas.put(hpas.read(hpa()))
    hpas.put(hpas.read(hpa(API, "2")))
    assert told.keys[-1] == [WEB, API]
    hpas.remove(hpas.read(hpa(WEB, "3")))
    assert told.keys[-1] == [API, WEB], "the last words of it may be others"
    assert len(hpas) == 0
    hpas.remove(hpas.read(hpa(WEB, "3")))
    hpas.put(hpas.read(hpa(API, "4")))
    assert told.keys[-1] == [API], "what is gone is no more before it"


def test_one_that_acts_on_nothing_is_about_nothing(
    hpas: Noticing[Held[Scaler]], told: Told
) -> None:
    hpas.put(hpas.read(hpa(scaleTargetRef={})))
    assert told.keys == [[]]


def test_a_list_is_told_of_as_far_as_it_differs(hpas: Noticing[Held[Scaler]], told: Told) -> None:
    for name, target in (("same", WEB), ("gone", API), ("moved", WEB)):
        hpas.put(hpas.read(hpa(target, name=name)))
    told.keys.clear()
    new = hpa(key("new"), name="new")
    hpas.replace([hpas.read(one) for one in (new, hpa(API, name="moved"), hpa(name="same"))], 5)
    (keys,) = told.keys
    assert sorted(keys) == sorted([key("new"), API, WEB, API])
    told.keys.clear()
    hpas.put(hpas.read(hpa(version="6", name="same")))
    assert told.keys == [], "what the list has is known"
    hpas.put(hpas.read(hpa(version="7", name="gone")))
    assert told.keys == [[WEB]], "what it has not is new again"


@pytest.mark.parametrize("count", [0, 1])
def test_a_list_of_the_same_is_no_news(
    hpas: Noticing[Held[Scaler]], told: Told, count: int
) -> None:
    """An absent CRD is looked for every few seconds, and a watch that was cut off lists anew."""
    for version in (5, 5, 7):
        hpas.replace([hpas.read(hpa(version=str(version)))] * count, version)
    assert [one for keys in told.keys for one in keys] == [WEB] * count


def test_the_store_has_it_before_anybody_is_told() -> None:
    held: Autoscalers[Scaler] = Autoscalers(read_hpa)
    seen: list[int] = []
    noticing = Noticing(
        held,
        lambda one: one.identity,
        of_held,
        lambda _: seen.append(len(held.on(WEB))),
    )
    noticing.put(noticing.read(hpa()))
    noticing.remove(noticing.read(hpa()))
    assert seen == [1, 0]


def test_what_an_inference_service_brings() -> None:
    brought = Brought()
    raw = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "namespace": "shop",
            "name": "bert",
            "annotations": {"serving.kserve.io/deploymentMode": "RawDeployment"},
        },
        "spec": {"predictor": {"minReplicas": 1, "maxReplicas": 3, "scaleMetric": "cpu"}},
    }
    assert of_brought(brought.read(raw)) == (key("bert-predictor"),)


# ---------------------------------------------------------------- managed VPAs


def vpa(target: WorkloadKey = WEB, *, labelled: bool = True, mode: str = "Off", **more: Any) -> Raw:
    raw = autoscaler("v", target, vpa=True)
    raw["metadata"] |= {"labels": {"scaleguard.io/managed": "true"}} if labelled else {}
    raw["metadata"] |= more
    raw["spec"]["updatePolicy"] = {"updateMode": mode}
    return raw


@pytest.fixture
def vpas() -> ManagedVpas:
    return ManagedVpas(Autoscalers(read_vpa))


@pytest.fixture
def noticed(vpas: ManagedVpas, told: Told) -> Noticing[VpaRecord]:
    return Noticing(vpas, lambda one: one.held.identity, of_vpa, told.tell)


V = read_vpa(vpa())


def named(vpas: ManagedVpas, of: Vpa = V) -> Any:
    return vpas.raw(of)


def test_what_carries_the_label_is_kept_as_it_is_written(vpas: ManagedVpas) -> None:
    vpas.put(vpas.read(vpa()))
    assert named(vpas)["spec"] == vpa()["spec"]
    vpas.put(vpas.read(vpa(labelled=False)))
    assert named(vpas) is None
    assert len(vpas) == 1
    vpas.put(vpas.read(vpa(annotations={"scaleguard.io/unmanaged": "true"})))
    assert named(vpas) is None, "somebody has taken it over"
    vpas.put(vpas.read(vpa()))
    vpas.remove(vpas.read(vpa()))
    assert named(vpas) is None
    assert len(vpas) == 0
    vpas.replace([vpas.read(vpa()), vpas.read(autoscaler("other", API, vpa=True))], 3)
    assert named(vpas) is not None
    assert len(vpas) == 2
    vpas.replace([], 4)
    assert named(vpas) is None


def test_a_recommendation_is_no_news_and_a_hand_edit_is(
    noticed: Noticing[VpaRecord], told: Told
) -> None:
    noticed.put(noticed.read(vpa()))
    assert told.keys == [[WEB]]
    noticed.put(noticed.read(vpa(resourceVersion="2") | {"status": {"recommendation": {}}}))
    assert len(told.keys) == 1
    # Rules read neither of them; but they are not what we wrote.
    edits: list[Raw] = [
        {"recommenders": [{"name": "mine"}]},
        {"updatePolicy": {"updateMode": "Off", "minReplicas": 7}},
    ]
    for count, edit in enumerate(edits, 2):
        edited = vpa(resourceVersion=str(count + 1))
        edited["spec"] |= edit
        noticed.put(noticed.read(edited))
        assert len(told.keys) == count
    noticed.put(noticed.read(vpa(API)))
    assert told.keys[-1] == [WEB, API]


def test_counted_by_mode(vpas: ManagedVpas) -> None:
    for number, mode in enumerate(["Off", "Initial", "Initial"]):
        raw = vpa(mode=mode)
        raw["metadata"]["name"] = str(number)
        vpas.put(vpas.read(raw))
    theirs = vpa(labelled=False, mode="Recreate")
    bare = vpa()
    bare["metadata"]["name"] = "bare"
    del bare["spec"]["updatePolicy"]
    for raw in (theirs, bare):
        vpas.put(vpas.read(raw))
    assert vpas.modes() == {"Off": 1, "Initial": 2, "": 1}

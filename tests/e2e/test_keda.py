"""ScaledObjects before KEDA's operator: what it makes of them is let in, and conflicts are not.

Its own admission webhook does not run, so all that is refused here is refused by scaleguard. After
each test the ScaledObjects are deleted, which the operator has to be let do; and when all is over,
none of its requests may have been refused.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.controlplane.build import binary
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.keda import Keda
from tests.e2e.guard import Guard
from tests.e2e.kubectl import wait_until
from tests.e2e.patient_client import PatientClient
from tests.e2e.scaled_workload import ScaledWorkload

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

OPERATOR = "keda-operator"
HPA, SCALED_OBJECT = "HorizontalPodAutoscaler", "ScaledObject"
GENERATED = "keda-hpa-web"
PAUSED, PAUSED_REPLICAS, PAUSED_SCALE_IN, PAUSED_SCALE_OUT = (
    f"autoscaling.keda.sh/{key}"
    for key in ("paused", "paused-replicas", "paused-scale-in", "paused-scale-out")
)
PAUSES = [
    {PAUSED: "true"},
    {PAUSED: "until monday"},
    {PAUSED_REPLICAS: "2", PAUSED: "false"},
    # The operator ends in an error then, without an HPA.
    {PAUSED_REPLICAS: "none"},
]
TRANSFER = {"scaledobject.keda.sh/transfer-hpa-ownership": "true"}


@pytest.fixture(scope="module")
def guard(plane: ControlPlane) -> Iterator[Guard]:
    with Guard(plane, arguments=["--log-format", "json"]) as running:
        yield running


@pytest.fixture(scope="module")
def keda(plane: ControlPlane, guard: Guard) -> Iterator[Keda]:
    binary(OPERATOR)
    with Keda(plane) as running:
        yield running
        assert [one for one in told(guard) if not one["allowed"]] == []


@pytest.fixture(scope="module")
def client(plane: ControlPlane) -> Iterator[PatientClient]:
    with closing(PatientClient(plane)) as made:
        yield made


@pytest.fixture
def web(
    client: PatientClient, guard: Guard, keda: Keda, namespace: str
) -> Iterator[ScaledWorkload]:
    """Something to scale; of a test that fails: the cluster, and what both programs said last."""
    made = ScaledWorkload(client, namespace)
    made.apply(made.deployment())
    yield made
    print(made, keda.tail(), "".join(guard.log[-15:]), sep="\n")
    made.delete(SCALED_OBJECT, "web")


def told(guard: Guard) -> list[Raw]:
    """What was said to the operator; what passed without a word is not in it."""
    lines = [json.loads(line) for line in guard.log if line.startswith("{")]
    decisions = [line["decision"] for line in lines if "decision" in line]
    return [one for one in decisions if one["user"] == OPERATOR]


def test_its_hpa_and_a_vpa_that_complements_it_are_let_in(
    web: ScaledWorkload, guard: Guard
) -> None:
    assert web.apply(web.scaled_object()) == ()
    web.wait_for_hpas(GENERATED)
    assert web.owners(GENERATED) == [web.uid()]
    assert web.hpas()[GENERATED]["spec"]["metrics"] == [cpu(70)]
    wait_until(lambda: web.condition("Ready")[0] == "True")
    assert web.apply(web.vpa("memory")) == ()
    # What the operator does to its HPA is let in beside the VPA, too.
    assert web.apply(web.scaled_object(value="60")) == ()
    wait_until(lambda: web.hpas()[GENERATED]["spec"]["metrics"] == [cpu(60)])
    assert [one for one in told(guard) if one["namespace"] == web.namespace] == [], "nor warned of"


def cpu(percent: int) -> Raw:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def test_beside_a_vpa_on_its_metric_it_is_refused(web: ScaledWorkload) -> None:
    web.apply(web.vpa())
    assert web.same_metric() in web.refused(web.scaled_object())
    web.apply(web.vpa("memory"))
    assert web.apply(web.scaled_object()) == (), "the fix is one"
    web.wait_for_hpas(GENERATED)
    # The other way round, beside its HPA: the ScaledObject is named, and that once.
    said = web.refused(web.vpa())
    assert web.same_metric() in said
    assert said.count("[hpa-vpa-same-metric]") == 1


def test_a_second_scaler_of_the_workload_is_refused(web: ScaledWorkload) -> None:
    mine = web.hpa("mine", "memory")
    web.apply(mine)
    in_the_way = web.duplicate("ScaledObject web", HPA, "mine")
    assert in_the_way in web.refused(web.scaled_object())
    web.delete(HPA, "mine")
    assert web.apply(web.scaled_object()) == ()
    web.wait_for_hpas(GENERATED)
    said = web.refused(mine)
    assert web.duplicate(f"{HPA} mine", SCALED_OBJECT, "web") in said
    assert said.count("[duplicate-hpa]") == 1
    said = web.refused(web.scaled_object(name="other"))
    assert web.duplicate("ScaledObject other", SCALED_OBJECT, "web") in said
    # Once it is gone with its HPA there is room for another.
    web.delete(SCALED_OBJECT, "web")
    web.wait_for_hpas()
    assert web.apply(mine) == ()


def test_paused_it_has_no_hpa_and_is_judged_when_it_goes_on(web: ScaledWorkload) -> None:
    web.apply(web.scaled_object())
    web.wait_for_hpas(GENERATED)
    for annotations in PAUSES:
        assert web.apply(web.scaled_object(annotations)) == ()
        web.wait_for_hpas()
        assert web.apply(web.vpa()) == (), "nobody else acts on cpu"
        assert web.same_metric() in web.refused(web.scaled_object())
        assert web.hpas() == {}
        web.apply(web.vpa("memory"))
        assert web.apply(web.scaled_object()) == ()
        web.wait_for_hpas(GENERATED)


def test_an_hpa_that_came_while_it_was_paused_is_in_its_way(web: ScaledWorkload) -> None:
    assert web.apply(web.scaled_object({PAUSED: "true"})) == ()
    wait_until(lambda: web.condition("Paused")[0] == "True")
    assert web.apply(web.hpa("mine")) == ()
    in_the_way = web.duplicate("ScaledObject web", HPA, "mine")
    assert in_the_way in web.refused(web.scaled_object())
    web.delete(HPA, "mine")
    assert web.apply(web.scaled_object()) == ()
    web.wait_for_hpas(GENERATED)


def test_paused_in_one_direction_it_keeps_its_hpa_and_the_conflict(web: ScaledWorkload) -> None:
    web.apply(web.scaled_object({PAUSED_SCALE_IN: "true"}))
    web.wait_for_hpas(GENERATED)
    assert web.disabled(GENERATED) == {"scaleDown"}
    assert web.same_metric() in web.refused(web.vpa())
    web.apply(web.scaled_object({PAUSED_SCALE_OUT: "true"}))
    wait_until(lambda: web.disabled(GENERATED) == {"scaleUp"})
    assert web.same_metric() in web.refused(web.vpa())


def test_paused_in_both_directions_it_is_warned_of(web: ScaledWorkload, guard: Guard) -> None:
    web.apply(web.vpa())
    said = web.apply(web.scaled_object({PAUSED_SCALE_IN: "true", PAUSED_SCALE_OUT: "true"}))
    assert said[0].startswith("[hpa-vpa-same-metric] ")
    assert "ScaledObject web has no effect now: scale-in and scale-out are both paused" in said[0]
    web.wait_for_hpas(GENERATED)
    assert web.disabled(GENERATED) == {"scaleDown", "scaleUp"}
    maker = f"generated by ScaledObject {web.namespace}/web, which is judged itself"
    wait_until(lambda: any(maker in one["message"] for one in told(guard)))
    assert web.same_metric() in web.refused(web.scaled_object())


def test_it_takes_over_the_one_hpa_that_it_names(web: ScaledWorkload) -> None:
    web.apply(web.hpa("mine"))
    in_the_way = web.duplicate("ScaledObject web", HPA, "mine")
    for refused in (
        web.scaled_object(hpa_name="mine"),
        web.scaled_object(TRANSFER),
        web.scaled_object(TRANSFER, hpa_name="others"),
    ):
        assert in_the_way in web.refused(refused)
    assert web.apply(web.scaled_object(TRANSFER, hpa_name="mine")) == ()
    wait_until(lambda: web.owners("mine") == [web.uid()])
    assert set(web.hpas()) == {"mine"}
    assert web.apply(web.scaled_object(hpa_name="mine")) == (), "it is its own now"
    assert web.same_metric() in web.refused(web.vpa())
    said = web.refused(web.hpa("others"))
    assert web.duplicate(f"{HPA} others", SCALED_OBJECT, "web") in said


def test_its_hpa_may_be_called_otherwise_at_any_time(web: ScaledWorkload) -> None:
    for name in ("mine", "others"):
        assert web.apply(web.scaled_object(hpa_name=name)) == ()
        web.wait_for_hpas(name)
    assert web.apply(web.scaled_object()) == ()
    web.wait_for_hpas(GENERATED)
    assert web.same_metric() in web.refused(web.vpa())


def test_a_trigger_without_its_type_is_judged_as_what_it_will_be(web: ScaledWorkload) -> None:
    assert web.apply(web.scaled_object(metric_type="")) == ()
    wait_until(lambda: web.condition("Ready")[0] == "False")
    assert "unknown metric type" in web.condition("Ready")[1], "the operator refuses it"
    assert web.hpas() == {}
    assert web.same_metric() in web.refused(web.vpa())
    assert web.apply(web.scaled_object()) == ()
    web.wait_for_hpas(GENERATED)

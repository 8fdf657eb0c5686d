"""Where a scaler and a VPA meet, by the containers that are known; and what a fix leaves."""

import itertools
from typing import Any

import jsonpatch
import pytest

from tests.unit.core.autoscalers import hpa, scaled_object, vpa
from webhook.core.autoscalers.hpa import read_hpa
from webhook.core.autoscalers.scaled_object import read_scaled_object
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa, read_vpa
from webhook.core.overlaps import (
    MOST_NAMES,
    ONLY_AT_START,
    Place,
    SameMetric,
    boost_path,
    controlled,
    same_metric,
    vpa_path,
)
from webhook.core.pod import CPU, MEMORY
from webhook.core.workload import ContainerSet

WEB = WorkloadKey("shop", "apps", "Deployment", "web")
POLICIES = "spec.resourcePolicy.containerPolicies"
BOOST = {"cpu": {"type": "Factor", "factor": 2}}


def metric(resource: str, container: str | None = None, value: int | str = 70) -> dict[str, Any]:
    """A metric in percent, or of an amount where the value is a text."""
    kind = "Resource" if container is None else "ContainerResource"
    field = "averageUtilization" if isinstance(value, int) else "averageValue"
    source: dict[str, Any] = {"name": resource, "target": {field: value}}
    if container is not None:
        source["container"] = container
    return {"type": kind, kind[0].lower() + kind[1:]: source}


def scaler(*metrics: dict[str, Any]) -> Scaler:
    return read_hpa(hpa(metrics=list(metrics)))


def made(*policies: dict[str, Any], **spec: Any) -> Vpa:
    return read_vpa(vpa(resourcePolicy={"containerPolicies": list(policies)}, **spec))


def policy(name: str, *resources: str, **more: Any) -> dict[str, Any]:
    return {"containerName": name, "controlledResources": list(resources), **more}


def met(
    one: Scaler, other: Vpa, *containers: str, pod_level: frozenset[str] = frozenset()
) -> list[SameMetric]:
    """Where they meet; without containers, on a workload that nobody knows yet."""
    known = ContainerSet(containers, pod_level) if containers else None
    return list(same_metric(one, other, Place(WEB, known), ()))


def only(*args: Any, **more: Any) -> SameMetric:
    (found,) = met(*args, **more)
    return found


# ---------------------------------------------------------------- known containers


def test_they_meet_on_the_containers_that_both_act_on() -> None:
    free_db = made(policy("db", MEMORY))
    found = only(scaler(metric(CPU)), free_db, "app", "db", "log")
    assert (found.resource, found.containers, found.reductions) == (CPU, ("app", "log"), ())
    assert met(scaler(metric(CPU, "db")), free_db, "app", "db") == []
    assert met(scaler(metric(CPU)), free_db, "db") == []


def test_cpu_comes_before_memory_and_each_has_its_own_metric() -> None:
    found = met(scaler(metric(MEMORY), metric(CPU)), made(), "app")
    assert [(one.resource, one.claim.path) for one in found] == [
        (CPU, "spec.metrics[1]"),
        (MEMORY, "spec.metrics[0]"),
    ]


def test_of_several_metrics_the_strongest_speaks_and_the_first_of_equals() -> None:
    found = only(scaler(metric(CPU, value="1"), metric(CPU)), made(), "app")
    assert found.claim.path == "spec.metrics[1]"
    found = only(scaler(metric(CPU, "app"), metric(CPU)), made(), "app")
    assert found.claim.path == "spec.metrics[0]"
    # On the pod's own request the metric of the whole pod is milder.
    shared = frozenset({CPU})
    one = scaler(metric(CPU), metric(CPU, "app", "1"))
    found = only(one, made(), "app", pod_level=shared)
    assert (found.claim.path, found.reductions) == ("spec.metrics[1]", ())


def test_metrics_that_are_as_strong_add_their_containers() -> None:
    found = only(scaler(metric(CPU, "b"), metric(CPU, "a")), made(), "a", "b")
    assert found.containers == ("b", "a")
    shared = frozenset({CPU})
    found = only(scaler(metric(CPU), metric(CPU, "a")), made(), "a", "b", pod_level=shared)
    assert found.containers == ("a",)


def test_a_pod_level_request_matters_to_percentages_of_the_whole_pod() -> None:
    shared = frozenset({CPU})
    reason = "the pod's own request (spec.resources) is what the metric divides by"
    assert only(scaler(metric(CPU)), made(), "a", pod_level=shared).reductions == (reason,)
    for other in (metric(CPU, value="1"), metric(CPU, "a"), metric(MEMORY)):
        assert only(scaler(other), made(), "a", pod_level=shared).reductions == ()


def test_what_is_only_boosted_is_met_at_start() -> None:
    boosting = made(policy("*", MEMORY), startupBoost=BOOST)
    found = only(scaler(metric(CPU)), boosting, "a", "b")
    assert (found.boost, found.containers) == (True, ("a", "b"))
    assert (found.reductions, found.fix) == ((ONLY_AT_START,), None)
    assert found.vpa_path == "spec.startupBoost"
    assert not only(scaler(metric(MEMORY)), boosting, "a").boost
    # Where one container is controlled as well, that is what they meet on.
    partly = made(policy("a", MEMORY), startupBoost=BOOST)
    found = only(scaler(metric(CPU)), partly, "a", "b")
    assert (found.boost, found.containers, found.reductions) == (False, ("b",), ())


# ---------------------------------------------------------------- unknown containers


def test_every_template_that_may_come_is_met() -> None:
    for other in (made(), made(policy("a", CPU)), made(policy("*", CPU))):
        found = only(scaler(metric(CPU)), other)
        assert (found.containers, found.reductions) == ((), ())


def test_what_needs_a_further_container_waits_for_the_workload() -> None:
    found = only(scaler(metric(CPU)), made(policy("a", MEMORY), policy("b", CPU)))
    assert found.containers == ()
    assert found.reductions == ("holds once the workload has such a container",)
    assert (found.containers, found.other_than) == ((), ("a",))


def test_what_needs_a_named_container_waits_for_it() -> None:
    named = made(policy("a", CPU), policy("b", MEMORY), policy("c", CPU), policy("*", MEMORY))
    found = only(scaler(metric(CPU)), named)
    assert found.containers == ("a", "c")
    assert found.reductions == ("holds once the workload has a container a or c",)
    assert found.vpa_path == f"{POLICIES}[0].controlledResources"


def test_a_metric_of_one_container_knows_its_container() -> None:
    named = made(policy("a", CPU), policy("*", MEMORY))
    assert only(scaler(metric(CPU, "a")), named).containers == ("a",)
    assert met(scaler(metric(CPU, "b")), named) == []


def test_boosts_of_containers_to_come() -> None:
    freed = policy("*", MEMORY)
    everywhere = only(scaler(metric(CPU)), made(freed, startupBoost=BOOST))
    assert (everywhere.containers, everywhere.boost) == ((), True)
    assert everywhere.reductions == (ONLY_AT_START,)
    one = only(scaler(metric(CPU)), made(policy("a", MEMORY, startupBoost=BOOST), freed))
    assert (one.containers, one.vpa_path) == (("a",), f"{POLICIES}[0].startupBoost")
    assert [each.resource for each in met(scaler(metric(MEMORY)), made(policy("*", CPU)))] == []


@pytest.mark.parametrize(("count", "last"), [(MOST_NAMES, "c7"), (MOST_NAMES + 1, "1 more")])
def test_a_message_names_a_few_containers(count: int, last: str) -> None:
    names = [f"c{number}" for number in range(count)]
    shown = (*names[:MOST_NAMES], *([last] if count > MOST_NAMES else []))
    found = only(scaler(metric(CPU)), made(*(policy(name, MEMORY) for name in names)))
    assert found.other_than == shown
    written = [policy(name, CPU) for name in names]
    (reason,) = only(scaler(metric(CPU)), made(*written, policy("*", MEMORY))).reductions
    assert reason == f"holds once the workload has a container {' or '.join(shown)}"


# ---------------------------------------------------------------- what a VPA writes


def test_the_containers_whose_requests_are_written() -> None:
    named = made(policy("a", CPU), policy("b", MEMORY), policy("*", MEMORY))
    known = ContainerSet(("a", "b", "c"))
    assert controlled(named, CPU, known) == ("a",)
    assert controlled(named, MEMORY, known) == ("b", "c")
    assert controlled(named, CPU, ContainerSet(("b", "c"))) is None
    assert controlled(named, CPU, None) == ("a",)
    assert controlled(named, MEMORY, None) == ()
    assert controlled(made(policy("*", MEMORY)), CPU, None) is None
    off = made(updatePolicy={"updateMode": "Off"})
    assert controlled(off, CPU, None) is None
    assert controlled(off, CPU, known) is None


def test_the_path_is_that_of_the_policy_or_of_where_it_would_stand() -> None:
    assert vpa_path(read_vpa(vpa()), ()) == "spec.resourcePolicy"
    assert vpa_path(read_vpa(vpa()), ("a",)) == "spec.resourcePolicy"
    named = made({"containerName": "x"}, policy("a", CPU))
    assert vpa_path(named, ("a", "x")) == f"{POLICIES}[1].controlledResources"
    assert vpa_path(named, ("x",)) == f"{POLICIES}[0]"
    assert vpa_path(named, ("b",)) == POLICIES
    assert vpa_path(named, ()) == POLICIES
    assert vpa_path(made(policy("*", CPU)), ()) == f"{POLICIES}[0].controlledResources"


def test_the_path_of_a_boost_is_that_of_the_container_or_of_all() -> None:
    named = made(policy("a", CPU, startupBoost=BOOST), policy("b", CPU), startupBoost=BOOST)
    assert boost_path(named, ("a", "b")) == f"{POLICIES}[0].startupBoost"
    assert boost_path(named, ("b", "a")) == "spec.startupBoost"
    assert boost_path(named, ("c",)) == "spec.startupBoost"
    assert boost_path(named, ()) == "spec.startupBoost"
    everywhere = made(policy("*", CPU, startupBoost=BOOST))
    assert boost_path(everywhere, ()) == f"{POLICIES}[0].startupBoost"


# ---------------------------------------------------------------- the fix


def summary(one: Scaler, other: Vpa, *containers: str) -> str | None:
    found = met(one, other, *containers)[0]
    return found.fix.summary if found.fix is not None else None


def test_a_fix_gives_up_what_is_read_of_each_container() -> None:
    both = scaler(metric(CPU), metric(MEMORY, "db"))
    assert summary(both, made(), "app", "db") == (
        'controlledResources: [memory] for container "*", '
        'controlledResources: [] for container "db"'
    )
    assert summary(scaler(metric(CPU, "db")), made(), "app", "db") == (
        'controlledResources: [memory] for container "db"'
    )


def test_a_fix_changes_policies_that_are_there_and_no_others() -> None:
    named = made(policy("app", CPU, MEMORY), policy("gone", CPU, MEMORY), policy("db", MEMORY))
    assert summary(scaler(metric(CPU)), named, "app", "db") == (
        'controlledResources: [memory] for container "app"'
    )
    assert summary(scaler(metric(CPU)), named, "app", "new") == (
        'controlledResources: [memory] for container "app", '
        'controlledResources: [memory] for container "*"'
    )
    assert summary(scaler(metric(CPU)), named) == (
        'controlledResources: [memory] for container "app", '
        'controlledResources: [memory] for container "gone", '
        'controlledResources: [memory] for container "*"'
    )


def test_a_policy_that_is_added_keeps_what_the_one_for_all_says() -> None:
    bounds = {"minAllowed": {"cpu": "1"}, "mode": "Auto"}
    found = only(scaler(metric(CPU, "db")), made(policy("*", CPU, MEMORY, **bounds)), "app", "db")
    assert found.fix is not None
    (operation,) = found.fix.patch
    assert operation["path"] == "/spec/resourcePolicy/containerPolicies/-"
    assert operation["value"] == {
        **bounds,
        "containerName": "db",
        "controlledResources": [MEMORY],
    }


def test_where_nothing_is_left_the_vpa_only_recommends() -> None:
    both = scaler(metric(CPU), metric(MEMORY))
    assert summary(both, made(), "app") == 'updateMode: "Off"'
    assert summary(both, made()) == 'updateMode: "Off"'
    assert summary(scaler(metric(CPU)), made(policy("*", CPU)), "app") == 'updateMode: "Off"'
    # A policy of a container that the workload does not have is no work.
    named = made(policy("gone", CPU, MEMORY))
    assert summary(both, named, "app") == 'updateMode: "Off"'
    assert summary(scaler(metric(CPU)), named, "app") != 'updateMode: "Off"'


def test_what_two_share_is_no_part_of_a_fix() -> None:
    place = Place(WEB, ContainerSet(("app",)), frozenset({CPU}))
    found = list(same_metric(scaler(metric(CPU), metric(MEMORY)), made(), place, ("idle",)))
    assert [one.resource for one in found] == [CPU, MEMORY]
    assert {one.fix.summary for one in found if one.fix is not None} == {
        'controlledResources: [cpu] for container "*"'
    }
    assert [one.reductions for one in found] == [("idle",), ("idle",)]
    (alone,) = same_metric(scaler(metric(CPU)), made(), place, ())
    assert alone.fix is None


def test_a_vpa_that_only_recommends_keeps_the_rest_of_its_policy() -> None:
    both = scaler(metric(CPU), metric(MEMORY))
    for policies in ({}, {"updateMode": "Initial", "minReplicas": 1}):
        raw = vpa(updatePolicy=policies)
        fix = met(both, read_vpa(raw), "app")[0].fix
        assert fix is not None
        fixed = jsonpatch.apply_patch(raw, fix.patch)
        assert fixed["spec"]["updatePolicy"] == {**policies, "updateMode": "Off"}


def test_what_other_policies_still_control_is_work() -> None:
    named = made(policy("a", MEMORY), policy("*", CPU))
    freed = 'controlledResources: [] for container "{}"'
    assert summary(scaler(metric(CPU)), named, "a", "b") == freed.format("*")
    assert summary(scaler(metric(CPU)), named) == freed.format("*")
    assert summary(scaler(metric(CPU, "b")), made(policy("b", CPU)), "a", "b") == freed.format("b")
    assert summary(scaler(metric(CPU, "b")), made(policy("*", CPU)), "a", "b") == freed.format("b")


def test_what_is_only_boosted_has_no_fix_beside_one_that_has() -> None:
    boosting = made(policy("*", MEMORY), startupBoost=BOOST)
    on_cpu, on_memory = met(scaler(metric(CPU), metric(MEMORY)), boosting, "app")
    assert on_cpu.fix is None
    assert on_memory.fix is not None


def test_a_metric_of_all_containers_to_come_speaks_for_those_of_one() -> None:
    found = only(scaler(metric(CPU), metric(CPU, "a")), made())
    assert found.containers == ()


def test_what_keda_drops_is_said_last() -> None:
    trigger = {"type": "cpu", "metadata": {"value": "60", "containerName": "app"}}
    advanced = {"scalingModifiers": {"formula": "a"}}
    one = read_scaled_object(scaled_object(triggers=[trigger], advanced=advanced))
    reason = "KEDA drops this container's metric under scalingModifiers"
    found = only(one, made(), "app")
    assert (found.reductions, found.boost) == ((reason,), False)
    found = only(one, made(policy("*", MEMORY), startupBoost=BOOST), "app")
    assert (found.reductions, found.boost) == ((ONLY_AT_START, reason), True)


def test_what_has_a_wrong_type_is_not_mended() -> None:
    assert only(scaler(metric(CPU)), read_vpa(vpa(resourcePolicy="x")), "app").fix is None


def test_a_boost_ends_with_the_control_of_cpu() -> None:
    every, memory = scaler(metric(CPU)), scaler(metric(MEMORY))
    one = policy("app", CPU, MEMORY, startupBoost=BOOST)
    assert summary(every, made(one), "app") == (
        'controlledResources: [memory] for container "app" and remove startupBoost of container '
        '"app"'
    )
    both = made(one, policy("log", MEMORY), startupBoost=BOOST)
    assert (summary(every, both, "app", "log") or "").endswith(
        ' and remove startupBoost and startupBoost of container "app"'
    )
    assert summary(memory, both, "app") == 'controlledResources: [cpu] for container "app"'
    assert (summary(every, made(startupBoost=BOOST)) or "").endswith("and remove startupBoost")
    alone = made(policy("app", CPU), startupBoost=BOOST)
    assert summary(every, alone, "app") == 'updateMode: "Off" and remove startupBoost'


def test_a_boost_of_more_than_what_is_read_stays_for_the_others() -> None:
    one = scaler(metric(CPU, "app"))
    overruled = "startupBoost: {cpu: {type: Factor, factor: 1}}"
    assert summary(one, made(startupBoost=BOOST), "app", "log") == (
        f'controlledResources: [memory] and {overruled} for container "app"'
    )
    idle = made(policy("app", CPU), policy("log"), startupBoost=BOOST)
    assert summary(one, idle, "app", "log") == (
        f'controlledResources: [] and {overruled} for container "app"'
    )
    own = made(policy("*", CPU, MEMORY, startupBoost=BOOST))
    assert summary(one, own, "app", "log") == 'controlledResources: [memory] for container "app"'
    alone = only(one, own, "app")
    assert alone.fix is not None
    added, removed = alone.fix.patch
    assert "startupBoost" not in added["value"]
    assert removed["path"].endswith("/containerPolicies/0/startupBoost")


SAYS: tuple[dict[str, Any], ...] = ({}, {"startupBoost": {}}, {"startupBoost": BOOST})


def policies(name: str) -> list[list[dict[str, Any]]]:
    """No policy of that name, or one that controls something and says something of boosts."""
    controls = ([CPU], [MEMORY])
    return [[], *([policy(name, *of, **says)] for of in controls for says in SAYS)]


@pytest.mark.parametrize("container", [None, "app"])
@pytest.mark.parametrize("containers", [(), ("app",), ("app", "log", "side")])
def test_after_a_fix_cpu_is_raised_just_where_it_is_not_read(
    container: str | None, containers: tuple[str, ...]
) -> None:
    one, fixed = scaler(metric(CPU, container)), 0
    listed = itertools.product(policies("log"), policies("*"), policies("app"), SAYS)
    for log, every, app, says in listed:
        raw = vpa(resourcePolicy={"containerPolicies": [*log, *every, *app]}, **says)
        before = read_vpa(raw)
        for found in met(one, before, *containers):
            if found.fix is None:
                continue
            fixed += 1
            after = read_vpa(jsonpatch.apply_patch(raw, found.fix.patch))
            assert met(one, after, *containers) == []
            for name in containers or ("app", "log", "side"):
                read = container in {None, name}
                assert after.boosts_cpu(name) == (before.boosts_cpu(name) and not read), raw
                assert after.controls(name, CPU) == (before.controls(name, CPU) and not read)
                assert after.controls(name, MEMORY) == before.controls(name, MEMORY)
    assert fixed > 200


def test_what_boosts_is_told_where_nothing_else_meets() -> None:
    every = scaler(metric(CPU))
    freed = policy("*", MEMORY, startupBoost={})
    one = policy("a", MEMORY, startupBoost=BOOST)
    assert only(every, made(one, freed), "a", "b").boosted_by == 'startupBoost of container "a"'
    both = made(one, policy("*", MEMORY), startupBoost=BOOST)
    for containers in (("a", "b"), ()):
        found = only(every, both, *containers)
        assert found.boosted_by == 'startupBoost and startupBoost of container "a"'
    assert only(every, made(), "a").boosted_by is None

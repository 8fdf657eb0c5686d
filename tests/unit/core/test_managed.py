"""Which VPAs count as made by the controller, and who may say so of one."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.core.test_decide import JUDGE
from tests.unit.core.vpa_plan.workloads import Raw, owner, vpa, workload
from webhook.core.decide import ALLOWED, Decision, validate
from webhook.core.mode import Mode
from webhook.core.objects import is_labelled
from webhook.core.review import Request, read_review
from webhook.core.verdict import CannotJudge, Verdict
from webhook.core.world import World

CONTROLLER = "system:serviceaccount:scaleguard:scaleguard-controller"
KIND = {"group": "autoscaling.k8s.io", "version": "v1", "kind": "VerticalPodAutoscaler"}
LABEL: Raw = {"labels": {"scaleguard.io/managed": "true"}}
UNMANAGED: Raw = {"annotations": {"scaleguard.io/unmanaged": "true"}}

KNOWING = replace(JUDGE, controller=CONTROLLER, ask=lambda _: [])


def request(**changes: Any) -> Request:
    asked = {
        "uid": "1",
        "operation": "CREATE",
        "kind": KIND,
        "namespace": "ml",
        "object": vpa(**LABEL),
        "userInfo": {"username": "ada"},
        **changes,
    }
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": asked}
    return read_review(body)


def decided(judge: Any = KNOWING, **changes: Any) -> Decision:
    return validate(request(**changes), World(JUDGE.knowledge.kinds), judge)


REFUSED = (
    f"metadata.labels[scaleguard.io/managed]: only {CONTROLLER} sets this label; leave it out, "
    "and the VPA is yours"
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"userInfo": {}},
        {"operation": "UPDATE", "oldObject": vpa()},
        {"operation": "UPDATE", "oldObject": vpa(labels={"scaleguard.io/managed": "false"})},
        # Who took a VPA over may have written anything into it.
        {"operation": "UPDATE", "oldObject": vpa(**LABEL, **UNMANAGED)},
    ],
)
def test_nobody_but_the_controller_sets_the_label(changes: Raw) -> None:
    assert decided(**changes) == Decision(allowed=False, invalid=REFUSED)


@pytest.mark.parametrize(
    "changes",
    [
        {"userInfo": {"username": CONTROLLER}},
        {"operation": "UPDATE", "oldObject": vpa(**LABEL), "object": vpa(mode="Initial", **LABEL)},
        {"operation": "UPDATE", "oldObject": vpa(**LABEL), "object": vpa(**LABEL, **UNMANAGED)},
        {"operation": "UPDATE", "oldObject": vpa(**LABEL), "object": vpa()},
        {"object": vpa(**LABEL, **UNMANAGED)},
        {"object": vpa(labels={"scaleguard.io/managed": "false"})},
        {"object": vpa()},
        {
            "kind": {**KIND, "group": "example.com"},
            "object": vpa(**LABEL) | {"apiVersion": "example.com/v1"},
        },
        {"operation": "DELETE"},
    ],
)
def test_everything_else_is_judged_by_the_rules(changes: Raw) -> None:
    assert decided(**changes).allowed


def test_where_nobody_knows_the_controller_the_label_may_stand_anywhere() -> None:
    assert decided(replace(KNOWING, controller=None)) == Decision(allowed=True)


@pytest.mark.parametrize("mode", [Mode.WARN, Mode.AUDIT])
def test_a_mode_that_refuses_nothing_does_not_refuse_the_label(mode: Mode) -> None:
    judge = replace(KNOWING, settings=replace(KNOWING.settings, mode=mode))
    assert decided(judge) == Decision(allowed=True, mode=mode)


def test_an_ignored_namespace_is_nobodys_business() -> None:
    world = World(JUDGE.knowledge.kinds)
    ignored = {"name": "ml", "labels": {"scaleguard.io/ignore": "true"}}
    world.put({"apiVersion": "v1", "kind": "Namespace", "metadata": ignored})
    assert validate(request(), world, KNOWING) == ALLOWED


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (LABEL, True),
        ({**LABEL, **UNMANAGED}, False),
        ({**LABEL, "annotations": {"scaleguard.io/unmanaged": "false"}}, True),
        ({"labels": {"scaleguard.io/managed": "yes"}}, False),
        (UNMANAGED, False),
        ({}, False),
    ],
)
def test_what_carries_the_label(metadata: Raw, *, expected: bool) -> None:
    assert is_labelled(vpa(**metadata)) is expected


LLAMA = owner("Deployment", "apps/v1", "llama")


@pytest.mark.parametrize(
    ("metadata", "uid", "managed"),
    [
        ({**LABEL, **LLAMA}, "u-0", True),
        ({**LABEL, **LLAMA}, "u-9", False),  # of an older workload of this name
        ({**LABEL, **LLAMA, **UNMANAGED}, "u-0", False),
        ({**LABEL, **owner("Deployment", "apps/v1", "other")}, "u-0", False),
        (LABEL, "u-0", False),
        (LLAMA, "u-0", False),
    ],
)
def test_managed_is_what_carries_the_label_and_its_workload_as_owner(
    metadata: Raw, uid: str, *, managed: bool
) -> None:
    raw = workload(uid=uid)
    world = World.of([raw, vpa(**metadata)], JUDGE.knowledge.kinds)
    (found,) = world.vpas(next(iter(world._workloads)))
    assert world.is_managed(found) is managed
    world.trusts_label = False
    assert not world.is_managed(found), "anybody may have written it"


def test_nothing_is_managed_without_its_workload() -> None:
    world = World.of([vpa(**LABEL, **LLAMA)], JUDGE.knowledge.kinds)
    nowhere = vpa(**LABEL, **LLAMA)
    del nowhere["spec"]["targetRef"]
    found = [one for raw in (vpa(**LABEL, **LLAMA), nowhere) for one in world.put(raw)]
    assert len(found) == 2
    for one in found:
        assert not world.is_managed(one)  # type: ignore[arg-type]


def test_a_copy_of_a_world_trusts_as_it_does() -> None:
    world = World(JUDGE.knowledge.kinds, trusts_label=False)
    assert not world.copy().trusts_label


def test_the_label_is_refused_before_any_rule_is_asked() -> None:
    def asked(_: Any) -> list[Verdict]:
        raise CannotJudge("a rule was asked")

    assert decided(replace(KNOWING, ask=asked)).invalid == REFUSED

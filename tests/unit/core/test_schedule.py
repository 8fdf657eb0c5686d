"""What filters say of a pod and a shape; tests/e2e/test_schedule_agrees.py asks the scheduler."""

from typing import Any

import pytest

from tests.unit.core.pods import container, pod
from webhook.core import quantity
from webhook.core.amounts import pod_limits, pod_requests
from webhook.core.nodes import NodeShape, Taint
from webhook.core.schedule import LONGEST_SUMMARY, Kind, Misfit, best_misfits, misfits

Raw = dict[str, Any]

GPU_TAINT = Taint("nvidia.com/gpu", "present", "NoSchedule")
ODD: Any = {"cpu": "${CPU}", 1: 2}
TOLERATED = [{"key": "nvidia.com/gpu", "operator": "Exists"}]


def amounts(**written: Any) -> dict[str, int]:
    """Quantities by resource; `gpu` and the like are short for the names."""
    names = {"gpu": "nvidia.com/gpu", "disk": "ephemeral-storage", "huge": "hugepages-2Mi"}
    read = {names.get(key, key): quantity.parse(value) for key, value in written.items()}
    return {name: nanos for name, nanos in read.items() if nanos is not None}


def shape(
    *taints: Taint, name: str = "n1", labels: dict[str, str] | None = None, **given: Any
) -> NodeShape:
    usual = {"cpu": 4, "memory": "16Gi", "disk": "100Gi", "pods": 110, "gpu": 1}
    return NodeShape(name, amounts(**(usual | given)), labels or {}, taints)


def asking(requests: Raw | None = None, limits: Raw | None = None, **spec: Any) -> Raw:
    return pod(container(resources={"requests": requests or {}, "limits": limits or {}}), **spec)


def affinity(*terms: Any) -> Raw:
    required = {"nodeSelectorTerms": list(terms)}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def wants(key: str, operator: str, *values: Any) -> Raw:
    return {"key": key, "operator": operator, "values": list(values)}


def said(raw: Raw, on: NodeShape) -> list[str]:
    return [misfit.text for misfit in misfits(raw, on)]


# ---------------------------------------------------------------- all together


def test_reasons_come_in_a_fixed_order() -> None:
    raw = asking(
        {"cpu": 20, "memory": "100Gi"},
        {"nvidia.com/gpu": 9},
        nodeSelector={"zone": "b", "accelerator": "l4"},
        affinity=affinity({"matchExpressions": [wants("team", "In", "ml")]}),
    )
    on = shape(GPU_TAINT, labels={"accelerator": "t4"}, cpu="15900m", gpu=8, pods=0)
    assert misfits(raw, on) == [
        Misfit(
            Kind.TAINT,
            "nvidia.com/gpu",
            "taint nvidia.com/gpu=present:NoSchedule is not tolerated",
        ),
        Misfit(Kind.SELECTOR, "accelerator", "nodeSelector accelerator=l4, the node has t4"),
        Misfit(Kind.SELECTOR, "zone", "nodeSelector zone=b, the node has none"),
        Misfit(Kind.AFFINITY, "team", "node affinity: wants team In [ml], the node has none"),
        Misfit(Kind.PODS, "pods", "the node takes no pods"),
        Misfit(Kind.RESOURCE, "nvidia.com/gpu", "asks for 9 nvidia.com/gpu, the node gives 8"),
        Misfit(Kind.RESOURCE, "cpu", "cpu: asks for 20, the node gives 15.9"),
        Misfit(Kind.RESOURCE, "memory", "memory: asks for 100Gi, the node gives 16Gi"),
    ]


def test_a_template_is_judged_like_a_pod() -> None:
    template = {"metadata": {}, "spec": asking({}, {"nvidia.com/gpu": 2})["spec"]}
    assert said(template, shape()) == ["asks for 2 nvidia.com/gpu, the node gives 1"]


def test_of_a_pod_that_has_its_node_nobody_asks() -> None:
    raw = asking({"cpu": 400}, nodeName="n1")
    assert misfits(raw, shape(GPU_TAINT)) == []
    assert best_misfits(raw, [shape(GPU_TAINT)]) is None


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"spec": None},
        {"spec": {"containers": "x", "tolerations": 1, "nodeSelector": [], "affinity": [1]}},
        {"spec": {"nodeSelector": {"a": 1}, "affinity": {"nodeAffinity": []}}},
        asking(ODD, {"nvidia.com/gpu": "${GPUS}", "memory": None}),
        pod(overhead={"cpu": "much"}, resources={"requests": {"cpu": "much"}}),
    ],
)
def test_what_cannot_be_read_asks_for_nothing(raw: Any) -> None:
    assert misfits(raw, shape()) == []


# ---------------------------------------------------------------- taints


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "k", "operator": "Exists"}, True),
        ({"key": "k", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": "k", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "k", "value": "5"}, True),
        ({"key": "k", "operator": "Equal", "value": "5"}, True),
        ({"key": "k", "operator": "Equal", "value": "6"}, False),
        ({"key": "k"}, False),
        ({"key": "k", "operator": "Gt", "value": "4"}, False),
        ("odd", False),
    ],
)
def test_tolerations(toleration: Any, tolerated: bool) -> None:  # noqa: FBT001
    raw = asking(tolerations=[toleration])
    assert (misfits(raw, shape(Taint("k", "5", "NoSchedule"))) == []) is tolerated


def test_taints_that_keep_pods_away() -> None:
    taints = [Taint("a", "", "NoExecute"), Taint("b", "", "PreferNoSchedule"), GPU_TAINT]
    assert [misfit.about for misfit in misfits(asking(), shape(*taints))] == ["a", "nvidia.com/gpu"]


# ---------------------------------------------------------------- labels


def test_what_pins_a_pod_to_one_node_of_many_can_be_met() -> None:
    raw = asking(
        nodeSelector={"kubernetes.io/hostname": "n7"},
        affinity=affinity(
            {
                "matchFields": [wants("metadata.name", "In", "n7")],
                "matchExpressions": [wants("kubernetes.io/hostname", "In", "n7")],
            }
        ),
    )
    assert misfits(raw, shape(labels={"kubernetes.io/hostname": "n1"})) == []
    only_name = affinity({"matchFields": [wants("metadata.name", "In", "n7")]})
    assert misfits(asking(affinity=only_name), shape()) == []


@pytest.mark.parametrize(
    ("requirement", "met"),
    [
        (wants("rack", "In", "11", "12"), True),
        (wants("rack", "In", "11"), False),
        (wants("rack", "NotIn", "12"), False),
        (wants("none", "NotIn", "12"), True),
        (wants("rack", "Exists"), True),
        (wants("none", "Exists"), False),
        (wants("rack", "DoesNotExist"), False),
        (wants("none", "DoesNotExist"), True),
        (wants("rack", "Gt", "11"), True),
        (wants("rack", "Gt", "12"), False),
        (wants("rack", "Gt", "-1"), True),
        (wants("rack", "Lt", "13"), True),
        (wants("rack", "Lt", "12"), False),
        (wants("rack", "Lt", "many"), False),
        (wants("rack", "Lt", "13", "14"), False),
        (wants("rack", "Lt"), False),
        (wants("rack", "Lt", 13), False),
        (wants("word", "Gt", "1"), False),
        (wants("none", "Lt", "1"), False),
        (wants("rack", "Near", "12"), False),
    ],
)
def test_operators_of_node_affinity(requirement: Raw, met: bool) -> None:  # noqa: FBT001
    raw = asking(affinity=affinity({"matchExpressions": [requirement]}))
    found = misfits(raw, shape(labels={"rack": "12", "word": "a100"}))
    assert (found == []) is met
    assert all(misfit.kind is Kind.AFFINITY for misfit in found)


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ([], "node affinity without a term that could match"),
        ([{}, {"matchExpressions": []}, "odd"], "node affinity without a term that could match"),
        ([{}, {"matchExpressions": [wants("team", "Exists")]}], None),
        (
            [
                {"matchExpressions": [wants("a", "Exists"), wants("b", "In", "y", "x")]},
                {"matchExpressions": [wants("team", "Exists"), wants("empty", "In", "full")]},
            ],
            (
                "node affinity: none of 2 terms matches, the nearest wants empty In [full],"
                " the node has an empty one"
            ),
        ),
        (
            [{"matchExpressions": [wants(key, "Exists") for key in "abcde"]}],
            (
                "node affinity: wants a Exists, the node has none and b Exists, the node has none"
                " and c Exists, the node has none and 2 more"
            ),
        ),
        (
            [{"matchExpressions": [wants("team", "In", *"edcba")]}],
            "node affinity: wants team In [a, b, c, 2 more], the node has ml",
        ),
    ],
)
def test_terms_of_node_affinity(terms: list[Any], text: str | None) -> None:
    found = said(asking(affinity=affinity(*terms)), shape(labels={"team": "ml", "empty": ""}))
    assert found == ([text] if text else [])


# ---------------------------------------------------------------- resources


def test_what_a_pod_asks_for_in_all() -> None:
    raw = pod(
        container("a", {"requests": {"cpu": "500m"}, "limits": {"cpu": 2, "memory": "1Gi"}}),
        container("b", {"limits": {"nvidia.com/gpu": 1, "amd.com/gpu": 0}}),
        initContainers=[
            container("first", {"requests": {"cpu": 1, "ephemeral-storage": "1Gi"}}),
            container("proxy", {"requests": {"cpu": 1, "memory": "1Gi"}}, restartPolicy="Always"),
            container("second", {"requests": {"cpu": 3, "memory": "512Mi"}}),
        ],
        overhead={"cpu": "250m"},
    )
    assert pod_requests(raw) == amounts(cpu="4250m", memory="2Gi", gpu=1, disk="1Gi")
    assert pod_limits(raw) == amounts(cpu="2250m", memory="1Gi", gpu=1)


@pytest.mark.parametrize(
    ("whole", "own", "requested"),
    [
        ({"requests": {"cpu": 6}}, {"requests": {"cpu": 2}}, {"cpu": 6}),
        ({"limits": {"cpu": 6}}, {"requests": {"cpu": 2}}, {"cpu": 2}),
        ({"limits": {"cpu": 6}}, {"requests": {"cpu": 0}}, {}),
        ({"limits": {"cpu": 6}}, {}, {"cpu": 6}),
        ({"limits": {"cpu": 6}, "requests": {"cpu": 3}}, {}, {"cpu": 3}),
        (
            {"limits": {"hugepages-2Mi": "8Mi"}},
            {"limits": {"hugepages-2Mi": "4Mi"}},
            {"huge": "8Mi"},
        ),
        ({"limits": {"nvidia.com/gpu": 2}}, {"limits": {"nvidia.com/gpu": 1}}, {"gpu": 1}),
    ],
)
def test_amounts_of_the_pod_as_a_whole(whole: Raw, own: Raw, requested: Raw) -> None:
    assert pod_requests(pod(container(resources=own), resources=whole)) == amounts(**requested)


def test_limits_of_the_pod_as_a_whole() -> None:
    raw = pod(
        container(resources={"limits": {"cpu": 1, "nvidia.com/gpu": 1}}),
        resources={"limits": {"cpu": 2, "nvidia.com/gpu": 2}},
        overhead={"cpu": 1, "memory": "1Gi"},
    )
    assert pod_limits(raw) == amounts(cpu=3, gpu=1)


@pytest.mark.parametrize(
    ("asked", "given", "text"),
    [
        ({"cpu": "3999.1m"}, {"cpu": "4000m"}, None),
        ({"cpu": "4000.1m"}, {"cpu": 4}, "cpu: asks for 4.001, the node gives 4"),
        ({"cpu": "4000.1m"}, {"cpu": "4000.9m"}, None),
        ({"cpu": 100}, {"cpu": 0}, "cpu: asks for 100, the node gives 0"),
        ({"memory": 1025}, {"memory": "1Ki"}, "memory: asks for 1025, the node gives 1Ki"),
        ({"memory": "1000"}, {"memory": 0}, "memory: asks for 1000, the node gives 0"),
        ({"memory": "2.5Ti"}, {}, "memory: asks for 2.5Ti, the node gives 16Gi"),
        ({"memory": "9Ei"}, {}, "memory: asks for 8388608Ti, the node gives 16Gi"),
        (
            {"ephemeral-storage": "200Gi"},
            {},
            "ephemeral-storage: asks for 200Gi, the node gives 100Gi",
        ),
        ({"hugepages-2Mi": "4Mi"}, {}, "hugepages-2Mi: asks for 4Mi, the node gives 0"),
        ({"hugepages-2Mi": "4Mi"}, {"huge": "4Mi"}, None),
        ({"nvidia.com/gpu": 2}, {}, "asks for 2 nvidia.com/gpu, the node gives 1"),
        ({"amd.com/gpu": 2}, {}, "asks for 2 amd.com/gpu, the node gives none"),
        ({"deviceclass.resource.kubernetes.io/gpu.nvidia.com": 2}, {}, None),
    ],
)
def test_amounts(asked: Raw, given: Raw, text: str | None) -> None:
    assert said(asking(asked), shape(**given)) == ([text] if text else [])


def test_what_a_shape_does_not_say_of_itself_is_no_reason() -> None:
    """Written by hand, with the devices that matter: every real node gives the rest."""
    by_hand = NodeShape("pool", amounts(gpu=8))
    raw = asking({"cpu": 400, "ephemeral-storage": "9Ti"}, {"nvidia.com/gpu": 8, "memory": "9Ti"})
    assert misfits(raw, by_hand) == []


# ---------------------------------------------------------------- many shapes


def test_a_pod_that_fits_somewhere() -> None:
    def shapes() -> Any:
        yield shape(GPU_TAINT)
        yield shape()
        pytest.fail("nobody needs to look at more")

    assert best_misfits(asking({}, {"nvidia.com/gpu": 1}), shapes()) is None
    assert best_misfits(asking(), []) is None


def test_one_shape() -> None:
    raw = asking({"cpu": 20}, {"nvidia.com/gpu": 1})
    assert best_misfits(raw, [shape(GPU_TAINT)]) == (
        "taint nvidia.com/gpu=present:NoSchedule is not tolerated"
        " and cpu: asks for 20, the node gives 4"
    )


def test_shapes_with_the_fewest_reasons_first_and_then_the_most_common() -> None:
    raw = asking({"cpu": 6, "memory": "20Gi"}, {"nvidia.com/gpu": 2})
    shapes = [
        shape(GPU_TAINT, name="small"),
        shape(name="narrow", cpu=8, memory="32Gi"),
        shape(GPU_TAINT, name="large-1", cpu=8, gpu=2, memory="32Gi"),
        shape(GPU_TAINT, name="large-2", cpu=16, gpu=4, memory="64Gi"),
    ]
    assert best_misfits(raw, shapes) == (
        "2 of 4 shapes (such as large-1):"
        " taint nvidia.com/gpu=present:NoSchedule is not tolerated;"
        " 1 of 4 shapes (narrow): asks for 2 nvidia.com/gpu, the node gives 1;"
        " 1 of 4 shapes (small):"
        " taint nvidia.com/gpu=present:NoSchedule is not tolerated"
        " and asks for 2 nvidia.com/gpu, the node gives 1"
        " and cpu: asks for 6, the node gives 4 and 1 more"
    )


def test_a_summary_is_bounded() -> None:
    raw = asking({"cpu": 100})
    many = best_misfits(raw, [shape(name=f"n{cores}", cpu=cores) for cores in range(1, 10)])
    assert many is not None
    assert many.endswith("the node gives 3; 6 more")
    long = "x" * 300
    found = best_misfits(
        asking(tolerations=TOLERATED),
        [shape(Taint(f"{long}{index}", "", "NoSchedule"), name=long) for index in range(3)],
    )
    assert found is not None
    assert len(found) == LONGEST_SUMMARY
    assert found.endswith("…")


def test_nothing_is_said_of_pods_for_another_scheduler_nor_of_those_that_want_too_much() -> None:
    shape = NodeShape("a", {"cpu": 0})
    wanting: Raw = {"spec": {"containers": [{"resources": {"requests": {"cpu": 1}}}]}}
    assert best_misfits(wanting, [shape]) is not None
    volcano = {"spec": {**wanting["spec"], "schedulerName": "volcano"}}
    assert best_misfits(volcano, [shape]) is None
    many = {"spec": {**wanting["spec"], "tolerations": [{"key": str(n)} for n in range(101)]}}
    assert best_misfits(many, [shape]) is None


def test_amounts_that_nodes_need_not_list_are_left_out_where_they_are_not_listed() -> None:
    raw: Raw = {"spec": {"containers": [{"resources": {"limits": {"a.b/mem": 5}}}]}}
    assert best_misfits(raw, [NodeShape("a", {})]) is not None
    assert best_misfits(raw, [NodeShape("a", {})], {"a.b/mem"}) is None
    listed = NodeShape("a", {"a.b/mem": 10**9})
    assert best_misfits(raw, [listed], {"a.b/mem"}) is not None

"""What rules read of each place where two autoscalers meet, in full, from either side."""

from typing import Any

import pytest

from tests.unit.core.autoscalers import Raw, hpa, scaled_object, vpa
from webhook.core.autoscalers.hpa import read_hpa
from webhook.core.autoscalers.scaled_object import read_scaled_object
from webhook.core.autoscalers.vpa import read_vpa
from webhook.core.gather import DOCUMENT_VERSION, Facts, gather
from webhook.core.objects import reference
from webhook.core.overlap_documents import LONGEST_QUOTE, Overlap
from webhook.core.world import Autoscaler, World
from webhook.knowledge import knowledge

KINDS = knowledge().kinds
RULE = "hpa-vpa-same-metric"
WEB = {
    "namespace": "shop",
    "group": "apps",
    "kind": "Deployment",
    "name": "web",
    "text": "Deployment web",
}


def deployment(**metadata: Any) -> Raw:
    container = {"name": "app", "image": "app"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": "web", "uid": "uid-web", **metadata},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def told(raw: Raw, **more: Any) -> Raw:
    """An object as a document names it."""
    ref = reference(raw)
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "namespace": "shop",
        "name": ref.name,
        "text": f"{ref.kind} shop/{ref.name}",
        **more,
    }


def annotated(raw: Raw, **annotations: str) -> Raw:
    return {**raw, "metadata": {**raw["metadata"], "annotations": annotations}}


def owned(raw: Raw, by: Raw) -> Raw:
    owner = {
        "apiVersion": by["apiVersion"],
        "kind": by["kind"],
        "name": by["metadata"]["name"],
        "uid": by["metadata"]["uid"],
        "controller": True,
    }
    return {**raw, "metadata": {**raw["metadata"], "ownerReferences": [owner]}}


def overlaps(subject: Autoscaler, *others: Raw) -> tuple[Overlap, ...]:
    return gather(subject, World.of([deployment(), *others], KINDS)).overlaps


def only(subject: Autoscaler, *others: Raw) -> Overlap:
    (found,) = overlaps(subject, *others)
    return found


# ---------------------------------------------------------------- the same metric

CPU_METRIC = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 70}}}


def test_two_that_act_on_one_resource() -> None:
    scaler, writer = hpa(metrics=[CPU_METRIC]), vpa()
    of_scaler = only(read_hpa(scaler), writer)
    assert of_scaler.document == {
        "type": "same-metric",
        "workload": WEB,
        "resource": "cpu",
        "containers": ["app"],
        "otherThan": [],
        "scaler": told(scaler),
        "vpa": told(writer, mode="Recreate", gkeRightsizing=False),
        "metric": {
            "path": "spec.metrics[0]",
            "container": None,
            "target": "70%",
            "targetType": "Utilization",
            "defaulted": False,
        },
        "conditions": None,
        "boost": False,
        "boostedBy": None,
        "reductions": [],
        "fix": 'controlledResources: [memory] for container "*"',
    }
    of_vpa = only(read_vpa(writer), scaler)
    assert of_vpa.document == of_scaler.document
    assert (of_scaler.path, of_vpa.path) == ("spec.metrics[0]", "spec.resourcePolicy")
    assert of_scaler.related == (reference(writer),)
    assert of_vpa.related == (reference(scaler),)
    for found in (of_scaler, of_vpa):
        assert (found.resource, found.containers, found.exempt) == ("cpu", ("app",), {})
        assert found.workload._asdict() | {"text": "Deployment web"} == WEB
        assert found.fix is not None
        assert found.fix.ref == reference(writer)
        assert [one["op"] for one in found.fix.patch] == ["add"]


def test_what_makes_a_scaler_milder_is_said() -> None:
    idle = hpa(metrics=[CPU_METRIC], minReplicas=4)
    found = only(read_hpa(idle), vpa())
    assert found.document["reductions"] == [
        "HorizontalPodAutoscaler h has no effect now: minReplicas equals maxReplicas (4)"
    ]


def test_an_average_value_says_what_of_its_conditions_holds() -> None:
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageValue": "500m"}}}
    found = only(read_hpa(hpa(metrics=[metric])), vpa())
    assert found.document["metric"]["targetType"] == "AverageValue"
    assert isinstance(found.document["conditions"], dict)


@pytest.mark.parametrize("exempt", ["scaler", "vpa", "workload"])
def test_an_exemption_of_one_covers_the_pair(exempt: str) -> None:
    named: dict[str, Raw] = {
        "scaler": hpa(metrics=[CPU_METRIC]),
        "vpa": vpa(),
        "workload": deployment(),
    }
    named[exempt] = annotated(named[exempt], **{"scaleguard.io/exempt": RULE})
    world = World.of(list(named.values()), KINDS)
    by = reference(named[exempt])
    for subject in (read_hpa(named["scaler"]), read_vpa(named["vpa"])):
        (found,) = gather(subject, world).overlaps
        assert found.exempt == {RULE: by}


def test_of_several_exemptions_that_of_the_scaler_is_named() -> None:
    mark = {"scaleguard.io/exempt": RULE}
    scaler = annotated(hpa(metrics=[CPU_METRIC]), **mark)
    found = only(read_hpa(scaler), annotated(vpa(), **mark))
    assert found.exempt == {RULE: reference(scaler)}


def test_the_hpa_that_keda_made_belongs_to_its_scaled_object() -> None:
    maker = scaled_object()
    made = owned(hpa("keda-hpa-s", metrics=[CPU_METRIC]), maker)
    writer = vpa()
    by_maker = only(read_scaled_object(maker), made, writer)
    assert by_maker.document["reductions"] == []
    assert by_maker.related == (reference(writer), reference(made))
    by_made = only(read_hpa(made), maker, writer)
    assert by_made.document["reductions"] == [
        "generated by ScaledObject shop/s, which is judged itself"
    ]
    assert by_made.related == (reference(writer), reference(maker))
    of_vpa = only(read_vpa(writer), made, maker)
    assert of_vpa.related == (reference(maker), reference(made))


# ---------------------------------------------------------------- under another name


def external(expression: str) -> Raw:
    return hpa(metrics=[{"type": "External", "external": {"metric": {"name": expression}}}])


def test_a_metric_of_another_name() -> None:
    expression = "container_memory_rss / kube_pod_container_resource_limits"
    scaler, writer = external(expression), vpa()
    of_scaler, of_vpa = only(read_hpa(scaler), writer), only(read_vpa(writer), scaler)
    assert of_scaler.document == {
        "type": "alias-metric",
        "workload": WEB,
        "resource": "memory",
        "containers": ["app"],
        "scaler": told(scaler),
        "vpa": told(writer, mode="Recreate", target="Deployment shop/web"),
        "expression": expression,
        "relativeTo": "limit",
        "above": False,
        "path": "spec.metrics[0]",
    }
    assert of_vpa.document == of_scaler.document
    assert (of_scaler.path, of_vpa.path) == ("spec.metrics[0]", "spec.resourcePolicy")
    for found in (of_scaler, of_vpa):
        assert (found.resource, found.containers, found.fix) == ("memory", ("app",), None)
    assert of_scaler.related == (reference(writer),)
    assert of_vpa.related == (reference(scaler),)


@pytest.mark.parametrize("more", [0, 1])
def test_a_long_expression_is_cut(more: int) -> None:
    name = "container_memory_rss".ljust(LONGEST_QUOTE + more, "x")
    shown = only(read_hpa(external(name)), vpa()).document["expression"]
    assert shown == (name[: LONGEST_QUOTE - 1] + "…" if more else name)


# ---------------------------------------------------------------- two of a kind


def duplicates(subject: Autoscaler, *others: Raw) -> list[Overlap]:
    return [
        one for one in overlaps(subject, *others) if one.document["type"].startswith("duplicate")
    ]


def test_two_scalers_of_one_workload() -> None:
    subject, other = hpa(), scaled_object()
    (found,) = duplicates(read_hpa(subject), other)
    assert found.document == {
        "type": "duplicate-scaler",
        "workload": WEB,
        "scaler": told(subject, implied=False),
        "other": told(other, implied=False),
        "tolerated": False,
        "reductions": [],
    }
    assert (found.path, found.resource, found.containers, found.fix) == (
        "spec.scaleTargetRef",
        None,
        (),
        None,
    )
    assert (found.related, found.exempt) == ((reference(other),), {})


def test_an_hpa_that_bears_scaled_objects_bears_nothing_else() -> None:
    tolerant = annotated(hpa(), **{"validations.keda.sh/hpa-ownership": "false"})
    (found,) = duplicates(read_hpa(tolerant), scaled_object())
    assert found.document["tolerated"]
    (found,) = duplicates(read_scaled_object(scaled_object()), tolerant)
    assert found.document["tolerated"]
    (found,) = duplicates(read_hpa(tolerant), hpa("other"))
    assert not found.document["tolerated"]


def test_a_scaler_and_what_was_made_of_it_are_one() -> None:
    maker = scaled_object()
    made = owned(hpa("keda-hpa-s"), maker)
    assert duplicates(read_scaled_object(maker), made) == []
    assert duplicates(read_hpa(made), maker) == []
    mine = hpa("mine")
    (found,) = duplicates(read_hpa(mine), maker, made)
    assert found.related == (reference(maker), reference(made))
    (found,) = duplicates(read_hpa(made), maker, mine)
    assert found.related == (reference(mine),)
    assert found.document["reductions"] == [
        "generated by ScaledObject shop/s, which is judged itself"
    ]


def test_an_hpa_that_is_taken_over_is_no_second_one() -> None:
    key = "scaledobject.keda.sh/transfer-hpa-ownership"
    advanced = {"horizontalPodAutoscalerConfig": {"name": "old"}}
    taking = annotated(scaled_object(advanced=advanced), **{key: "true"})
    assert duplicates(read_scaled_object(taking), hpa("old")) == []
    assert duplicates(read_hpa(hpa("old")), taking) == []
    assert len(duplicates(read_hpa(hpa("new")), taking)) == 1
    unnamed = hpa("old")
    unnamed["metadata"] = {"namespace": "shop", "generateName": "old-"}
    assert len(duplicates(read_hpa(unnamed), scaled_object())) == 1


def test_what_kserve_will_make_waits_for_it() -> None:
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"namespace": "shop", "name": "web", "uid": "uid-s"},
        "spec": {"predictor": {"minReplicas": 1, "maxReplicas": 3}},
    }
    subject = hpa(target="web-predictor")
    (found,) = duplicates(read_hpa(subject), service)
    presumed = (
        "holds where KServe's default deployment mode is Standard, as no annotation names one"
    )
    assert found.document["reductions"] == [presumed]
    assert found.document["other"] == told(service, implied=True)
    writer = vpa(target="web-predictor")
    meeting = only(read_vpa(writer), service)
    assert meeting.document["reductions"] == [presumed]
    # Once it is there, it is no presumption.
    made = owned(hpa("web-predictor", target="web-predictor"), service)
    first = overlaps(read_vpa(writer), service, made)[0]
    assert first.document["reductions"] == []


def test_two_vpas_of_one_workload() -> None:
    subject, other = vpa(), vpa("w", updatePolicy={"updateMode": "Initial"})
    found = only(read_vpa(subject), other)
    assert found.document == {
        "type": "duplicate-vpa",
        "workload": WEB,
        "vpa": told(subject, mode="Recreate", onlyBoosts=False),
        "other": told(other, mode="Initial", onlyBoosts=False),
        "reductions": [],
    }
    assert (found.path, found.resource, found.containers, found.fix) == (
        "spec.targetRef",
        None,
        (),
        None,
    )
    assert (found.related, found.exempt) == ((reference(other),), {})
    for one in (read_vpa(subject), read_vpa(other)):
        off = vpa("off", updatePolicy={"updateMode": "Off"})
        assert overlaps(one, off) == ()
    assert overlaps(read_vpa(subject), subject) == ()


def test_a_vpa_that_the_controller_made_gives_way() -> None:
    managed = owned(vpa("m"), deployment())
    managed["metadata"]["labels"] = {"scaleguard.io/managed": "true"}
    assert overlaps(read_vpa(vpa()), managed) == ()
    assert len(overlaps(read_vpa(managed), vpa())) == 1
    again = {**managed, "metadata": {**managed["metadata"], "name": "n"}}
    assert len(overlaps(read_vpa(managed), again)) == 1
    assert overlaps(read_hpa(hpa()), managed) == ()
    assert len(overlaps(read_vpa(managed), hpa())) == 1


def test_a_vpa_on_what_has_an_owner_is_inert() -> None:
    replica_set = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"namespace": "shop", "name": "web-1", "uid": "uid-1"},
        "spec": deployment()["spec"],
    }
    reason = "the VPA is inert: ReplicaSet web-1 is owned by Deployment web"
    writer = vpa()
    writer["spec"]["targetRef"] = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1"}
    there = owned(replica_set, deployment())
    # With what scales the owner, and with another on the same.
    assert only(read_vpa(writer), there, hpa()).document["reductions"] == [reason]
    assert only(read_hpa(hpa()), there, writer).document["reductions"] == [reason]
    other = {**writer, "metadata": {**writer["metadata"], "name": "w"}}
    assert only(read_vpa(writer), there, other).document["reductions"] == [reason]


# ---------------------------------------------------------------- beyond a limit


def test_what_a_vpa_may_write_beyond_a_limit() -> None:
    limits = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"namespace": "shop", "name": "limits"},
        "spec": {"limits": [{"type": "Container", "max": {"cpu": "4"}}]},
    }
    policies = {"containerPolicies": [{"containerName": "app", "maxAllowed": {"cpu": "6"}}]}
    writer = annotated(vpa(resourcePolicy=policies), **{"scaleguard.io/exempt": "other"})
    found = only(read_vpa(writer), limits)
    assert found.document["type"] == "vpa-limit"
    assert found.document["workload"] == WEB
    assert found.document["vpa"] == told(writer, mode="Recreate")
    assert found.document["resource"] == found.resource == "cpu"
    assert found.path == "spec.resourcePolicy.containerPolicies[0].maxAllowed"
    assert (found.containers, found.related) == (("app",), (reference(limits),))
    assert found.exempt == {"other": reference(writer)}
    assert found.workload.name == "web"
    assert found.fix is not None
    assert found.fix.ref == reference(writer)
    assert [one["value"] for one in found.fix.patch] == ["4"]


# ---------------------------------------------------------------- the document around them


def test_the_document_of_an_autoscaler() -> None:
    subject = hpa(metrics=[CPU_METRIC])
    facts = gather(read_hpa(subject), World.of([deployment(), vpa()], KINDS))
    (document,) = facts.documents({"strictness": "literal"})
    (overlap,) = facts.overlaps
    assert document == {
        "version": DOCUMENT_VERSION,
        "settings": {"strictness": "literal"},
        "object": told(subject),
        "namespace": facts.namespace,
        "autoscaler": facts.autoscaler,
        "overlaps": [{"id": 0, **overlap.document}],
    }
    assert document["version"] == 1


def test_who_meets_nobody_has_one_document_too() -> None:
    facts = gather(read_hpa(hpa()), World.of([], KINDS))
    (document,) = facts.documents({})
    assert document["overlaps"] == []


def test_an_exemption_of_the_object_alone() -> None:
    mark = {"scaleguard.io/exempt": RULE}
    subject, workload = annotated(hpa(), **mark), annotated(deployment(), **mark)

    def exempt(raw: Raw, world: Raw) -> Facts:
        return gather(read_hpa(raw), World.of([world], KINDS))

    assert exempt(subject, deployment()).exempt == {RULE: reference(subject)}
    assert exempt(hpa(), workload).exempt == {RULE: reference(workload)}
    assert exempt(hpa(), deployment()).exempt == {}


def test_who_is_deleted_or_has_no_target_meets_nobody() -> None:
    going = hpa()
    going["metadata"] = {**going["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert overlaps(read_hpa(going), vpa()) == ()
    assert overlaps(read_hpa(hpa(scaleTargetRef={})), vpa()) == ()

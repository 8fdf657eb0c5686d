"""What is told of a refusal: where, and in which words."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.core.autoscalers import asked, hpa, scaled_object, vpa
from tests.unit.core.test_topmost_owner import owned
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.decide import ALLOWED, Decision
from webhook.core.finding import Action, Finding
from webhook.core.refused import LONGEST_IDENTITY, Refused, refused

DENIED = Finding("hpa-vpa-same-metric", Action.DENY, "both act on cpu", "leave memory to the VPA")
WARNED = replace(DENIED, rule="hpa-no-effect", action=Action.WARN)
REFUSED = Decision(allowed=False, findings=(DENIED, WARNED))
WEB = WorkloadKey("shop", "apps", "Deployment", "web")


def pod(**metadata: Any) -> dict[str, Any]:
    found = {"namespace": "shop", "name": "p", **metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": found, "spec": {}}


def deployment() -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": "web", "uid": "uid-web"},
        "spec": {},
    }


def told(request: Any, decision: Decision = REFUSED) -> Refused:
    found = refused(request, decision)
    assert found is not None
    return found


@pytest.mark.parametrize("raw", [hpa(), vpa(), scaled_object()], ids=lambda raw: raw["kind"])
def test_what_a_person_writes_is_told_at_the_workload_that_it_acts_on(raw: dict[str, Any]) -> None:
    found = told(asked(raw))
    assert found.at == WEB
    assert found.namespace == "shop"
    assert found.reason == "AutoscalerRefused"
    assert found.rules == ("hpa-vpa-same-metric",)
    name = raw["metadata"]["name"]
    assert found.message == f"{raw['kind']} shop/{name} was refused: {DENIED.sentence()}"
    assert told(asked(raw, raw)).at == WEB
    assert told(asked(raw, raw)).message.startswith(f"a change of {raw['kind']} shop/{name} was")


def test_what_an_operator_makes_is_told_at_whom_it_belongs_to() -> None:
    made = owned("serving.kserve.io/v1beta1", "InferenceService", "llama")
    raw = hpa()
    raw["metadata"]["ownerReferences"] = made["metadata"]["ownerReferences"]
    assert told(asked(raw)).at == {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"namespace": "shop", "name": "llama", "uid": "u"},
    }


def test_a_workload_is_told_of_where_it_exists_already_else_in_its_namespace() -> None:
    changed = told(asked(deployment(), deployment()))
    assert changed.at == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": "web", "uid": "uid-web"},
    }
    assert changed.reason == "WorkloadRefused"
    assert told(asked(deployment())).at is None


def test_a_pod_is_told_of_without_the_name_that_was_made_up() -> None:
    owner = owned("batch.example.com/v1", "Sweep", "night")["metadata"]["ownerReferences"]
    found = set()
    for name in ("night-abc12", "night-xyz78"):
        raw = pod(name=name, generateName="night-", ownerReferences=owner)
        said = Finding("gpu-unschedulable", Action.DENY, f"Pod shop/{name} fits no node", "ask")
        one = told(asked(raw), Decision(allowed=False, findings=(said,)))
        assert one.reason == "PodRefused"
        found.add(one.message)
    assert found == {
        "Pod shop/night-* was refused: [gpu-unschedulable] Pod shop/night-* fits no node; fix: ask"
    }


def test_what_is_invalid_is_told_as_well() -> None:
    found = told(asked(pod()), Decision(allowed=False, invalid="spec.containers: a pod needs …"))
    assert found.message == "Pod shop/p was refused: spec.containers: a pod needs …"
    assert found.rules == ()


def test_an_autoscaler_of_nothing_is_told_of_in_its_namespace() -> None:
    raw = hpa()
    del raw["spec"]["scaleTargetRef"]
    assert told(asked(raw)).at is None


def test_what_is_longer_than_any_name_is_not_waited_with() -> None:
    raw = hpa()
    raw["spec"]["scaleTargetRef"]["name"] = "x" * LONGEST_IDENTITY
    assert told(asked(raw)).at is None
    long = owned("serving.kserve.io/v1beta1", "K" * LONGEST_IDENTITY, "llama")
    assert told(asked(pod(ownerReferences=long["metadata"]["ownerReferences"]))).at is None
    name, group = "n" * 253, f"{'g' * 253}/v1beta1"
    longest = owned(group, "K" * 63, name)
    found = told(asked(pod(ownerReferences=longest["metadata"]["ownerReferences"]))).at
    assert isinstance(found, dict)
    assert found["metadata"]["name"] == name


def test_who_logs_in_by_a_url_is_told_nobody() -> None:
    said = replace(DENIED, message="reads http://me:secret@prometheus")
    found = told(asked(hpa()), Decision(allowed=False, findings=(said,)))
    assert "secret" not in found.message
    assert "http://prometheus" in found.message


@pytest.mark.parametrize(
    ("request_", "decision"),
    [
        (asked(hpa()), ALLOWED),
        (asked(hpa()), replace(REFUSED, allowed=True)),
        (asked(hpa()), Decision(allowed=False, ask_again="in a second")),
        (asked(hpa(), dry_run=True), REFUSED),
    ],
    ids=["allowed", "mode", "ask again", "dry run"],
)
def test_of_everything_else_nobody_is_told(request_: Any, decision: Decision) -> None:
    assert refused(request_, decision) is None

"""What is recorded of a decision, and what of an object never is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies.autoscalers import AUTOSCALERS
from tests.strategies.autoscalers import SECRET as PLANTED
from webhook.core.decide import Decision
from webhook.core.finding import Action, Finding
from webhook.core.fit import Fitting
from webhook.core.mode import Mode
from webhook.core.objects import ObjectRef, group_of
from webhook.core.record import OwnerRef, Record, RecordKind
from webhook.core.recorded import MOST_LISTED, MOST_TEXT_CHARACTERS, records_of
from webhook.core.recorded_fields import MOST_JSON_BYTES
from webhook.core.review import MOST_GROUPS, Request, read_review
from webhook.knowledge import knowledge

KINDS = knowledge().kinds
VPA = ObjectRef("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", "shop", "web")
SECRET = "hunter2-hunter2"
DENIED = Finding("a-rule", Action.DENY, "wrong", "mend it", related=(VPA,), workload="Deployment w")

Raw = dict[str, Any]


def asked(raw: Raw, **more: Any) -> Request:
    kind = {"group": group_of(raw["apiVersion"]), "kind": raw["kind"]}
    user = {"username": "ada", "groups": ["devs", 7, "system:authenticated"]}
    base = {"uid": "1", "operation": "CREATE", "kind": kind, "namespace": "shop", "userInfo": user}
    request = {**base, "object": raw, **more}
    return read_review(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    )


def pod(owner: Raw | None = None, **labels: str) -> Raw:
    metadata: Raw = {"generateName": "web-5d4f-", "labels": labels}
    if owner is not None:
        metadata["ownerReferences"] = [{"controller": True, **owner}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": []}}


def recorded(raw: Raw, *findings: Finding) -> Record:
    decision = Decision(allowed=False, findings=findings or (DENIED,))
    return records_of(asked(raw), decision, KINDS)[0]


def test_each_finding_is_a_record_of_its_kind() -> None:
    findings = (
        DENIED,
        Finding("b-rule", Action.WARN, "doubtful", ""),
        Finding("c-rule", Action.AUDIT, "quiet", "", would=Action.DENY, exempted_by=None),
        Finding("d-rule", Action.AUDIT, "exempt", "", exempted_by=VPA),
    )
    decision = Decision(allowed=False, findings=findings)
    made = records_of(asked(pod()), decision, KINDS)
    assert [(one.kind.value, one.rule, one.action, one.would) for one in made] == [
        ("denial", "a-rule", "deny", ""),
        ("warning", "b-rule", "warn", ""),
        ("audit", "c-rule", "audit", "deny"),
        ("exemption", "d-rule", "audit", ""),
    ]
    assert made[3].exempted_by == VPA
    first = made[0]
    assert (first.message, first.remedy, first.related) == ("wrong", "mend it", (VPA,))
    assert (first.user, first.groups) == ("ada", ("devs", "system:authenticated"))
    assert first.object == ObjectRef("v1", "Pod", "shop", None, "web-5d4f-")
    assert (first.operation, first.mode, first.workload) == ("CREATE", "enforce", "Deployment w")


@pytest.mark.parametrize(("mode", "would"), [(Mode.ENFORCE, ""), (Mode.AUDIT, "patch")])
def test_a_patch_is_a_mutation_even_where_the_mode_holds_it_back(mode: Mode, would: str) -> None:
    fitting = Fitting([{"op": "add", "path": "/x", "value": 1}], ("x: 1", "y: 2"), ())
    decision = Decision(allowed=True, fitting=fitting, mode=mode)
    (made,) = records_of(asked(pod()), decision, KINDS)
    assert (made.kind, made.rule, made.action) == (RecordKind.MUTATION, "", "patch")
    assert (made.would, made.message, made.mode) == (would, "x: 1; y: 2", mode.value)


def test_what_is_invalid_is_a_denial_without_a_rule() -> None:
    decision = Decision(allowed=False, invalid="spec.containers: a pod needs a list")
    (made,) = records_of(asked(pod()), decision, KINDS)
    assert (made.kind, made.rule, made.action) == (RecordKind.DENIAL, "", "deny")
    assert made.message == "spec.containers: a pod needs a list"


@pytest.mark.parametrize(
    ("decision", "more"),
    [
        (Decision(allowed=True), {}),
        (Decision(allowed=True, fitting=Fitting([], (), ("noted",)), notes=("told",)), {}),
        (Decision(allowed=False, findings=(DENIED,)), {"dryRun": True}),
        (Decision(allowed=False, findings=(DENIED,), ask_again="one is in flight"), {}),
    ],
)
def test_nothing_is_recorded_of(decision: Decision, more: Raw) -> None:
    assert records_of(asked(pod(), **more), decision, KINDS) == []


RS = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f"}


@pytest.mark.parametrize(
    ("raw", "owner"),
    [
        (pod(), None),
        (pod(RS, **{"pod-template-hash": "5d4f"}), OwnerRef("apps", "Deployment", "web")),
        (pod(RS, **{"pod-template-hash": "other"}), OwnerRef("apps", "ReplicaSet", "web-5d4f")),
        (pod(RS), OwnerRef("apps", "ReplicaSet", "web-5d4f")),
        (
            pod({"apiVersion": "batch/v1", "kind": "Job", "name": "nightly-29012345"}),
            OwnerRef("batch", "Job", "nightly-29012345"),
        ),
        (
            pod({**RS, "kind": "StatefulSet"}, **{"pod-template-hash": "5d4f"}),
            OwnerRef("apps", "StatefulSet", "web-5d4f"),
        ),
    ],
)
def test_the_owner_is_what_people_know(raw: Raw, owner: OwnerRef | None) -> None:
    assert recorded(raw).owner == owner


def test_pods_of_one_deployment_are_one_row_through_rollouts() -> None:
    rolled = {**RS, "name": "web-7c8d"}
    made = [
        recorded(pod(RS, **{"pod-template-hash": "5d4f"})),
        recorded(pod(rolled, **{"pod-template-hash": "7c8d"})),
    ]
    assert made[0].fingerprint == made[1].fingerprint


def test_what_is_in_no_namespace_is_in_none() -> None:
    raw = {"apiVersion": "example.com/v1", "kind": "Fleet", "metadata": {"name": "all"}}
    decision = Decision(allowed=False, findings=(DENIED,))
    (made,) = records_of(asked(raw, namespace=""), decision, KINDS)
    assert (made.object.namespace, made.object.name) == (None, "all")
    assert made.fields == {**raw, "metadata": {"name": "all"}}


def container(name: str, secret: str) -> Raw:
    return {
        "name": name,
        "image": f"https://{secret}@registry.example.com/app:1",
        "command": [secret],
        "args": [secret],
        "env": [{"name": "TOKEN", "value": secret}],
        "livenessProbe": {"exec": {"command": [secret]}},
        "resources": {
            "requests": {"cpu": "1", "memory": 5},
            "limits": {"nvidia.com/gpu": 1, "odd": [secret]},
            "claims": [{"name": secret}],
        },
    }


def workload(secret: str) -> Raw:
    template = {
        "metadata": {"annotations": {"example.com/token": secret}, "labels": {"x": secret}},
        "spec": {
            "containers": [container("app", secret)],
            "initContainers": [container("first", secret)],
            "volumes": [{"name": "s", "csi": {"volumeAttributes": {"password": secret}}}],
            "tolerations": [{"key": "gpu", "operator": "Exists", "note": secret}],
            "nodeSelector": {"pool": "gpu"},
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "annotations": {"example.com/token": secret},
            "ownerReferences": [{"kind": "App", "name": "shop", "uid": "u", "note": secret}],
        },
        "spec": {"template": template},
    }


def test_of_what_makes_pods_is_recorded_what_rules_read() -> None:
    told = {
        "image": "https://registry.example.com/app:1",
        "resources": {
            "requests": {"cpu": "1", "memory": 5},
            "limits": {"nvidia.com/gpu": 1},
        },
    }
    assert recorded(workload(SECRET)).fields == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "namespace": "shop",
            "name": "web",
            "ownerReferences": [{"kind": "App", "name": "shop"}],
        },
        "pods": [
            {
                "containers": [
                    {"name": "app", "role": "regular", **told},
                    {"name": "first", "role": "init", **told},
                ],
                "tolerations": [{"key": "gpu", "operator": "Exists"}],
                "nodeSelector": {"pool": "gpu"},
            }
        ],
    }


SECRETS = st.text(alphabet="ab01:/@?#%'\"{}\\é", max_size=12).map(lambda one: f"{SECRET}{one}")
URL = "amqp://{}@queue.example.com"


@given(SECRETS, st.sampled_from(["Deployment", "Pod"]))
def test_no_secret_of_what_makes_pods_leaves(secret: str, kind: str) -> None:
    raw = workload(secret)
    if kind == "Pod":
        raw = {"apiVersion": "v1", "kind": "Pod", **raw["spec"]["template"]}
    finding = Finding("a", Action.DENY, URL.format(secret), URL.format(secret), URL.format(secret))
    fitting = Fitting([{"op": "add", "path": "/x"}], (URL.format(secret),), ())
    decision = Decision(
        allowed=False, findings=(finding,), fitting=fitting, invalid=URL.format(secret)
    )
    made = records_of(asked(raw), decision, KINDS)
    assert len(made) == 3
    assert SECRET not in json.dumps([one.as_json() for one in made], ensure_ascii=False)


@given(AUTOSCALERS, SECRETS)
def test_no_secret_of_an_autoscaler_leaves(raw: Raw, secret: str) -> None:
    raw = {**raw, "metadata": {**raw["metadata"], "annotations": {"example.com/x": secret}}}
    if raw["kind"] == "ScaledObject":
        trigger = {"type": "rabbitmq", "metadata": {"host": URL.format(secret), "password": secret}}
        query = f"container_cpu_usage_seconds_total{{x='{URL.format(secret)}'}}"
        asking = {"type": "prometheus", "metadata": {"query": query}}
        raw = {**raw, "spec": {**raw["spec"], "triggers": [trigger, asking]}}
    written = json.dumps(recorded(raw).as_json(), ensure_ascii=False)
    assert SECRET not in written
    assert PLANTED not in written


def test_of_what_is_too_large_only_what_it_is_is_recorded() -> None:
    raw = workload(SECRET)
    raw["spec"]["template"]["spec"]["containers"] *= 40
    assert recorded(raw).fields.keys() == {"apiVersion", "kind", "metadata"}
    hpa = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "web"},
            "metrics": [{"type": "Resource", "resource": {"name": "c" * 50}}] * 99,
        },
    }
    assert recorded(hpa).fields["spec"].keys() == {"scaleTargetRef"}
    raw["metadata"]["name"] = "x" * MOST_JSON_BYTES
    assert recorded(raw).fields == {}


def test_everything_has_a_bound() -> None:
    long = "x" * 100_000
    many = (ObjectRef("v1", "Pod", long, long, long),) * 1000
    finding = Finding("a", Action.DENY, long, long, long, long, (long,) * 1000, many, long, None)
    raw = pod()
    raw["metadata"]["generateName"] = long
    users = {"username": long, "groups": [long] * 1000}
    request = asked(raw, userInfo=users)
    assert len(request.groups) == MOST_GROUPS
    (made,) = records_of(request, Decision(allowed=False, findings=(finding,)), KINDS)
    assert len(made.message) == MOST_TEXT_CHARACTERS
    assert len(made.related) == len(made.groups) == MOST_LISTED
    assert len(json.dumps(made.as_json())) < 150_000

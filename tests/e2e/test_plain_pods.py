"""Plain pods start as if the webhook were not there: the API server does not ask about them.

Conditions that fail count as false, and then nobody is asked; so what people may send, however odd
or large, is tried, and the API server counts its errors.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.charted import ChartedGuard
from tests.e2e.dry_run import DryRun
from tests.e2e.kubectl import apply, found, pods, wait_until
from tests.e2e.manifests import deployment

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

_COUNTED = "apiserver_admission_match_condition"
ERRORS, EXCLUSIONS = f"{_COUNTED}_evaluation_errors_total", f"{_COUNTED}_exclusions_total"
MUTATING, POLICY = "mutatingwebhookconfiguration", "validatingadmissionpolicy"


@pytest.fixture(scope="module")
def guard(plane: ControlPlane) -> Iterator[ChartedGuard]:
    with ChartedGuard(plane) as running:
        yield running


def reviews(guard: ChartedGuard, endpoint: str) -> float:
    pattern = rf'scaleguard_reviews_total{{endpoint="{endpoint}".*}} (\S+)'
    return sum(map(float, re.findall(pattern, guard.metrics())))


def counted(plane: ControlPlane, metric: str) -> float:
    """What the API server counted of the conditions of all webhooks and policies."""
    text = plane.kubectl("get", "--raw", "/metrics").stdout
    return sum(map(float, re.findall(rf"^{metric}{{.*}} (\S+)", text, re.MULTILINE)))


def pod(namespace: str, name: str, **spec: Any) -> Raw:
    metadata = {"name": name, "namespace": namespace}
    made = {"containers": [{"name": "app", "image": "app"}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": made}


def test_about_plain_pods_nobody_is_asked_and_about_others_once(
    plane: ControlPlane, namespace: str, guard: ChartedGuard
) -> None:
    before = {endpoint: reviews(guard, endpoint) for endpoint in ("mutate", "validate")}
    left_out = counted(plane, EXCLUSIONS)
    apply(plane, deployment("web", replicas=3, namespace=namespace), pod(namespace, "alone"))
    wait_until(lambda: len(pods(plane, namespace)) == 4)
    assert counted(plane, EXCLUSIONS) >= left_out + 2 * 4, "four pods, by two webhooks"
    assert reviews(guard, "mutate") == before["mutate"]
    assert reviews(guard, "validate") == before["validate"] + 1, "the Deployment alone"
    apply(plane, deployment("llm", replicas=3, gpus=1, namespace=namespace))
    wait_until(lambda: len(pods(plane, namespace)) == 7)
    assert reviews(guard, "mutate") == before["mutate"] + 3
    labelled = "scaleguard.io/workload-class=inference"
    listed = plane.kubectl("get", "pods", "-n", namespace, "-l", labelled, "-o", "name").stdout
    assert len(listed.split()) == 3


def test_plain_pods_start_while_it_is_down_even_if_others_may_not(
    plane: ControlPlane, namespace: str, guard: ChartedGuard
) -> None:
    closed = [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Fail"}]
    plane.kubectl("patch", MUTATING, "scaleguard", "--type=json", "-p", json.dumps(closed))
    gpu = {"name": "app", "image": "app", "resources": {"limits": {"nvidia.com/gpu": 1}}}
    guard.stop()
    try:
        with DryRun(plane) as api:
            needy = pod(namespace, "needy", containers=[gpu])
            wait_until(lambda: api.refuses(needy, namespace, "failed calling webhook"))
        apply(plane, pod(namespace, "plain"))
        assert found(plane, "pod", namespace, "plain")
    finally:
        guard.start()
        guard.register()


def test_where_conditions_are_switched_off_all_pods_are_asked_about(
    plane: ControlPlane, namespace: str, guard: ChartedGuard
) -> None:
    guard.values = {"webhooks": {"pods": {"matchConditions": False}}}
    guard.register()
    try:
        before = reviews(guard, "mutate")
        with DryRun(plane) as api:
            plain = pod(namespace, "plain")
            wait_until(lambda: api.accepts(plain, namespace) and reviews(guard, "mutate") > before)
    finally:
        guard.values = {}
        guard.register()


# ---------------------------------------------------------------- what people may send

MANY = 20_000
_LONG = "x" * 500_000


def _container(**more: Any) -> Raw:
    return {"name": "app", "image": "app", **more}


def _many_containers(count: int) -> list[Raw]:
    return [{"name": f"c{number}", "image": "a"} for number in range(count)]


def _owners(count: int, **more: Any) -> list[Raw]:
    one = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "a", **more}
    return [{**one, "uid": f"{number}"} for number in range(count)]


ODD: dict[str, Raw] = {
    "nothing": {},
    "no spec": {"metadata": {}},
    "null": {"metadata": None, "spec": None},
    "empty": {"spec": {"containers": [], "initContainers": [], "tolerations": []}},
    "nulls": {
        "metadata": dict.fromkeys(("labels", "annotations", "ownerReferences")),
        "spec": dict.fromkeys(("containers", "initContainers", "tolerations", "resourceClaims")),
    },
    "nulls in lists": {
        "metadata": {"ownerReferences": [None]},
        "spec": {key: [None] for key in ("containers", "initContainers", "tolerations")},
    },
    "empty in lists": {
        "metadata": {"ownerReferences": [{}], "labels": {}, "annotations": {}},
        "spec": {key: [{}] for key in ("containers", "initContainers", "tolerations")},
    },
    "null values": {
        "metadata": {"labels": {"component": None}, "annotations": {"a": None}},
        "spec": {"containers": [_container(resources={"limits": {"cpu": None}, "requests": None})]},
    },
    "null resources": {"spec": {"containers": [_container(resources=None, image=None)]}},
    "owner of no kind": {
        "metadata": {"ownerReferences": [{"controller": True}]},
        "spec": {"containers": [_container()]},
    },
    "many containers": {"spec": {"containers": _many_containers(MANY)}},
    "as many as are looked at": {
        "spec": {"containers": _many_containers(64), "initContainers": _many_containers(64)}
    },
    "many owners": {
        "metadata": {"ownerReferences": _owners(MANY)},
        "spec": {"containers": [_container()]},
    },
    "many controllers": {
        "metadata": {"ownerReferences": _owners(999, controller=True)},
        "spec": {"containers": [_container()]},
    },
    "many tolerations": {
        "spec": {
            "containers": [_container()],
            "tolerations": [{"operator": "Exists", "effect": "NoExecute"}] * MANY,
        }
    },
    "many labels": {
        "metadata": {"labels": {f"l{number}": "x" for number in range(MANY)}},
        "spec": {"containers": [_container()]},
    },
    "many resources": {
        "spec": {
            "containers": [
                _container(
                    resources={"limits": {f"hugepages-{size}Ki": "1" for size in range(999)}}
                )
            ]
        }
    },
    "long words": {
        "metadata": {
            "labels": {"component": _LONG},
            "ownerReferences": _owners(
                1, apiVersion=f"{'/' * 1000}{_LONG}", kind=_LONG, controller=True
            ),
        },
        "spec": {"containers": [_container(image=_LONG)], "tolerations": [{"effect": _LONG}]},
    },
}


def test_no_pod_makes_a_condition_fail(
    plane: ControlPlane, namespace: str, guard: ChartedGuard
) -> None:
    guard.values = {"config": {"detection": {"byImage": True}}}
    guard.register()
    try:
        before = counted(plane, ERRORS)
        with DryRun(plane) as api:
            for what, raw in ODD.items():
                answer = api.create({"apiVersion": "v1", "kind": "Pod", **raw}, namespace)
                assert answer.accepted or "is invalid" in answer.why, f"{what}: {answer.why}"
                assert counted(plane, ERRORS) == before, what
    finally:
        guard.values = {}
        guard.register()


def test_conditions_that_fail_are_counted(plane: ControlPlane, namespace: str) -> None:
    """Or the test above could not fail."""
    rules = [
        {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
    ]
    spec = {
        "matchConstraints": {"resourceRules": rules},
        "matchConditions": [{"name": "fails", "expression": "object.spec.nothing == 1"}],
        "validations": [{"expression": "true"}],
    }
    named = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "fails"}}
    binding = {"policyName": "fails", "validationActions": ["Audit"]}
    apply(
        plane,
        {**named, "kind": "ValidatingAdmissionPolicy", "spec": spec | {"failurePolicy": "Ignore"}},
        {**named, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
    )
    before = counted(plane, ERRORS)
    try:
        with DryRun(plane) as api:
            plain = pod(namespace, "plain")
            wait_until(lambda: api.accepts(plain, namespace) and counted(plane, ERRORS) > before)
    finally:
        plane.kubectl("delete", f"{POLICY},{POLICY}binding", "fails")

"""Deployments, readiness, rights and dry runs."""

import json
from typing import Any

import pytest

from tests.unit.doctor.facts import (
    Raw,
    deployment,
    installation,
    mutating,
    validating,
)
from webhook.cluster.rights import Right
from webhook.core.mode import Mode
from webhook.doctor import canary
from webhook.doctor.calling import why_not_called
from webhook.doctor.deployments import judge_deployments
from webhook.doctor.readiness import judge_readiness, judge_silence
from webhook.doctor.rights import judge_rights
from webhook.doctor.verdict import Checked, State, fault, ok, unseen
from webhook.serving.refusal import wrong_caller


def pod(**status: Any) -> Raw:
    labels = {"app.kubernetes.io/component": "webhook"}
    return {"kind": "Pod", "metadata": {"name": "a", "labels": labels}, "status": status}


def waiting(reason: str, message: str = "") -> Raw:
    return pod(containerStatuses=[{"state": {"waiting": {"reason": reason, "message": message}}}])


def test_all_replicas() -> None:
    (said,) = judge_deployments(installation(), [deployment(), deployment("c", "audit")], [])
    assert (said.state, said.message) == (State.OK, "scaleguard 2/2, c 2/2")


@pytest.mark.parametrize(
    ("pods", "why"),
    [
        ([], ""),
        (
            [waiting("ImagePullBackOff", "no such image")],
            ": pod a: ImagePullBackOff: no such image",
        ),
        ([waiting("CrashLoopBackOff")], ": pod a: CrashLoopBackOff"),
        ([waiting("ContainerCreating")], ""),
        (
            [
                pod(
                    conditions=[
                        {
                            "type": "PodScheduled",
                            "status": "False",
                            "reason": "Unschedulable",
                            "message": "0/3 nodes",
                        }
                    ]
                )
            ],
            ": pod a: Unschedulable: 0/3 nodes",
        ),
    ],
)
def test_what_hinders_the_webhook(pods: list[Raw], why: str) -> None:
    (said,) = judge_deployments(installation(), [deployment(available=0)], pods)
    assert said.state is State.FAULT
    assert said.message == (
        "Deployment scaleguard: 0 of 2 replicas are available, and nothing is judged "
        f"(failurePolicy Ignore){why}"
    )
    assert said.command == "kubectl -n guard describe pods -l app.kubernetes.io/component=webhook"


def test_fail_closed_with_nobody_there() -> None:
    closed = installation(mutating(), validating(failurePolicy="Fail"))
    (said,) = judge_deployments(closed, [deployment(available=0)], [])
    assert "autoscalers.scaleguard.io REFUSES what it is asked about" in said.message


def test_pods_that_the_api_server_refuses() -> None:
    raw = deployment(available=0)
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    raw["status"]["conditions"] = [condition]
    (said,) = judge_deployments(installation(), [raw], [])
    assert said.message.endswith(": exceeded quota")


def test_some_and_none() -> None:
    (said,) = judge_deployments(installation(), [deployment(available=1)], [])
    assert (said.state, said.message) == (
        State.WARNING,
        "Deployment scaleguard: 1 of 2 replicas are available",
    )
    (said,) = judge_deployments(installation(), [deployment(available=0, replicas=0)], [])
    assert said.command == "kubectl -n guard scale deployment/scaleguard --replicas=2"
    (said,) = judge_deployments(installation(), [], [])
    assert said.message == "there is no Deployment of the webhook in namespace guard"


def test_readiness() -> None:
    (said,) = judge_readiness(200, b'{"status": "ok"}', installation(), "x")
    assert (said.state, said.message) == (State.OK, "x: ready")
    (said,) = judge_readiness(200, b'{"status": "ok", "remarks": ["old"]}', installation(), "x")
    assert (said.state, said.message) == (State.WARNING, "x: ready; old")
    not_ready = json.dumps({"error": "not ready: a; b", "reasons": ["a", "b"]}).encode()
    said_twice = judge_readiness(503, not_ready, installation(), "x")
    assert [one.message for one in said_twice] == ["x: not ready: a", "x: not ready: b"]
    status = {"message": 'no endpoints available for service "scaleguard"'}
    (said,) = judge_readiness(503, json.dumps(status).encode(), installation(), "x")
    assert said.message.startswith("no pod of the webhook is ready: x: no endpoints")
    (said,) = judge_readiness(502, b"\xff", installation(), "x")
    assert said.message == "the call failed: x: \ufffd"
    assert judge_silence("timed out", installation()).state is State.FAULT


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("tls: failed to verify certificate: x509: unknown authority", "does not trust"),
        ("remote error: tls: unknown certificate authority", "it asks for a client certificate"),
        ("the server has asked for the client to provide credentials", "does not answer this API"),
        (f"unknown: {wrong_caller('x').written().body.decode()}", "does not answer this API"),
        ("dial tcp 10.0.0.1:443: connect: connection refused", "no pod of the webhook is ready"),
        ('no endpoints available for service "scaleguard"', "no pod of the webhook is ready"),
        ('service "scaleguard" not found', "there is no Service guard/scaleguard"),
        ("context deadline exceeded", "does not reach the webhook's pods in time"),
        ("dial tcp: i/o timeout", "does not reach the webhook's pods in time"),
        ("dial tcp: connect: no route to host", "does not reach the webhook's pods in time"),
        ("EOF", "the call failed"),
    ],
)
def test_why_a_call_fails(message: str, said: str) -> None:
    why = why_not_called(message, installation())
    assert said in why.said
    assert why.fix
    assert why.command


def test_a_firewall_is_spoken_of_where_time_runs_out() -> None:
    fix = why_not_called("context deadline exceeded", installation()).fix
    for word in ("GKE", "EKS", "NetworkPolicy", "8443"):
        assert word in fix


def test_rights() -> None:
    said = judge_rights("scaleguard", [], 55, installation())
    assert (said.state, said.message) == (State.OK, "ServiceAccount scaleguard has its 55 rights")
    missing = [Right("list", "", "nodes"), *(Right("get", "g", f"r{n}") for n in range(7))]
    said = judge_rights("scaleguard", missing, 55, installation())
    assert said.message == (
        "ServiceAccount scaleguard may not list nodes, get r0.g, get r1.g, get r2.g, get r3.g, "
        "get r4.g and 2 more"
    )
    assert said.command == (
        "kubectl auth can-i list nodes --as system:serviceaccount:guard:scaleguard"
    )
    one = judge_rights("a", [Right("create", "x", "leases", "guard")], 1, installation())
    assert one.command.endswith(" -n guard")


FITTED = {"metadata": {"annotations": {"scaleguard.io/mutations": "tolerations: nvidia.com/gpu"}}}
NOT_CALLED = {
    "message": "Internal error occurred: failed calling webhook "
    '"autoscalers.scaleguard.io": failed to call webhook: context deadline exceeded'
}


def test_the_pod() -> None:
    said = canary.judge_pod(201, FITTED, installation(), None)
    assert (said.state, said.message) == (
        State.OK,
        "a GPU pod comes back fitted (tolerations: nvidia.com/gpu)",
    )
    said = canary.judge_pod(201, {}, installation(), Mode.ENFORCE)
    assert said.state is State.FAULT
    assert "the API server did not ask, or got no answer" in said.message
    assert "which nobody may read here" in canary.judge_pod(201, {}, installation(), None).message
    assert canary.judge_pod(201, {}, installation(), Mode.AUDIT).state is State.UNSEEN


def test_the_hpa() -> None:
    said = canary.judge_hpa(201, {}, ("[hpa-no-effect] HPA …",), installation(), None)
    assert said.state is State.OK
    assert canary.judge_hpa(201, {}, (), installation(), Mode.WARN).state is State.FAULT
    assert canary.judge_hpa(201, {}, (), installation(), Mode.AUDIT).state is State.UNSEEN
    off = canary.judge_hpa(201, {}, ("deprecated",), installation(), None, is_heard=False)
    assert off.state is State.UNSEEN
    denied = {"message": 'admission webhook "autoscalers.scaleguard.io" denied the request: [x]'}
    assert canary.judge_hpa(403, denied, (), installation(), None).state is State.OK


def test_webhooks_that_do_not_answer() -> None:
    said = canary.judge_hpa(500, NOT_CALLED, (), installation(), None)
    assert said.state is State.FAULT
    assert said.message.startswith("HPA: the API server does not reach the webhook's pods in time")
    other = {"message": NOT_CALLED["message"].replace("autoscalers.scaleguard.io", "x.kyverno.svc")}
    said = canary.judge_pod(500, other, installation(), None)
    assert (said.state, said.fix) == (State.WARNING, "see to x.kyverno.svc")
    quota = {"message": "exceeded quota"}
    said = canary.judge_pod(403, quota, installation(), None)
    assert said.state is State.UNSEEN
    assert "--try-in" in said.fix


def test_a_check_is_as_bad_as_its_worst_verdict() -> None:
    assert Checked("x", (ok("a"), unseen("b"))).state is State.UNSEEN
    assert Checked("x", (ok("a"), fault("b"), unseen("c"))).state is State.FAULT

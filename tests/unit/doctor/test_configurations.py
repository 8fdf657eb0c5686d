"""What webhook configurations say, and what of it is wrong."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from certs.authority import AUTHORITY_LIFE
from tests.unit.doctor.facts import (
    AUTHORITY,
    NOW,
    OTHER,
    configuration,
    deployment,
    entry,
    installation,
    mutating,
    selector,
    validating,
)
from webhook.doctor.configurations import bundles, judge_configurations, judge_namespaces
from webhook.doctor.installation import Installation, found
from webhook.doctor.verdict import State


def client(**other: Any) -> dict[str, Any]:
    whole = entry("x", "/mutate")["clientConfig"] | other
    return {key: value for key, value in whole.items() if value is not None}


def test_a_healthy_one() -> None:
    (said,) = judge_configurations(installation(), NOW)
    assert (said.state, said.message) == (
        State.OK,
        "scaleguard: pods.scaleguard.io, autoscalers.scaleguard.io",
    )


@pytest.mark.parametrize(
    ("changed", "state", "message"),
    [
        (client(caBundle=None), State.FAULT, "there is no caBundle: no certificate is trusted"),
        (client(caBundle="%%"), State.FAULT, "the caBundle holds no PEM certificates"),
        (client(caBundle="aGk="), State.FAULT, "the caBundle holds no PEM certificates"),
        (client(service={}, url="https://x"), State.WARNING, "asks https://x and no Service"),
        (
            client(service={"name": "scaleguard", "namespace": "guard"}),
            State.FAULT,
            "the Service is asked without a path: 404",
        ),
    ],
)
def test_whom_it_asks_and_trusts(changed: dict[str, Any], state: State, message: str) -> None:
    (said,) = judge_configurations(installation(mutating(clientConfig=changed), validating()), NOW)
    place = "MutatingWebhookConfiguration scaleguard, webhook pods.scaleguard.io: "
    assert (said.state, said.message) == (state, place + message)
    assert said.command


def test_an_authority_that_is_over() -> None:
    said = judge_configurations(installation(), NOW + AUTHORITY_LIFE)
    assert [one.state for one in said] == [State.FAULT, State.FAULT]
    assert "the caBundle expired at 2036-" in said[0].message


def test_one_of_two_authorities_may_be_over() -> None:
    both = base64.b64encode(OTHER.certificate + AUTHORITY.certificate).decode()
    at = NOW + AUTHORITY_LIFE - timedelta(hours=1)
    judged = judge_configurations(installation(mutating(clientConfig=client(caBundle=both))), at)
    assert not any("expired" in one.message for one in judged)


@pytest.mark.parametrize(("seconds", "said"), [(10, "10 s"), (None, "10 s"), (3, "")])
def test_how_long_the_api_server_waits(seconds: int | None, said: str) -> None:
    judged = judge_configurations(installation(mutating(), validating(timeoutSeconds=seconds)), NOW)
    assert [one.state for one in judged] == [State.WARNING if said else State.OK]
    assert f"waits {said} where nobody answers" in judged[0].message or not said


def test_what_is_gone() -> None:
    both = judge_configurations(Installation("guard", "scaleguard"), NOW)
    assert [one.state for one in both] == [State.FAULT, State.FAULT]
    assert both[1].message == (
        "there is no ValidatingWebhookConfiguration scaleguard: no autoscaler is judged"
    )
    assert both[1].command == "helm upgrade scaleguard CHART -n guard --reset-then-reuse-values"
    (one,) = judge_configurations(installation(validating()), NOW)
    assert one.state is State.WARNING  # webhooks.pods.enabled: false looks the same
    assert "webhooks.pods.enabled" in one.fix


def test_namespaces() -> None:
    (said,) = judge_namespaces(installation(), {})
    assert said.message == "kube-system, kube-node-lease and guard are left out"
    judged = mutating(namespaceSelector=selector("kube-system", "kube-node-lease"))
    (said,) = judge_namespaces(installation(judged), {})
    assert said.state is State.FAULT
    assert "does not leave out guard" in said.message


def test_bundles_of_each_entry() -> None:
    broken = mutating(clientConfig=client(caBundle="%"))
    assert list(bundles(installation(broken, validating())).values()) == [
        b"",
        AUTHORITY.certificate,
    ]


def test_installations_are_found_by_what_is_left_of_them() -> None:
    service = {"name": "guarded", "namespace": "other", "path": "/x", "port": 8443}
    other = configuration("Mutating", entry("x", "/x", clientConfig={"service": service}))
    two = found([mutating(), validating(), other], [deployment(), deployment("c", "controller")])
    assert [(one.namespace, one.name, one.port) for one in two] == [
        ("guard", "scaleguard", 443),
        ("other", "guarded", 8443),
    ]
    assert [len(one.configurations) for one in two] == [2, 1]
    assert two[1].configuration_name == "scaleguard-guarded"
    assert two[1].dns_name == "guarded.other.svc"
    assert found([], [deployment()]) == [Installation("guard", "scaleguard")]
    assert found([], []) == []

"""Webhooks that are asked about what they need themselves."""

from typing import Any

import pytest

from webhook.core.self_protection import self_protection

LEFT_OUT = ["kube-system", "kube-node-lease", "guard"]


def configuration(selector: dict[str, Any] | None, policy: str = "Ignore") -> dict[str, Any]:
    webhook: dict[str, Any] = {"name": "pods.scaleguard.io", "failurePolicy": policy}
    if selector is not None:
        webhook["namespaceSelector"] = selector
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "scaleguard"},
        "webhooks": [webhook],
    }


def names_not_in(*values: str) -> dict[str, Any]:
    one = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(values)}
    return {"matchExpressions": [one]}


def test_as_the_chart_has_it_nothing_is_said() -> None:
    assert self_protection([configuration(names_not_in(*LEFT_OUT))], {}, "guard") == []


@pytest.mark.parametrize("selector", [None, {}])
def test_a_webhook_without_a_selector_is_asked_about_everything(
    selector: dict[str, Any] | None,
) -> None:
    (said,) = self_protection([configuration(selector)], {}, "guard")
    assert said == (
        "MutatingWebhookConfiguration scaleguard, webhook pods.scaleguard.io: its "
        "namespaceSelector does not leave out kube-system, kube-node-lease, guard, and what starts "
        "there waits for the webhook that it may be needed for"
    )


def test_the_price_of_failing_closed() -> None:
    (said,) = self_protection([configuration(names_not_in(*LEFT_OUT[:2]), "Fail")], {}, "guard")
    assert "does not leave out guard, and nothing can start there while no webhook answers" in said


def test_a_label_of_the_namespace_may_leave_it_out() -> None:
    unlabelled = {"matchExpressions": [{"key": "judged", "operator": "Exists"}]}
    assert self_protection([configuration(unlabelled)], {}, "guard") == []
    (said,) = self_protection([configuration(unlabelled)], {"guard": {"judged": ""}}, "guard")
    assert "does not leave out guard," in said


def test_a_release_in_kube_system_is_named_once() -> None:
    (said,) = self_protection([configuration(None)], {}, "kube-system")
    assert said.count("kube-system") == 1

"""The webhook beside a real API server that restarts, loses a CRD, and withdraws rights.

It is a user of its own with the rights of `rbac.yaml` and no others. Whatever happens, no verdict
may be wrong: there may be none for a while.
"""

import copy
import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import Child
from tests.e2e.balancer import Balancer
from tests.e2e.webhook_process import Reviews, WebhookProcess, wait_until
from webhook.cluster.api import Api, connect
from webhook.cluster.errors import ApiError
from webhook.cluster.kept import KEPT_SECONDS
from webhook.cluster.resources import HPAS, VPAS

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

ROLE = Path(__file__).resolve().parent / "rbac.yaml"
USER = "scaleguard-webhook"
VPA_CRD = "verticalpodautoscalers.autoscaling.k8s.io"

STALE_SECONDS = 5
"""The least that can be configured, so that the tests need not wait for long."""


def hpa(name: str, of: str) -> Raw:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": of}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"namespace": "default", "name": name},
        "spec": {"scaleTargetRef": target, "maxReplicas": 4},
    }


def vpa(name: str, of: str) -> Raw:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": of}
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"namespace": "default", "name": name},
        "spec": {"targetRef": target},
    }


def deployment(name: str) -> Raw:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "a", "image": "x"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "default", "name": name},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


CONFLICT, FREE = hpa("web", "web"), hpa("free", "free")


class Cluster:
    """A control plane, an administrator, and the rights of the webhook's user."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.admin: Api = connect(plane.kubeconfig)
        self.role: Raw = yaml.safe_load(ROLE.read_text(encoding="utf-8"))
        self.apply(self.role)
        binding = f"--clusterrole={self.role['metadata']['name']}"
        plane.kubectl("create", "clusterrolebinding", USER, binding, f"--user={USER}")

    def apply(self, *objects: Raw) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.plane.kubectl("apply", "-f", "-", input=json.dumps(listed))

    def withdraw(self, resource: str) -> None:
        role = copy.deepcopy(self.role)
        role["rules"] = [rule for rule in role["rules"] if resource not in rule["resources"]]
        self.apply(role)

    def grant(self) -> None:
        self.apply(self.role)

    def apiserver(self) -> Child:
        return self.plane.child("kube-apiserver")

    def answers(self) -> bool:
        try:
            self.admin.get("/readyz?", 1)
        except ApiError as error:
            return error.label == "garbage"  # it says "ok", which is no JSON
        return True


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ControlPlane() as plane:
        plane.install_crds("vpa")
        yield Cluster(plane)


@pytest.fixture
def webhook(cluster: Cluster, tmp_path: Path) -> Iterator[WebhookProcess]:
    cluster.grant()
    cluster.apply(deployment("web"), deployment("free"), vpa("web", "web"))
    kubeconfig = cluster.plane.user(USER)
    with WebhookProcess(tmp_path, kubeconfig, staleAfterSeconds=STALE_SECONDS) as process:
        process.wait_until_ready()
        yield process


@pytest.fixture
def reviews(webhook: WebhookProcess) -> Iterator[tuple[Reviews, Reviews]]:
    """Reviews of an HPA that must not be allowed, and of one that must not be denied."""
    with ExitStack() as stack:
        yield tuple(stack.enter_context(Reviews(webhook, raw)) for raw in (CONFLICT, FREE))  # type: ignore[misc]  # two


def age(webhook: WebhookProcess, resource: object = VPAS) -> float:
    name = "scaleguard_watch_last_event_age_seconds"
    return webhook.metric(name, resource=str(resource)) or 0.0


def judges_well(webhook: WebhookProcess) -> bool:
    return webhook.validate(CONFLICT) is False and webhook.validate(FREE) is True


def test_role_is_enough(webhook: WebhookProcess) -> None:
    assert judges_well(webhook)
    assert "forbidden" not in webhook.log().lower()


def test_what_is_refused_to_an_operator_is_told_at_the_owner(
    cluster: Cluster, webhook: WebhookProcess
) -> None:
    owner = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}
    known = owner | {"name": "llama", "uid": "uid-llama", "controller": True}
    refused = copy.deepcopy(CONFLICT)
    refused["metadata"]["ownerReferences"] = [known]
    for _ in range(2):
        assert webhook.validate(refused) is False

    def told() -> list[Raw]:
        shown = cluster.plane.kubectl("get", "events", "--namespace=default", "--output=json")
        found = json.loads(shown.stdout)["items"]
        # Of others is told where they are refused: in this namespace as well.
        return [one for one in found if one["involvedObject"]["name"] == "llama"]

    wait_until(lambda: [one["count"] for one in told()] == [2], what="no event")
    (event,) = told()
    assert event["involvedObject"] == owner | {
        "namespace": "default",
        "name": "llama",
        "uid": "uid-llama",
    }
    assert (event["type"], event["reason"]) == ("Warning", "AutoscalerRefused")
    assert event["message"].startswith(
        "HorizontalPodAutoscaler default/web was refused: [hpa-vpa-same-metric] "
    )
    assert "; fix: " in event["message"]


def test_what_was_just_let_in_counts(cluster: Cluster, webhook: WebhookProcess) -> None:
    path = VPAS.path("default")
    for number in range(50):
        name = f"pair-{number}"
        assert webhook.validate(vpa(name, name)) is True
        cluster.admin.create(path, vpa(name, name), 5)
        assert webhook.validate(hpa(name, name)) is False


def test_a_workload_is_read_once_and_again_when_it_has_changed(
    cluster: Cluster, webhook: WebhookProcess
) -> None:
    """The verdict depends on its containers: the VPA leaves cpu of the one that is there alone."""
    made, leaves = deployment("kept"), vpa("kept", "kept")
    policy = {"containerName": "a", "controlledResources": ["memory"]}
    leaves["spec"]["resourcePolicy"] = {"containerPolicies": [policy]}
    cluster.apply(made, leaves)
    asked = hpa("kept", "kept")

    def reads() -> float:
        return webhook.metric("scaleguard_lookups_total", what="workload", result="found") or 0.0

    assert webhook.validate(asked) is True
    before = reads()
    time.sleep(KEPT_SECONDS + 1)
    assert webhook.validate(asked) is True
    assert reads() == before
    made["spec"]["template"]["spec"]["containers"].append({"name": "b", "image": "x"})
    cluster.apply(made)
    wait_until(lambda: webhook.validate(asked) is False, 5, "it is judged as it was")
    assert reads() > before
    cluster.plane.kubectl("delete", "deployment,vpa", "kept")


def test_api_server_restarts(
    cluster: Cluster, webhook: WebhookProcess, reviews: tuple[Reviews, Reviews]
) -> None:
    server = cluster.apiserver()
    server.terminate()
    server.reap(time.monotonic() + 1)
    wait_until(lambda: age(webhook) > STALE_SECONDS, what="its absence is not seen in the metrics")
    reasons = webhook.reasons() or []
    assert any("nothing heard for" in reason for reason in reasons), reasons
    server.start()
    wait_until(cluster.answers, 60, "the API server did not come back")
    took = wait_until(lambda: webhook.ready() and judges_well(webhook), what="no recovery")
    assert took < 10
    conflict, free = reviews
    assert conflict.answers[True] == 0
    assert free.answers[False] == 0
    assert conflict.answers[False] > 0


def test_api_server_hangs(
    cluster: Cluster, webhook: WebhookProcess, reviews: tuple[Reviews, Reviews]
) -> None:
    """It closes nothing, accepts connections, and says nothing."""
    server = cluster.apiserver()
    server.signal(signal.SIGSTOP)
    try:
        wait_until(lambda: age(webhook) > STALE_SECONDS, what="its silence is not noticed")
        reasons = webhook.reasons() or []
        assert any("nothing heard for" in reason for reason in reasons), reasons
    finally:
        server.signal(signal.SIGCONT)
    took = wait_until(lambda: webhook.ready() and judges_well(webhook), what="no recovery")
    assert took < 10
    conflict, free = reviews
    assert conflict.answers[True] == 0
    assert free.answers[False] == 0


def test_connections_that_carry_nothing_any_more_are_replaced(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Before anything counts as stale; what came meanwhile counts."""
    stale_seconds = 2 * STALE_SECONDS
    cluster.grant()
    cluster.apply(deployment("late"))
    with Balancer([cluster.plane.layout.ports.apiserver]) as network:
        kubeconfig = tmp_path / "kubeconfig"
        text = cluster.plane.user(USER).read_text(encoding="utf-8")
        server = f"https://127.0.0.1:{network.port}"
        kubeconfig.write_text(text.replace(cluster.plane.server, server), encoding="utf-8")
        with WebhookProcess(tmp_path, kubeconfig, staleAfterSeconds=stale_seconds) as webhook:
            webhook.wait_until_ready()
            assert webhook.validate(hpa("late", "late")) is True
            network.silence()
            cluster.apply(vpa("late", "late"))
            took = wait_until(
                lambda: webhook.validate(hpa("late", "late")) is False, what="its VPA is not seen"
            )
            assert took < stale_seconds
            oldest = 0.0
            begun = time.monotonic()
            while time.monotonic() < begun + 1.5 * stale_seconds:
                oldest = max(oldest, age(webhook), age(webhook, HPAS))
                assert webhook.ready(), webhook.reasons()
                time.sleep(0.2)
            assert oldest < stale_seconds, "a quiet cluster says something often enough"
    cluster.plane.kubectl("delete", "vpa,deployment", "late")


def test_crd_is_removed_and_installed_again(
    cluster: Cluster, webhook: WebhookProcess, reviews: tuple[Reviews, Reviews]
) -> None:
    cluster.plane.kubectl("delete", "crd", VPA_CRD)
    took = wait_until(lambda: webhook.validate(CONFLICT) is True, what="its VPAs still count")
    assert took < 10
    held = "scaleguard_watch_objects"
    wait_until(lambda: webhook.metric(held, resource=str(VPAS)) == 0)
    time.sleep(STALE_SECONDS + 1)
    assert webhook.ready()  # a CRD that is not there is no fault
    cluster.plane.install_crds("vpa")
    cluster.apply(vpa("web", "web"))
    took = wait_until(lambda: webhook.validate(CONFLICT) is False, what="its VPA is not seen")
    assert took < 10
    took = wait_until(lambda: webhook.metric(held, resource=str(VPAS)) == 1)
    assert took < 10
    assert reviews[1].answers[False] == 0
    assert webhook.metric("scaleguard_watch_relists_total", reason="appeared") == 1


def test_rights_are_withdrawn_and_granted_again(
    cluster: Cluster, webhook: WebhookProcess, reviews: tuple[Reviews, Reviews]
) -> None:
    cluster.withdraw("verticalpodautoscalers")
    wait_until(lambda: age(webhook) > STALE_SECONDS, what="staleness is not seen in the metrics")
    reasons = webhook.reasons() or []
    assert any(f"no right to list and watch {VPAS}" in reason for reason in reasons), reasons
    assert age(webhook, HPAS) < STALE_SECONDS
    refused = {"resource": str(VPAS), "reason": "forbidden"}
    assert webhook.metric("scaleguard_watch_errors_total", **refused)
    conflict, free = reviews
    wait_until(lambda: conflict.answers[None] > 0, what="it is judged by what is known no more")
    cluster.grant()
    took = wait_until(lambda: webhook.ready() and judges_well(webhook), what="no recovery")
    assert took < 10
    assert conflict.answers[True] == 0
    assert free.answers[False] == 0


def test_ledger_that_is_refused_fails_the_call(cluster: Cluster, webhook: WebhookProcess) -> None:
    cluster.withdraw("leases")
    wait_until(lambda: webhook.validate(FREE) is None)
    failed = {"endpoint": "validate"}
    assert webhook.metric("scaleguard_cannot_judge_total", **failed)
    cluster.grant()
    wait_until(lambda: judges_well(webhook))
    assert webhook.metric("scaleguard_ledger_reviews_total", outcome="failed")
    assert "needs get, create and update on leases of namespace default" in webhook.log()

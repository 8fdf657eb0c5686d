"""The webhook run as the chart says, with the rights of the chart, asked by a real API server."""

import base64
import json
import os
import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from http.client import HTTPSConnection
from typing import Any

import pytest

from tests.controlplane.build import binary
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.process import free_ports
from tests.e2e.chart import (
    CHART,
    NAMESPACE,
    RELEASE,
    Controller,
    Helm,
    Webhook,
    ca_bundles,
    eventually,
    lead_here,
    paths,
    plane_for_charts,
)
from tests.e2e.manifests import hpa, stream

GPU = "nvidia.com/gpu"

hpa_in_shop = partial(hpa, namespace="shop")

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with plane_for_charts() as running:
        yield running


@pytest.fixture(scope="module")
def webhook(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webhook]:
    folder = tmp_path_factory.mktemp("webhook")
    helm = Helm(folder, plane.kubeconfig)
    port = free_ports(1)[0]
    # The API server dials a Service of type ExternalName on the port that the configuration names.
    values = f"service.port={port},config.kueue.mutateTemplates=true"
    notes = helm.install("--set", values)
    lead_here(plane)
    plane.kubectl("create", "namespace", "shop")
    with (
        Controller(plane, folder, free_ports(1)[0]),
        Webhook(plane, folder, port, notes) as running,
    ):
        yield running
    helm.uninstall()


def apply(plane: ControlPlane, *objects: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    text = "\n---\n".join(json.dumps(one) for one in objects)
    return plane.kubectl("-n", "shop", "apply", "-f", "-", input=text, check=False)


def deployment(name: str, limits: dict[str, str], replicas: int = 2) -> dict[str, Any]:
    container = {"name": "app", "image": "example.com/app", "resources": {"limits": limits}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container]},
            },
        },
    }


def vpa(name: str, resources: list[str]) -> dict[str, Any]:
    policy = {"containerName": "*", "controlledResources": resources}
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "resourcePolicy": {"containerPolicies": [policy]},
        },
    }


def pods(plane: ControlPlane, app: str) -> list[dict[str, Any]]:
    found = plane.kubectl("-n", "shop", "get", "pods", "-l", f"app={app}", "-o", "json")
    items: list[dict[str, Any]] = json.loads(found.stdout)["items"]
    return items


def test_the_certificates_are_its_own(plane: ControlPlane, webhook: Webhook) -> None:
    assert webhook.status() == 200

    def held(what: str) -> dict[str, str]:
        name = f"{RELEASE}-{what}"
        found = plane.kubectl("-n", NAMESPACE, "get", "secret", name, "-o", "json")
        data: dict[str, str] = json.loads(found.stdout)["data"]
        return data

    leaf, authority, path = held("certificate"), held("authority"), held("path")
    assert set(leaf) == {"ca.crt", "tls.crt", "tls.key"}
    assert set(authority) == {"ca.crt", "ca.key", "since"}
    assert ca_bundles(plane) == {leaf["ca.crt"]} == {authority["ca.crt"]}
    served = ssl.get_server_certificate(("127.0.0.1", webhook.port))
    assert served == base64.b64decode(leaf["tls.crt"]).decode()
    segment = base64.b64decode(path["path"]).decode()
    assert paths(plane) == {f"/{segment}/mutate", f"/{segment}/validate"}
    # Of the authority nothing is mounted, and nothing of it may be read by who serves.
    assert {one.name for one in webhook.certificates.glob("[!.]*")} == {
        "tls.crt",
        "tls.key",
        "path",
    }


def test_who_does_not_know_the_path_gets_nothing_and_is_counted(webhook: Webhook) -> None:
    def ask(path: str) -> int:
        unverified = ssl._create_unverified_context()  # noqa: S323
        connection = HTTPSConnection("127.0.0.1", webhook.port, timeout=5, context=unverified)
        try:
            connection.request("POST", path, "{}", {"Content-Type": "application/json"})
            answer = connection.getresponse()
            assert webhook.segment() not in answer.read().decode()
            return answer.status
        finally:
            connection.close()

    before = webhook.metric("scaleguard_wrong_paths_total")
    assert ask("/validate") == ask("/mutate") == ask(f"/{'a' * 32}/validate") == 404
    assert ask(f"/{webhook.segment()}/validate") == 400  # known, and no review
    assert webhook.metric("scaleguard_wrong_paths_total") == before + 3


def test_gpu_pods_are_fitted_and_others_are_not(plane: ControlPlane, webhook: Webhook) -> None:
    done = apply(plane, deployment("llm", {GPU: "1"}), deployment("web", {"cpu": "1"}))
    assert done.returncode == 0, done.stderr
    eventually(
        lambda: len(pods(plane, "llm")) == len(pods(plane, "web")) == 2,
        "making pods",
        webhook.child.tail,
    )
    for pod in pods(plane, "llm"):
        tolerated = {one["key"] for one in pod["spec"]["tolerations"]}
        requests = pod["spec"]["containers"][0]["resources"]["requests"]
        assert GPU in tolerated, webhook.child.tail()
        assert set(requests) == {GPU, "cpu", "memory"}
    for pod in pods(plane, "web"):
        assert GPU not in {one["key"] for one in pod["spec"]["tolerations"]}
        assert not any("scaleguard.io" in key for key in pod["metadata"].get("annotations", {}))


def test_a_conflicting_vpa_is_refused_and_a_complementary_one_is_not(
    plane: ControlPlane, webhook: Webhook
) -> None:
    done = apply(plane, deployment("api", {"cpu": "1"}), hpa_in_shop("api", "api"))
    assert done.returncode == 0, done.stderr
    refused = apply(plane, vpa("api", ["cpu", "memory"]))
    assert refused.returncode == 1, webhook.child.tail()
    said = 'admission webhook "autoscalers.scaleguard.io" denied the request: [hpa-vpa-same-metric]'
    assert said in refused.stderr
    for part in (
        "HorizontalPodAutoscaler shop/api",
        "VerticalPodAutoscaler shop/api",
        "cpu",
        "container app",
        "fix: set controlledResources: [memory]",
        "decision ",
    ):
        assert part in refused.stderr
    accepted = apply(plane, vpa("api", ["memory"]))
    assert accepted.returncode == 0, accepted.stderr


def test_what_makes_pods_is_warned_of_and_queued_templates_are_fitted(
    plane: ControlPlane, webhook: Webhook
) -> None:
    web = deployment("squatter", {"cpu": "1"}, replicas=0)
    tolerations = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]
    web["spec"]["template"]["spec"]["tolerations"] = tolerations
    assert "Warning: [gpu-node-squatter]" in apply(plane, web).stderr, webhook.child.tail()
    job = deployment("train", {GPU: "1"})
    job |= {"apiVersion": "batch/v1", "kind": "Job"}
    job["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "gpus"}
    template = job["spec"]["template"]
    template["spec"]["restartPolicy"] = "Never"
    job["spec"] = {"suspend": True, "template": template}
    done = apply(plane, job)
    assert "kueue-template-unfitted" not in done.stderr
    found = plane.kubectl("-n", "shop", "get", "job", "train", "-o", "json").stdout
    assert json.loads(found)["spec"]["template"]["spec"]["tolerations"] == tolerations


def test_what_helm_says_to_try_is_refused(plane: ControlPlane, webhook: Webhook) -> None:
    tried = webhook.notes.partition("Then try it")[2].partition("The last of them")[0]
    lines = [line.removeprefix("  ") for line in tried.splitlines() if line.startswith("  ")]
    kubectl = binary("kubectl").parent
    done = subprocess.run(
        ["bash"],
        input="\n".join(lines),
        env={
            **os.environ,
            "PATH": f"{kubectl}:{os.environ['PATH']}",
            "KUBECONFIG": str(plane.kubeconfig),
            # kubectl keeps what it discovers, and would do so in the working tree.
            "KUBECACHEDIR": str(plane.layout.folder / "kubectl-cache"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "denied the request: [hpa-vpa-same-metric]" in done.stderr
    assert "autoscaled" in done.stdout


def test_namespaces_that_are_left_out_are_left_alone(plane: ControlPlane, webhook: Webhook) -> None:
    assert webhook.status() == 200
    plane.kubectl("create", "namespace", "quiet")
    plane.kubectl("label", "namespace", "quiet", "scaleguard.io/ignore=true")
    for namespace in ("quiet", "kube-system", NAMESPACE):
        text = stream(hpa("web", "web", namespace=namespace), vpa("web", ["cpu"]))
        plane.kubectl("-n", namespace, "apply", "-f", "-", input=text)
        plane.kubectl("-n", namespace, "delete", "-f", "-", input=text)


def test_the_account_may_do_nothing_else(plane: ControlPlane, webhook: Webhook) -> None:
    account = webhook.folder / "webhook.kubeconfig"
    for refused in (
        ["-n", NAMESPACE, "get", "secrets"],
        ["-n", NAMESPACE, "get", "secret", f"{RELEASE}-certificate"],
        ["-n", NAMESPACE, "create", "secret", "generic", "other"],
        ["get", "pods", "-A"],
        ["-n", "shop", "delete", "hpa", "api"],
        ["delete", "validatingwebhookconfiguration", RELEASE],
    ):
        done = plane.kubectl(*refused, kubeconfig=account, check=False)
        assert "is forbidden" in done.stderr, refused


def test_nothing_was_refused_to_it(webhook: Webhook) -> None:
    log = webhook.child.log.read_text(encoding="utf-8")
    assert "Forbidden" not in log
    assert "Traceback" not in log


def test_the_controller_makes_vpas_that_give_way(plane: ControlPlane, webhook: Webhook) -> None:
    def controlled() -> list[str]:
        name = "scaleguard-deployment-llama"
        found = plane.kubectl("-n", "shop", "get", "vpa", name, "-o", "json", check=False)
        if found.returncode != 0:
            return []
        (policy,) = json.loads(found.stdout)["spec"]["resourcePolicy"]["containerPolicies"]
        return list(policy["controlledResources"])

    with Controller(plane, webhook.folder, free_ports(1)[0]) as controller:
        made = apply(plane, deployment("llama", {GPU: "1"}))
        assert made.returncode == 0, made.stderr
        said = controller.child.tail
        eventually(lambda: controlled() == ["cpu", "memory"], "the VPA", said)
        made = apply(plane, hpa_in_shop("llama", "llama"))
        assert made.returncode == 0, made.stderr
        eventually(lambda: controlled() == ["memory"], "giving way", said)
        # The rights of the chart are enough for all that it asked.
        assert "forbidden" not in said().lower(), said()
        account = webhook.folder / "controller.kubeconfig"
        for refused in (
            ["-n", NAMESPACE, "get", "secrets"],
            ["get", "pods", "-A"],
            ["-n", "shop", "delete", "hpa", "llama"],
            ["-n", "shop", "delete", "deployment", "llama"],
        ):
            done = plane.kubectl(*refused, kubeconfig=account, check=False)
            assert "is forbidden" in done.stderr, refused


def test_the_emergency_exit_is_open_at_once_and_an_upgrade_closes_it(
    plane: ControlPlane, webhook: Webhook
) -> None:
    """Last: the command of the page; nothing of scaleguard minds, and nothing puts them back."""
    page = (CHART.parents[1] / "docs" / "install.md").read_text("utf-8")
    section = page.partition("## Emergency exit")[2]
    (command,) = re.findall(r"^kubectl (delete .*)$", section.partition("\n## ")[0], re.MULTILINE)
    made = apply(plane, deployment("exit", {"cpu": "1"}), hpa_in_shop("exit", "exit"))
    assert made.returncode == 0, made.stderr
    assert apply(plane, vpa("exit", ["cpu"])).returncode == 1
    plane.kubectl(*command.split())
    # The API server forgets within a second or so.
    eventually(lambda: apply(plane, vpa("exit", ["cpu"])).returncode == 0, "the exit")
    time.sleep(11)  # replica and controller have looked
    assert webhook.status() == 200
    assert "cannot be seen to" not in (webhook.folder / "controller.log").read_text("utf-8")
    plane.kubectl("-n", "shop", "delete", "vpa", "exit")
    # What was put in the Service's place is no field of the chart.
    plane.kubectl("-n", NAMESPACE, "delete", "service", RELEASE)
    Helm(webhook.folder, plane.kubeconfig).upgrade("--reuse-values")
    lead_here(plane)
    refused = "denied the request: [hpa-vpa-same-metric]"

    def is_refused() -> bool:
        done = apply(plane, vpa("exit", ["cpu"]))
        plane.kubectl("-n", "shop", "delete", "vpa", "exit", "--ignore-not-found")
        return refused in done.stderr

    eventually(is_refused, "judging again", webhook.child.tail, seconds=60)

"""Kinds that the configuration names, before a real API server and with the rights of the chart."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controlplane.cluster import ControlPlane
from tests.e2e.chart import CHART, NAMESPACE, RELEASE, Helm
from tests.e2e.controller_process import USER, ControllerProcess, grant
from tests.e2e.guard import Guard
from tests.e2e.kubectl import apply
from tests.e2e.manifests import hpa, vpa
from tests.e2e.test_controller import SLOW_SECONDS, become, events, llama, managed
from tests.e2e.webhook_process import wait_until

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

GROUP = "ai.example.com"
MODEL = {
    "group": GROUP,
    "kind": "Model",
    "plural": "inferers",
    "templates": ["spec.serving.template"],
    "class": "inference",
    "scale": True,
}
RBAC = "rbac.authorization.k8s.io"
WEBHOOK = "system:serviceaccount:scaleguard:scaleguard"
CRD: Raw = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"inferers.{GROUP}"},
    "spec": {
        "group": GROUP,
        "names": {"kind": "Model", "plural": "inferers", "singular": "inferer"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
                "subresources": {
                    "scale": {
                        "specReplicasPath": ".spec.replicas",
                        "statusReplicasPath": ".status.replicas",
                        "labelSelectorPath": ".status.selector",
                    }
                },
            }
        ],
    },
}


def model(namespace: str, name: str = "llama") -> Raw:
    template = llama(namespace)["spec"]["template"]
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Model",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": 2, "serving": {"template": template}},
    }


def on_model(raw: Raw) -> Raw:
    """An autoscaler of a Deployment, on the Model of that name."""
    for name in ("scaleTargetRef", "targetRef"):
        if name in raw["spec"]:
            raw["spec"][name] |= {"apiVersion": f"{GROUP}/v1", "kind": "Model"}
    return raw


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[Raw]:
    """The chart with the kind in its configuration."""
    folder = tmp_path_factory.mktemp("chart")
    (folder / "values.yaml").write_text(json.dumps({"config": {"workloads": [MODEL]}}))
    options = ("--namespace", NAMESPACE, "--kube-version", "1.37.0")
    values = str(folder / "values.yaml")
    text = Helm(folder)("template", RELEASE, str(CHART), "-f", values, *options)
    return [raw for raw in yaml.safe_load_all(text) if raw]


def rights(rendered: list[Raw], name: str) -> list[Raw]:
    """What a ClusterRole of the chart says of the group."""
    (role,) = (
        raw
        for raw in rendered
        if raw["kind"] == "ClusterRole" and raw["metadata"]["name"] == f"{RELEASE}:{name}"
    )
    return [rule for rule in role["rules"] if GROUP in rule["apiGroups"]]


@pytest.fixture(scope="module")
def cluster(plane: ControlPlane, rendered: list[Raw]) -> Iterator[ControlPlane]:
    """The CRD, and for both users the rights that the chart gives: for the controller no others."""
    grant(plane)
    base = yaml.safe_load(Path(__file__).with_name("rbac.yaml").read_text(encoding="utf-8"))
    for user, name, rules in (
        (WEBHOOK, "webhook", [*base["rules"], *rights(rendered, NAMESPACE)]),
        (USER, "controller", rights(rendered, f"{NAMESPACE}:controller")),
    ):
        named = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "metadata": {"name": f"kinds-{name}"},
        }
        ref = {"apiGroup": "rbac.authorization.k8s.io", "name": f"kinds-{name}"}
        subject = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
        bound = {"roleRef": ref | {"kind": "ClusterRole"}, "subjects": [subject]}
        apply(
            plane,
            named | {"kind": "ClusterRole", "rules": rules},
            named | {"kind": "ClusterRoleBinding"} | bound,
        )
    apply(plane, CRD)
    name = CRD["metadata"]["name"]
    plane.kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=30s")
    yield plane
    plane.kubectl("delete", "crd", name)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of the webhook: at first without the kind."""
    path = tmp_path_factory.mktemp("webhook") / "config.yaml"
    path.write_text("{}", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def guard(cluster: ControlPlane, settings: Path) -> Iterator[Guard]:
    arguments = ["--config", str(settings), "--controller-user", USER]
    with Guard(cluster, kubeconfig=cluster.user(WEBHOOK), arguments=arguments) as running:
        yield running


@pytest.fixture(scope="module")
def controller(
    cluster: ControlPlane, guard: Guard, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControllerProcess]:
    del guard
    with ControllerProcess(cluster, tmp_path_factory.mktemp("controller")) as running:
        yield running


def test_the_chart_gives_the_rights_and_asks_about_the_kind(rendered: list[Raw]) -> None:
    kind = {"apiGroups": [GROUP], "resources": ["inferers"]}
    assert rights(rendered, NAMESPACE) == [kind | {"verbs": ["get"]}]
    assert rights(rendered, f"{NAMESPACE}:controller") == [kind | {"verbs": ["list", "watch"]}]
    asking = [
        webhook
        for raw in rendered
        if raw["kind"] == "ValidatingWebhookConfiguration"
        for webhook in raw["webhooks"]
        if any(GROUP in rule["apiGroups"] for rule in webhook["rules"])
    ]
    (webhook,) = asking
    assert webhook["name"] == "workloads.scaleguard.io"
    rule = {"apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "scope": "Namespaced"}
    assert webhook["rules"][-2] == kind | rule, "the last one is that of pods"
    assert f'"{GROUP}/Model"' in webhook["matchConditions"][0]["expression"]


def test_a_kind_is_taken_up_while_webhook_and_controller_run(
    cluster: ControlPlane,
    controller: ControllerProcess,
    settings: Path,
    namespace: str,
) -> None:
    """Without it nobody knows what a Model is for, and what it made gets no VPA either."""
    apply(cluster, model(namespace))
    found = cluster.kubectl("get", "inferers", "llama", "-n", namespace, "-o", "json").stdout
    target = {"apiVersion": f"{GROUP}/v1", "kind": "Model", "name": "llama"}
    owner = target | {"uid": json.loads(found)["metadata"]["uid"], "controller": True}
    made = llama(namespace, ownerReferences=[owner])
    made["metadata"]["name"] = "llama-serving"
    apply(cluster, made)
    wait_until(lambda: "VPAWithheld" in events(cluster, namespace), SLOW_SECONDS)
    (withheld,) = events(cluster, namespace)["VPAWithheld"]
    assert withheld == (
        "no VPA is made: its owner Model llama can be scaled: VPA wants that one named, and what "
        f"its pods are for is not known: list Model of {GROUP} under workloads in the configuration"
    )
    assert managed(cluster, namespace) == []

    for path in (settings, controller.settings):
        path.write_text(json.dumps({"workloads": [MODEL]}), encoding="utf-8")
    become(cluster, namespace, [["cpu", "memory"]])
    (its_vpa,) = managed(cluster, namespace)
    assert its_vpa["metadata"]["name"] == f"scaleguard-model.{GROUP}-llama"
    assert its_vpa["spec"]["targetRef"] == target
    assert its_vpa["metadata"]["ownerReferences"][0]["uid"] == owner["uid"]
    apply(cluster, on_model(hpa("llama", "llama", namespace=namespace)))
    become(cluster, namespace, [["memory"]])

    own = on_model(vpa("own", "llama", namespace=namespace))
    refused = (
        f"HorizontalPodAutoscaler {namespace}/llama scales Model llama on cpu (Utilization 70%, "
        f"spec.metrics[0]) while VerticalPodAutoscaler {namespace}/own (mode Recreate) sets the "
        "cpu request of container app"
    )
    wait_until(lambda: refused in apply(cluster, own, check=False), SLOW_SECONDS)
    apply(cluster, on_model(vpa("own", "llama", controlled=["memory"], namespace=namespace)))
    become(cluster, namespace, [])
    cluster.kubectl("delete", "vpa", "own", "-n", namespace)
    become(cluster, namespace, [["memory"]])
    cluster.kubectl("delete", "inferers", "llama", "-n", namespace)
    become(cluster, namespace, [])


def test_a_version_that_is_served_no_more(
    cluster: ControlPlane, controller: ControllerProcess, settings: Path, namespace: str
) -> None:
    """The controller goes on in the next one, without a restart."""
    for path in (settings, controller.settings):
        path.write_text(json.dumps({"workloads": [MODEL]}), encoding="utf-8")
    apply(cluster, model(namespace))
    become(cluster, namespace, [["cpu", "memory"]])

    def targets() -> list[str]:
        return [one["spec"]["targetRef"]["apiVersion"] for one in managed(cluster, namespace)]

    assert targets() == [f"{GROUP}/v1"]
    (first,) = CRD["spec"]["versions"]
    later = first | {"name": "v2", "storage": False}
    for versions in ([first, later], [first | {"served": False}, later]):
        apply(cluster, CRD | {"spec": CRD["spec"] | {"versions": versions}})
    # An API server may let the watch of what has gone stand, until its time is over.
    wait_until(lambda: targets() == [f"{GROUP}/v2"], 120)
    assert "followed in version v2 from now on" in controller.log()
    assert controller.is_ready()

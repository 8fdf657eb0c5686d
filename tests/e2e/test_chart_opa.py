"""OPA as the chart runs it beside the webhook, and the webhook as the chart has it ask."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.controlplane.build import binary
from tests.controlplane.process import Child, free_ports
from tests.e2e.chart import CHART, NAMESPACE, RELEASE, Helm, eventually
from tests.e2e.webhook_process import WebhookProcess

pytestmark = [pytest.mark.controlplane, pytest.mark.opa]

VALUES = str(CHART / "ci" / "opa-values.yaml")
ON = "opa.sidecar.enabled=true"
Document = dict[str, Any]

TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
HPA: Document = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"scaleTargetRef": TARGET, "maxReplicas": 5},
}


def vpa(*resources: str) -> Document:
    policy = {"containerName": "*", "controlledResources": [*resources]}
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"targetRef": TARGET, "resourcePolicy": {"containerPolicies": [policy]}},
    }


def rendered(folder: Path, *values: str) -> list[Document]:
    text = Helm(folder)("template", RELEASE, str(CHART), "-n", NAMESPACE, *values)
    return list(yaml.safe_load_all(text))


def the(documents: list[Document], kind: str, name: str = RELEASE) -> Document:
    (found,) = [one for one in documents if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


class Sidecar:
    """OPA, run with the arguments of the chart but for the ports, which others here may have."""

    def __init__(self, folder: Path, documents: list[Document]) -> None:
        self.folder = folder
        self.port, self.health_port = free_ports(2)
        self.pods = [
            the(documents, "Deployment", name)["spec"]["template"]["spec"]
            for name in (RELEASE, f"{RELEASE}-controller")
        ]
        (container,), (other,) = (pod["initContainers"] for pod in self.pods)
        assert container == other
        self.arguments = [self.moved(argument) for argument in container["args"]]

    def moved(self, text: str) -> str:
        return text.replace(":8181", f":{self.port}").replace(":8282", f":{self.health_port}")

    def healthy(self) -> bool:
        try:
            answer = requests.get(f"http://127.0.0.1:{self.health_port}/health", timeout=2)
        except requests.RequestException:
            return False
        return answer.status_code == 200

    @contextmanager
    def running(self) -> Iterator[None]:
        child = Child("opa", [str(binary("opa")), *self.arguments], self.folder / "opa.log")
        child.start()
        try:
            eventually(self.healthy, "OPA", child.tail)
            yield
        finally:
            child.terminate()
            child.reap(time.monotonic() + 15)

    def rules(self) -> set[str]:
        listed = requests.get(f"http://127.0.0.1:{self.port}/v1/policies", timeout=5).json()
        return {one["id"] for one in listed["result"]}


def webhook(folder: Path, config: Document) -> WebhookProcess:
    """Without a cluster: what else is there is an HPA on cpu."""
    world = folder / "world"
    world.mkdir()
    (world / "hpa.yaml").write_text(yaml.safe_dump(HPA), encoding="utf-8")
    process = WebhookProcess(folder / "webhook", folder, **config)
    at = process.command.index("--kubeconfig")
    process.command[at : at + 2] = ["--manifests", str(world)]
    return process


def test_the_webhook_asks_the_sidecar_and_gives_it_its_rules_back(tmp_path: Path) -> None:
    patient = ("--set", "config.policies.opa.timeoutSeconds=3")
    documents = rendered(tmp_path, "-f", VALUES, *patient)
    sidecar = Sidecar(tmp_path, documents)
    config = yaml.safe_load(sidecar.moved(the(documents, "ConfigMap")["data"]["config.yaml"]))
    with ExitStack() as stack:
        with sidecar.running():
            asking = stack.enter_context(webhook(tmp_path, config))
            asking.wait_until_ready()
            assert "scaleguard/built-in/main.rego" in sidecar.rules()
            assert asking.validate(vpa("cpu", "memory")) is False
            assert asking.validate(vpa("memory")) is True
            # What a kubelet sees takes no rules.
            elsewhere = f"http://127.0.0.1:{sidecar.health_port}/v1/policies"
            assert requests.get(elsewhere, timeout=5).status_code == 404
        assert asking.validate(vpa("memory")) is None
        with sidecar.running():
            assert sidecar.rules() == set()
            assert asking.validate(vpa("cpu", "memory")) is False
            assert asking.validate(vpa("memory")) is True
            assert "scaleguard/built-in/main.rego" in sidecar.rules()


def test_the_sidecar_is_there_before_who_asks_and_is_looked_after(tmp_path: Path) -> None:
    for pod in Sidecar(tmp_path, rendered(tmp_path, "--set", ON)).pods:
        (container,) = pod["initContainers"]
        assert container["restartPolicy"] == "Always"
        (port,) = container["ports"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"] == {"path": "/health", "port": port["name"]}
        assert container["securityContext"] == pod["containers"][0]["securityContext"]


def test_a_controller_that_only_keeps_certificates_asks_nobody(tmp_path: Path) -> None:
    documents = rendered(tmp_path, "--set", f"{ON},controller.enabled=false")
    pod = the(documents, "Deployment", f"{RELEASE}-controller")["spec"]["template"]["spec"]
    assert "initContainers" not in pod


def test_the_configuration_needs_to_say_nothing_of_it(tmp_path: Path) -> None:
    written = the(rendered(tmp_path, "--set", ON), "ConfigMap")["data"]["config.yaml"]
    server = {"url": "http://127.0.0.1:8181"}
    assert yaml.safe_load(written) == {"policies": {"engine": "opa", "opa": server}}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("config.policies.engine=embedded", "engine names another engine"),
        ("config.policies.opa.url=http://opa.policy.svc", "url names another server"),
        (
            "config.policies.opa.url=http://127.0.0.1:8181,config.policies.opa.push=false",
            "nobody else brings rules to the sidecar",
        ),
        ("hostNetwork.enabled=true", "on the loopback of a node"),
        (
            "autoscaling.enabled=true,opa.sidecar.resources.requests.cpu=null",
            "by opa.sidecar.resources.requests.cpu as well",
        ),
    ],
)
def test_what_contradicts_it_is_refused_in_words(values: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=said):
        rendered(tmp_path, "--set", f"{ON},{values}")


def test_its_version_is_the_one_that_the_tests_run() -> None:
    told = subprocess.run([binary("opa"), "version"], capture_output=True, text=True, check=True)
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    version = values["opa"]["sidecar"]["image"]["tag"].removesuffix("-static")
    assert f"Version: {version}\n" in told.stdout

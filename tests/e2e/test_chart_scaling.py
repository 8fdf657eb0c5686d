"""The chart's own objects, judged by the program and scaled by what the chart makes for them."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controlplane.cluster import ControlPlane
from tests.e2e.chart import CHART, NAMESPACE, RELEASE, Helm, eventually

pytestmark = [pytest.mark.controlplane]

CI_VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
BOTH, ALONE = (CHART / "ci" / f"{name}-values.yaml" for name in ("autoscaling", "vertical"))
CRITICAL = "system-cluster-critical"
Document = dict[str, Any]


def rendered(folder: Path, *arguments: str) -> list[Document]:
    text = Helm(folder)("template", RELEASE, str(CHART), "-n", NAMESPACE, *arguments)
    return [document for document in yaml.safe_load_all(text) if document]


def the(documents: list[Document], kind: str, name: str = RELEASE) -> Document:
    (found,) = [one for one in documents if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def review(documents: list[Document]) -> Document:
    command = [sys.executable, "-m", "webhook", "review", "-o", "json", "-"]
    text = yaml.safe_dump_all(documents)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    answer: Document = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("values", CI_VALUES, ids=lambda path: path.stem)
def test_nothing_is_said_of_the_charts_own_objects(values: Path, tmp_path: Path) -> None:
    documents = rendered(tmp_path, "-f", str(values))
    answer = review(documents)
    assert answer["summary"]["objects"] == len(documents)
    assert [one["findings"] for one in answer["results"] if one["findings"]] == []
    assert answer["skipped"] == []


def test_a_vpa_that_took_cpu_as_well_would_be_found(tmp_path: Path) -> None:
    documents = rendered(tmp_path, "-f", str(BOTH))
    policy = the(documents, "VerticalPodAutoscaler")["spec"]["resourcePolicy"]
    policy["containerPolicies"][0]["controlledResources"].append("cpu")
    found = [finding for one in review(documents)["results"] for finding in one["findings"]]
    assert {(one["rule"], one["resourceName"]) for one in found} == {("hpa-vpa-same-metric", "cpu")}


def test_what_the_hpa_reads_the_vpa_leaves_alone(tmp_path: Path) -> None:
    both, alone = rendered(tmp_path, "-f", str(BOTH)), rendered(tmp_path, "-f", str(ALONE))
    assert "replicas" not in the(both, "Deployment")["spec"]
    assert the(alone, "Deployment")["spec"]["replicas"] == 3
    for documents, controlled in ((both, ["memory"]), (alone, ["cpu", "memory"])):
        vpa = the(documents, "VerticalPodAutoscaler")["spec"]
        ours, others = vpa["resourcePolicy"]["containerPolicies"]
        (container,) = the(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
        assert ours["containerName"] == container["name"]
        assert ours["controlledResources"] == controlled
        assert ours["controlledValues"] == "RequestsOnly"
        assert {*ours["minAllowed"], *ours["maxAllowed"]} <= {*controlled}
        assert others == {"containerName": "*", "mode": "Off"}
    assert "HorizontalPodAutoscaler" not in {one["kind"] for one in alone}


@pytest.mark.parametrize("on", ["autoscaling.enabled=true,replicas=1", "replicas=2"])
def test_drains_leave_one_of_several(on: str, tmp_path: Path) -> None:
    budget = the(rendered(tmp_path, "--set", on), "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("autoscaling.maxReplicas=2,autoscaling.minReplicas=3", "minReplicas is greater than"),
        ("resources.requests.cpu=null", "measured by resources.requests.cpu, which is missing"),
        ("autoscaling.minReplicas=1", "minimum: got 1, want 2"),
    ],
)
def test_an_hpa_that_could_not_work_is_refused_in_words(
    values: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=re.escape(said)):
        rendered(tmp_path, "--set", f"autoscaling.enabled=true,{values}")


def test_labels_and_groups_are_named_once_and_selectors_stay(tmp_path: Path) -> None:
    values = str(CHART / "ci" / "placement-values.yaml")
    plain, placed = rendered(tmp_path), rendered(tmp_path, "-f", values)
    ours = [one for one in placed if one["kind"] != "PriorityClass"]
    for one in ours:
        if one["metadata"]["name"] != f"{RELEASE}-contact":
            assert one["metadata"]["labels"]["example.com/team"] == "platform"
    for name in (RELEASE, f"{RELEASE}-controller"):
        before, after = the(plain, "Deployment", name), the(placed, "Deployment", name)
        assert before["spec"]["selector"] == after["spec"]["selector"]
        template = after["spec"]["template"]
        assert template["metadata"]["labels"]["example.com/team"] == "guards"
        (constraint,) = template["spec"]["topologySpreadConstraints"]
        assert constraint["labelSelector"] == after["spec"]["selector"]
        assert template["spec"]["priorityClassName"] == CRITICAL
        assert template["spec"]["securityContext"]["runAsNonRoot"] is True
    assert the(placed, "ConfigMap", f"{RELEASE}-contact")["data"] == {"team": "platform"}
    with pytest.raises(
        AssertionError, match=r"commonLabels: .*/name is a label of the chart's own"
    ):
        rendered(tmp_path, "--set-string", r"commonLabels.app\.kubernetes\.io/name=other")


@pytest.fixture(scope="module")
def strict_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane that admits critical pods only against a quota, as GKE's; without VPA."""
    path = tmp_path_factory.mktemp("admission") / "admission.yaml"
    critical = {"scopeName": "PriorityClass", "operator": "In", "values": [CRITICAL]}
    limited = {"resource": "pods", "matchScopes": [critical]}
    quota = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "ResourceQuotaConfiguration",
        "limitedResources": [limited],
    }
    admission = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{"name": "ResourceQuota", "configuration": quota}],
    }
    path.write_text(json.dumps(admission), encoding="utf-8")
    options = [f"--admission-control-config-file={path}"]
    with ControlPlane(arguments={"kube-apiserver": options}) as running:
        running.kubectl("create", "namespace", NAMESPACE)
        yield running


def test_critical_pods_are_admitted_by_the_quota_that_comes_along(
    strict_plane: ControlPlane, tmp_path: Path
) -> None:
    def pods() -> int:
        found = strict_plane.kubectl("-n", NAMESPACE, "get", "pods", "-o", "name")
        return len(found.stdout.split())

    def refused() -> bool:
        told = strict_plane.kubectl("-n", NAMESPACE, "get", "events", "-o", "json").stdout
        return "insufficient quota to match these scopes" in told

    helm = Helm(tmp_path, strict_plane.kubeconfig)
    helm.install("--set", "resourceQuota.enabled=false")
    eventually(refused, "the refusal")
    assert pods() == 0
    helm.uninstall()
    helm.install()
    eventually(lambda: pods() == 4, "the pods of webhook and controller")
    helm.uninstall()


def test_pods_are_of_the_most_restricted_kind(strict_plane: ControlPlane, tmp_path: Path) -> None:
    """As the API server's own check of pods has it."""
    restricted = "pod-security.kubernetes.io/enforce=restricted"
    strict_plane.kubectl("label", "namespace", NAMESPACE, restricted)
    helm = Helm(tmp_path, strict_plane.kubeconfig)
    helm.install("--set", "opa.sidecar.enabled=true,audit.enabled=true")
    components = (
        "get",
        "pods",
        "-o",
        "jsonpath={.items[*].metadata.labels.app\\.kubernetes\\.io/component}",
    )

    def made() -> list[str]:
        return sorted(strict_plane.kubectl("-n", NAMESPACE, *components).stdout.split())

    eventually(lambda: made() == ["audit", *["controller"] * 2, *["webhook"] * 2], "the pods")
    helm.uninstall()
    strict_plane.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce-")


def test_the_hpa_has_the_number_and_no_upgrade_takes_it(
    strict_plane: ControlPlane, tmp_path: Path
) -> None:
    def replicas() -> int:
        found = strict_plane.kubectl("-n", NAMESPACE, "get", "deployment", RELEASE, "-o", "json")
        number: int = json.loads(found.stdout)["spec"]["replicas"]
        return number

    helm = Helm(tmp_path, strict_plane.kubeconfig)
    helm.install()
    assert replicas() == 2
    on = ("--set", "autoscaling.enabled=true,autoscaling.minReplicas=3")
    helm.upgrade(*on)
    eventually(lambda: replicas() == 3, "the HPA controller")
    helm.upgrade(*on, "--set", "log.level=debug")
    assert replicas() == 3
    helm.uninstall()


def test_a_vpa_that_nobody_knows_is_refused_in_words_where_helm_knows_the_cluster(
    strict_plane: ControlPlane, tmp_path: Path
) -> None:
    on = ("--set", "verticalPodAutoscaler.enabled=true")
    helm = Helm(tmp_path, strict_plane.kubeconfig)
    with pytest.raises(AssertionError, match=r"this cluster has no VerticalPodAutoscalers"):
        helm.install(*on)
    assert the(rendered(tmp_path, *on), "VerticalPodAutoscaler")
